/**
 * What an agent and the platform say to each other. One call, one loop: admitted once, then it syncs.
 *
 * POST /v1/clusters/{clusterId}/nodes/{number}/admit   Authorization: Bearer <bootstrap token>
 * POST /v1/clusters/{clusterId}/nodes/{number}/sync    Authorization: Bearer <session secret>
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
  /** `wait` says for what; `join` names the control plane's overlay address to join at. */
  readonly reason?: string;
  readonly endpoint?: string;
}

export interface SyncReply {
  readonly instruction: Instruction;
  readonly meshVersion: number;
  /** Only when the agent's mesh version is not this one. */
  readonly peers?: readonly WireguardPeer[];
  readonly syncAfterSeconds: number;
}

export interface WireguardPeer {
  readonly publicKey: string;
  /** `10.4.0.7/32` */
  readonly allowedIps: string;
  /** `203.0.113.7:51820` */
  readonly endpoint: string;
}
