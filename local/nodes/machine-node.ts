import type { CertificatePair } from './certificates.ts';
import { isNodeReady, type NodeOnDisk } from './kubeadm.ts';
import type { Clusters } from './kubernetes/clusters.ts';
import { nodeObject, type KubeletNode } from './kubernetes/kubelet/index.ts';
import { createMachineApi, type MachineApi } from './machine-api.ts';

/** What the machine's kubelet finds it has. */
export interface Hardware {
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly architecture: 'amd64' | 'arm64';
}

/** The kernel keeps some of it to itself. */
const usableMemory = 0.97;
/** The kubelet's own default. */
const podsMax = 110;
/** As Ubuntu 24.04 has them. */
const software = {
  osImage: 'Ubuntu 24.04.4 LTS',
  kernelVersion: '6.8.0-90-generic',
  containerRuntime: 'containerd://2.1.3',
} as const;

/** What runs on a machine once kubeadm has made it a node: its kubelet, and on a control plane an API server. */
export interface MachineNode {
  start(node: NodeOnDisk): void;
  /** The plug is pulled. */
  stop(): void;
  /** The cluster's API by its name in the machine's hosts file. */
  readonly connect: (caCertificatePem: string, client: CertificatePair) => MachineApi;
  readonly nodeObject: (node: NodeOnDisk) => unknown;
  /** Whether the API has this Node as Ready; its kubelet asks. */
  isReady(node: NodeOnDisk): Promise<boolean>;
  /** Has a Node made that the API does not know any more, as a kubelet that starts anew. False: nobody could be asked. */
  registerAgain(node: NodeOnDisk): Promise<boolean>;
}

export function openMachineNode(machine: {
  readonly clusters: Clusters;
  readonly clusterId: string;
  readonly key: string;
  readonly overlayAddress: string;
  readonly publicAddress: () => string;
  readonly hardware: Hardware;
  readonly peers: () => readonly string[];
  readonly endpoints: () => readonly string[];
}): MachineNode {
  const { clusters, clusterId, overlayAddress } = machine;
  let plugs: (() => void)[] = [];
  let reader: MachineApi | undefined;
  const stop = (): void => {
    reader?.close();
    reader = undefined;
    for (const pull of plugs.toReversed()) pull();
    plugs = [];
  };
  const kubeletOf = ({ registration, version }: NodeOnDisk): KubeletNode => ({
    name: registration.name,
    labels: registration.labels,
    taints: registration.taints,
    ...(registration.providerId === undefined ? {} : { providerId: registration.providerId }),
    ...(registration.kubeReserved === undefined ? {} : { kubeReserved: registration.kubeReserved }),
    internalIp: registration.address,
    capacity: {
      cpu: machine.hardware.vcpus,
      memoryKi: Math.floor(machine.hardware.memoryGib * 2 ** 20 * usableMemory),
      pods: podsMax,
    },
    architecture: machine.hardware.architecture,
    kubeletVersion: version,
    ...software,
  });
  const reaches = (address: string): boolean =>
    address === overlayAddress || machine.peers().includes(address);
  const connect: MachineNode['connect'] = (caCertificatePem, client) =>
    createMachineApi({
      clusterId,
      caCertificatePem,
      client,
      dial: () => {
        for (const address of machine.endpoints()) {
          const socket = reaches(address) ? clusters.dial(clusterId, overlayAddress, address) : undefined;
          if (socket !== undefined) return socket;
        }
        return undefined;
      },
    });

  return {
    start(node) {
      stop();
      if (node.controlPlane !== undefined)
        plugs.push(
          clusters.serve(clusterId, {
            machine: machine.key,
            overlayAddress,
            publicAddress: machine.publicAddress(),
            reaches,
            ...node.controlPlane,
          }),
        );
      plugs.push(clusters.runKubelet(clusterId, kubeletOf(node)));
    },
    stop,
    connect,
    nodeObject: (node) => nodeObject(kubeletOf(node)),
    async registerAgain(node) {
      const api = connect(node.caCertificatePem, node.kubelet);
      try {
        const { status } = await api.call('GET', `/api/v1/nodes/${node.registration.name}`);
        if (status !== 404) return status === 200;
        const made = await api.call('POST', '/api/v1/nodes', nodeObject(kubeletOf(node)));
        return made.status < 300 && made.status > 0;
      } finally {
        api.close();
      }
    },
    async isReady(node) {
      // One connection for all the times that it is asked.
      reader ??= connect(node.caCertificatePem, node.kubelet);
      const { status, body } = await reader.call('GET', `/api/v1/nodes/${node.registration.name}`);
      if (status !== 200 || !isNodeReady(body)) return false;
      reader.close();
      reader = undefined;
      return true;
    },
  };
}
