import { conditionOf, withCondition } from '../controllers/conditions.ts';
import type { Condition, Node, Taint } from '../controllers/shapes.ts';
import type { KubernetesObject } from '../model.ts';
import { timestamp } from '../objects.ts';

/** What a machine's kubelet knows of its machine. */
export interface KubeletNode {
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly providerId?: string;
  readonly internalIp: string;
  readonly externalIp?: string;
  readonly capacity: {
    /** Cores. */
    readonly cpu: number;
    readonly memoryKi: number;
    readonly pods: number;
    /** Bytes of the disk that pods share; absent: 50 GiB. */
    readonly ephemeralBytes?: number;
  };
  /** Its flag --kube-reserved; absent: nothing. */
  readonly kubeReserved?: { readonly cpuMillis: number; readonly memoryBytes: number };
  readonly architecture?: 'amd64' | 'arm64';
  /** Runs etcd, the API server and its companions, which show as pods of kube-system. */
  readonly controlPlane?: boolean;
  /** `v1.36.2`. */
  readonly kubeletVersion: string;
  readonly osImage: string;
  readonly kernelVersion: string;
  /** `containerd://2.1.3`. */
  readonly containerRuntime: string;
}

const defaultDiskBytes = 50 * 2 ** 30;
/** Below so much free memory a kubelet evicts: its own default. */
const evictionKi = 100 * 1024;

/**
 * What pods may ask for: the capacity without what the kubelet was told to reserve, and without the memory that it keeps free.
 * By itself a kubelet reserves nothing.
 */
export function allocatable(
  { cpu, memoryKi, pods, ephemeralBytes }: KubeletNode['capacity'],
  reserved: KubeletNode['kubeReserved'] = { cpuMillis: 0, memoryBytes: 0 },
): Readonly<Record<string, string>> {
  const disk = ephemeralBytes ?? defaultDiskBytes;
  return {
    cpu: `${Math.max(0, 1000 * cpu - reserved.cpuMillis)}m`,
    memory: `${Math.max(0, Math.floor(memoryKi - reserved.memoryBytes / 1024 - evictionKi))}Ki`,
    pods: String(pods),
    'ephemeral-storage': String(Math.floor(disk * 0.9)),
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
  };
}

const capacityOf = ({
  cpu,
  memoryKi,
  pods,
  ephemeralBytes,
}: KubeletNode['capacity']): Readonly<Record<string, string>> => ({
  cpu: String(cpu),
  memory: `${memoryKi}Ki`,
  pods: String(pods),
  'ephemeral-storage': `${Math.floor((ephemeralBytes ?? defaultDiskBytes) / 1024)}Ki`,
  'hugepages-1Gi': '0',
  'hugepages-2Mi': '0',
});

const architectureOf = ({ architecture = 'amd64' }: KubeletNode): string => architecture;

/** The same for a name each time: a machine keeps its ids over a reboot. */
function machineId(name: string): string {
  let text = '';
  for (let round = 0; text.length < 32; round += 1) {
    let hash = 0x81_1c_9d_c5 ^ round;
    for (const byte of Buffer.from(name)) hash = Math.imul(hash ^ byte, 0x01_00_01_93) >>> 0;
    text += hash.toString(16).padStart(8, '0');
  }
  return text;
}

/** What never changes while the machine runs. */
function fixedStatus(node: KubeletNode): Readonly<Record<string, unknown>> {
  const id = machineId(node.name);
  return {
    capacity: capacityOf(node.capacity),
    allocatable: allocatable(node.capacity, node.kubeReserved),
    addresses: [
      { type: 'InternalIP', address: node.internalIp },
      ...(node.externalIp === undefined ? [] : [{ type: 'ExternalIP', address: node.externalIp }]),
      { type: 'Hostname', address: node.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    nodeInfo: {
      machineID: id,
      systemUUID: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      bootID: machineId(`${node.name} boot`).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
      kernelVersion: node.kernelVersion,
      osImage: node.osImage,
      containerRuntimeVersion: node.containerRuntime,
      kubeletVersion: node.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: architectureOf(node),
    },
  };
}

/** The Node that this kubelet creates through the API when it registers. */
export const nodeObject = (node: KubeletNode): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name: node.name,
    labels: {
      'beta.kubernetes.io/arch': architectureOf(node),
      'beta.kubernetes.io/os': 'linux',
      'kubernetes.io/arch': architectureOf(node),
      'kubernetes.io/hostname': node.name,
      'kubernetes.io/os': 'linux',
      ...node.labels,
    },
    annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
  },
  spec: {
    ...(node.providerId === undefined ? {} : { providerID: node.providerId }),
    taints: [...(node.taints ?? []), { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }],
  },
  status: fixedStatus(node),
});

const pressures = [
  ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
] as const;

/** The Node's status as its kubelet reports it. Pure. @param networkReady whether pods on it can get addresses */
export function reportedStatus(
  node: KubeletNode,
  stored: Node,
  {
    nowMs,
    heartbeatMs,
    networkReady,
  }: { readonly nowMs: number; readonly heartbeatMs: number; readonly networkReady: boolean },
): NonNullable<Node['status']> {
  const lastHeartbeatTime = timestamp(heartbeatMs);
  const ready: Condition = networkReady
    ? { type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'kubelet is posting ready status' }
    : {
        type: 'Ready',
        status: 'False',
        reason: 'KubeletNotReady',
        message:
          'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
      };
  let conditions = stored.status?.conditions ?? [];
  for (const [type, reason, message] of pressures) {
    conditions = withCondition(
      conditions,
      { type, status: 'False', reason, message, lastHeartbeatTime },
      nowMs,
    );
  }
  conditions = withCondition(conditions, { ...ready, lastHeartbeatTime }, nowMs);
  return { ...stored.status, ...fixedStatus(node), conditions };
}

export const isNodeReady = (node: Node): boolean => conditionOf(node, 'Ready')?.status === 'True';
