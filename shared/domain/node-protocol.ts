/**
 * What an agent and the platform say to each other. One call, one loop: admitted once, then it syncs.
 *
 * POST /v1/clusters/{clusterId}/nodes/{number}/admit   Authorization: Bearer <bootstrap token>
 * POST /v1/clusters/{clusterId}/nodes/{number}/sync    Authorization: Bearer <session secret>
 * POST /v1/clusters/{clusterId}/nodes/{number}/files   Authorization: Bearer <session secret>
 */
export interface AdmitRequest {
  /** 64 hex digits the agent made and keeps on disk before this call; the platform stores only its hash. */
  readonly sessionSecret: string;
  readonly attempt: number;
}

export interface AdmitReply {
  readonly syncAfterSeconds: number;
}

/** `booting` until an instruction was taken, `joining` while kubeadm runs, `joined` when it is done, `ready` when the Node is Ready. */
export const agentPhases = ['booting', 'joining', 'joined', 'ready', 'leaving', 'left', 'failed'] as const;
export type AgentPhase = (typeof agentPhases)[number];

export interface SyncRequest {
  readonly phase: AgentPhase;
  readonly addresses: { readonly public: string; readonly private: string };
  readonly wireguardPublicKey: string;
  /** The mesh version whose peers are in force on this machine; 0 before the first. */
  readonly meshVersion: number;
  /** The outcome of an instruction that was carried out. */
  readonly result?: { readonly instructionId: string; readonly ok: boolean; readonly output?: string };
  readonly failure?: { readonly reason: string; readonly log?: string };
  readonly interruption?: { readonly kind: 'terminate' | 'rebalance'; readonly at?: string };
  readonly handshakes?: Handshakes;
  /** A control plane's: how many pods no node has room for, as it last looked; 500 are counted at most. */
  readonly unschedulablePods?: number;
}

/** How the machine's WireGuard does, as `wg show latest-handshakes` has it; a peer is silent after 180 s without one. */
export interface Handshakes {
  /** Seconds since the oldest of its peers' last handshakes; absent while it has no peer that ever answered. */
  readonly oldestSeconds?: number;
  /** Overlay addresses of peers that are silent, at most 32; `ageSeconds` is absent for one that never answered. */
  readonly silent: readonly { readonly overlayAddress: string; readonly ageSeconds?: number }[];
}

export const instructionKinds = [
  'wait',
  'init',
  'join',
  'run',
  'leave',
  'forget-member',
  'upgrade',
  'snapshot',
  'restore',
] as const;
export type InstructionKind = (typeof instructionKinds)[number];

export interface Instruction {
  /** The same id means the same instruction: an agent never carries one out twice. */
  readonly id: string;
  readonly kind: InstructionKind;
  /** `wait` says for what; `upgrade` names the version. */
  readonly reason?: string;
  /**
   * `join`, and `run` when the mesh has moved: the control planes' overlay addresses, `10.4.0.1:6443,10.4.0.2:6443`;
   * `forget-member`: the lost one's; `snapshot`: a URL.
   */
  readonly endpoint?: string;
}

export interface SyncReply {
  readonly instruction: Instruction;
  readonly meshVersion: number;
  /** Only when the agent's mesh version is not this one. */
  readonly peers?: readonly WireguardPeer[];
  /** With `peers`, across locations: the nodes of the same network, which are reached without WireGuard. */
  readonly neighbours?: readonly Neighbour[];
  readonly syncAfterSeconds: number;
}

export interface WireguardPeer {
  readonly publicKey: string;
  /** `10.4.0.7/32` */
  readonly allowedIps: string;
  /** `203.0.113.7:51820` */
  readonly endpoint: string;
}

/** A node of the same network: its overlay address rides in a plain VXLAN between the private addresses. */
export interface Neighbour {
  readonly overlayAddress: string;
  readonly privateAddress: string;
}

/** What kubeadm needs is given only to a machine that was told `init`, `join` or `restore`, each time it asks until it has joined. */
export interface FilesRequest {
  readonly attempt: number;
  /** The kubeadm that is installed: `v1.36.4`. A cluster is initialised at that patch. */
  readonly kubernetes: string;
  /** What the platform does not know of the machine and its provider id needs; from the cloud's metadata service. */
  readonly place?: {
    /** GCP */
    readonly project?: string;
    /** Azure */
    readonly subscriptionId?: string;
    readonly resourceGroup?: string;
  };
}

export interface FilesReply {
  /** Under /etc/kubernetes, /etc/overcast or /var/lib/kubelet; `/etc/overcast/kubeadm.yaml` is kubeadm's own. */
  readonly files: readonly { readonly path: string; readonly mode: string; readonly content: string }[];
}
