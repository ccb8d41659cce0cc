import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort, ranges, type NodeRole } from '../domain/network.ts';
import type { Labels, Resources, Taint } from '../domain/pod.ts';
import { formatReserved, podsPerNodeMax } from './allocatable.ts';
import type { EtcdTuning } from './etcd-tuning.ts';
import { discoveryPath } from './kubeadm-config-discovery.ts';
import { controlPlaneEndpoint } from './kubeadm-config-endpoint.ts';
import { auditLogFolder, auditPolicyPath, encryptionConfigPath } from './kubeadm-config-security.ts';
import { formatLabels } from './node-labels.ts';

/** Where the agent looks for it. */
export const kubeadmConfigPath = '/etc/overcast/kubeadm.yaml';

const kubeadmApi = 'kubeadm.k8s.io/v1beta4';

/** Name and value of a flag, as v1beta4 has them. */
interface Argument {
  readonly name: string;
  readonly value: string;
}
const argument = (name: string, value: string | number): Argument => ({ name, value: String(value) });

export interface KubeadmNode {
  readonly name: string;
  readonly role: NodeRole;
  readonly overlayAddress: string;
  readonly labels: Labels;
  /** A control plane has that of its role besides. */
  readonly taints: readonly Taint[];
  /** What pods do not get of it. */
  readonly reserved: Resources;
  /** Absent where the machine could not tell: the Node then has none. */
  readonly providerId?: string;
}

export interface KubeadmCluster {
  readonly id: ClusterId;
  readonly name: string;
  /** `v1.36.2`, or kubeadm's label for the newest patch of a minor: `stable-1.36`. */
  readonly kubernetesVersion: string;
  readonly podRange: string;
  readonly etcd: EtcdTuning;
  /** The API's name in DNS, where the cluster has one: `api.demo.example.org`. Joining control planes have it from init. */
  readonly apiName?: string;
  /** A cluster without workers runs its work on its control planes. */
  readonly controlPlanesRunWork: boolean;
}

/**
 * How the Node registers. Everything travels on the overlay, so that address is the Node's only one. No cloud provider is
 * named: each of four would see all nodes and resolve only its own.
 */
const nodeRegistration = (node: KubeadmNode, controlPlanesRunWork: boolean) => ({
  name: node.name,
  criSocket: 'unix:///run/containerd/containerd.sock',
  imagePullPolicy: 'IfNotPresent',
  taints: [
    ...(node.role === 'control-plane' && !controlPlanesRunWork
      ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }]
      : []),
    ...node.taints,
  ],
  kubeletExtraArgs: [
    argument('node-ip', node.overlayAddress),
    ...(node.providerId === undefined ? [] : [argument('provider-id', node.providerId)]),
    argument('node-labels', formatLabels(node.labels)),
    // Machines differ in size, so this is each kubelet's own and not in the configuration that all share.
    argument('kube-reserved', formatReserved(node.reserved)),
  ],
});

const localEndpoint = (node: KubeadmNode) => ({
  advertiseAddress: node.overlayAddress,
  bindPort: apiServerPort,
});

const clusterConfiguration = (cluster: KubeadmCluster) => ({
  apiVersion: kubeadmApi,
  kind: 'ClusterConfiguration',
  clusterName: cluster.name,
  kubernetesVersion: cluster.kubernetesVersion,
  controlPlaneEndpoint: controlPlaneEndpoint(cluster.id),
  // As the authorities that are already in place: what kubeadm signs with them looks alike.
  encryptionAlgorithm: 'ECDSA-P256',
  networking: { podSubnet: cluster.podRange, serviceSubnet: ranges.services, dnsDomain: 'cluster.local' },
  // Cilium takes its place; unlike a skipped phase this is remembered when the cluster is upgraded.
  proxy: { disabled: true },
  apiServer: {
    certSANs: ['127.0.0.1', 'localhost', ...(cluster.apiName === undefined ? [] : [cluster.apiName])],
    extraArgs: [
      argument('encryption-provider-config', encryptionConfigPath),
      argument('audit-policy-file', auditPolicyPath),
      argument('audit-log-path', `${auditLogFolder}/audit.log`),
      argument('audit-log-maxage', 7),
      argument('audit-log-maxbackup', 4),
      argument('audit-log-maxsize', 100),
      argument('profiling', 'false'),
    ],
    extraVolumes: [
      {
        name: 'overcast',
        hostPath: '/etc/kubernetes/overcast',
        mountPath: '/etc/kubernetes/overcast',
        readOnly: true,
        pathType: 'Directory',
      },
      {
        name: 'audit',
        hostPath: auditLogFolder,
        mountPath: auditLogFolder,
        readOnly: false,
        pathType: 'DirectoryOrCreate',
      },
    ],
  },
  etcd: {
    local: {
      dataDir: '/var/lib/etcd',
      extraArgs: [
        argument('heartbeat-interval', cluster.etcd.heartbeatMilliseconds),
        argument('election-timeout', cluster.etcd.electionMilliseconds),
      ],
    },
  },
});

/** For every node of the cluster: kubeadm keeps it, and each join reads it. */
const kubeletConfiguration = () => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  cgroupDriver: 'systemd',
  rotateCertificates: true,
  seccompDefault: true,
  maxPods: podsPerNodeMax,
  // The 25 s that are left of an interruption notice of 30 s.
  shutdownGracePeriod: '25s',
  shutdownGracePeriodCriticalPods: '10s',
});

/** `kubeadm init --config`, on the one control plane that holds the claim. */
export const initDocuments = (cluster: KubeadmCluster, node: KubeadmNode) =>
  [
    {
      apiVersion: kubeadmApi,
      kind: 'InitConfiguration',
      // kubeadm always makes a token; nobody joins by it, so it is dead before anyone could.
      bootstrapTokens: [{ ttl: '1s' }],
      localAPIEndpoint: localEndpoint(node),
      nodeRegistration: nodeRegistration(node, cluster.controlPlanesRunWork),
    },
    clusterConfiguration(cluster),
    kubeletConfiguration(),
  ] as const;

/**
 * `kubeadm join --config`. The discovery file carries the node's own bootstrap certificate, which also serves for the TLS
 * bootstrap; the authorities of a control plane are already in place, so no certificate key is needed.
 */
export const joinDocuments = (cluster: Pick<KubeadmCluster, 'controlPlanesRunWork'>, node: KubeadmNode) =>
  [
    {
      apiVersion: kubeadmApi,
      kind: 'JoinConfiguration',
      discovery: { file: { kubeConfigPath: discoveryPath } },
      nodeRegistration: nodeRegistration(node, cluster.controlPlanesRunWork),
      ...(node.role === 'control-plane' && { controlPlane: { localAPIEndpoint: localEndpoint(node) } }),
    },
  ] as const;
