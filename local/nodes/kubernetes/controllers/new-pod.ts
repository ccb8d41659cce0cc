import { randomInt } from 'node:crypto';
import type { ClusterObjects, KubernetesObject, OwnerReference } from '../model.ts';
import type { Container, Pod, PodSpec, PodTemplate, Toleration } from './shapes.ts';

/** Letters and digits that spell no word: those of Kubernetes' own generated names. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const nameLengthMax = 63;

export const randomSuffix = (): string =>
  Array.from({ length: 5 }, () => alphabet[randomInt(alphabet.length)] ?? '').join('');

/** Letters that stand for a number, as in the names of replica sets. */
export const spelled = (number: number): string =>
  Array.from(String(number), (digit) => alphabet[digit.charCodeAt(0) % alphabet.length] ?? '').join('');

export const nameWithSuffix = (base: string, suffix: string): string =>
  `${base.slice(0, nameLengthMax - suffix.length - 1)}-${suffix}`;

const lost = (condition: string): Toleration => ({
  key: `node.kubernetes.io/${condition}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
});

const priorities: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};

function qosClass({ containers, initContainers = [] }: PodSpec): string {
  const all = [...containers, ...initContainers];
  const asked = (each: Container): readonly string[] => [
    ...Object.keys(each.resources?.requests ?? {}),
    ...Object.keys(each.resources?.limits ?? {}),
  ];
  if (all.every((each) => asked(each).length === 0)) return 'BestEffort';
  const guaranteed = all.every((each) =>
    ['cpu', 'memory'].every((resource) => {
      const limit = each.resources?.limits?.[resource];
      return limit !== undefined && String(each.resources?.requests?.[resource] ?? limit) === String(limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

const containerWithDefaults = (container: Container): Container => {
  const { requests, limits } = container.resources ?? {};
  return {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: /:(?!latest$)[^/]+$|@/.test(container.image ?? '') ? 'IfNotPresent' : 'Always',
    ...container,
    resources: {
      ...container.resources,
      // What is limited and not asked for is asked for in full.
      ...(limits === undefined ? {} : { requests: { ...limits, ...requests } }),
    },
  };
};

/** A pod as the API server stores a new one: defaults and what its admission adds. Done again it changes nothing. */
export function podWithDefaults(pod: Pod): Pod {
  const tolerations = pod.spec.tolerations ?? [];
  const missing = [lost('not-ready'), lost('unreachable')].filter(
    ({ key }) =>
      !tolerations.some(
        (each) =>
          (each.key === key || (each.key ?? '') === '') &&
          (each.effect === 'NoExecute' || (each.effect ?? '') === ''),
      ),
  );
  const spec: PodSpec = {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 30,
    dnsPolicy: 'ClusterFirst',
    serviceAccountName: 'default',
    serviceAccount: 'default',
    schedulerName: 'default-scheduler',
    securityContext: {},
    enableServiceLinks: true,
    preemptionPolicy: 'PreemptLowerPriority',
    priority: priorities[pod.spec.priorityClassName ?? ''] ?? 0,
    ...pod.spec,
    tolerations: [...tolerations, ...missing],
    containers: pod.spec.containers.map(containerWithDefaults),
    ...(pod.spec.initContainers === undefined
      ? {}
      : { initContainers: pod.spec.initContainers.map(containerWithDefaults) }),
  };
  return { ...pod, spec, status: { phase: 'Pending', qosClass: qosClass(spec), ...pod.status } };
}

export const controllerReference = ({ apiVersion, kind, metadata }: KubernetesObject): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name,
  uid: metadata.uid ?? '',
  controller: true,
  blockOwnerDeletion: true,
});

/** Makes one pod of a template for its controller. Undefined: its namespace is being emptied, or gone. */
export function createPod(
  objects: ClusterObjects,
  owner: KubernetesObject,
  template: PodTemplate,
  how: {
    readonly suffix?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly spec?: Partial<PodSpec>;
  } = {},
): Pod | undefined {
  const { name, namespace = 'default' } = owner.metadata;
  const home = objects.get('namespaces', namespace);
  if (home === undefined || home.metadata.deletionTimestamp !== undefined) return undefined;
  const annotations = { ...template.metadata?.annotations, ...how.annotations };
  return objects.create(
    'pods',
    podWithDefaults({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: nameWithSuffix(name, how.suffix ?? randomSuffix()),
        generateName: `${name}-`,
        namespace,
        labels: { ...template.metadata?.labels, ...how.labels },
        ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
        ...(template.metadata?.finalizers === undefined ? {} : { finalizers: template.metadata.finalizers }),
        ownerReferences: [controllerReference(owner)],
      },
      spec: { ...template.spec, ...how.spec },
    }),
  ) as Pod;
}
