import type { MachineApi } from './machine-api.ts';

/** Unscaled seconds that a cloud's notice leaves for it. */
const leaveSecondsMax = 25;
const pollSeconds = 1;

interface PodItem {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly status?: { readonly phase?: string };
}

/**
 * Hands over the node's work with the kubelet's own certificate: cordons, then evicts again and again what still runs, until
 * nothing does or the time is up. A disruption budget's 429 is asked again.
 */
export async function leave(
  nodeName: string,
  api: MachineApi,
  around: {
    readonly scaled: (seconds: number) => number;
    readonly sleep: (seconds: number) => Promise<void>;
    readonly log: (line: string) => void;
  },
): Promise<void> {
  const until = Date.now() + around.scaled(leaveSecondsMax);
  const cordoned = await api.call('PATCH', `/api/v1/nodes/${nodeName}`, { spec: { unschedulable: true } });
  if (cordoned.status !== 200) around.log(`cordon: ${cordoned.status} ${JSON.stringify(cordoned.body)}`);
  do {
    const listed = await api.call(
      'GET',
      `/api/v1/pods?fieldSelector=${encodeURIComponent(`spec.nodeName=${nodeName}`)}`,
    );
    const pods = listed.status === 200 ? (listed.body as { items: PodItem[] }).items.filter(isEvictable) : [];
    if (listed.status === 200 && pods.length === 0) return;
    await Promise.all(
      pods.map(({ metadata: { name, namespace } }) =>
        api.call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/eviction`, {
          apiVersion: 'policy/v1',
          kind: 'Eviction',
          metadata: { name, namespace },
        }),
      ),
    );
    await around.sleep(pollSeconds);
  } while (Date.now() < until);
}

const isEvictable = ({ metadata, status }: PodItem): boolean =>
  metadata.ownerReferences?.some(({ kind }) => kind === 'DaemonSet') !== true &&
  metadata.annotations?.['kubernetes.io/config.mirror'] === undefined &&
  status?.phase !== 'Succeeded' &&
  status?.phase !== 'Failed';
