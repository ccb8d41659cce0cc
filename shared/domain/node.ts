import type { CloudName } from './cloud.ts';
import type { KubernetesVersion } from './cluster.ts';
import { secondsBetween, type ClusterId, type Instant, type NodeId } from './ids.ts';
import type { NodeRole } from './network.ts';
import type { Lifecycle, Offering, Shape } from './offering.ts';
import type { Operation } from './operation.ts';

/** In the order a node lives through them; `failed` is left only by retirement. */
export const nodePhases = [
  'planned',
  'creating',
  'booting',
  'joining',
  'ready',
  'draining',
  'deleting',
  'deleted',
  'failed',
] as const;
export type NodePhase = (typeof nodePhases)[number];

/** A phase's place in the order: conditional writes compare it, so that a late report never takes a node back. */
export const phaseRank = (phase: NodePhase): number => nodePhases.indexOf(phase);

export const attemptsMax = 3;
/**
 * What a policy wants is planned anew when it comes to nothing: by then it is known what cools off, and over all clouds there
 * may be something better than what one node's fallback would find.
 */
export const attemptsMaxOf = ({ boughtFor }: Pick<PlannedNode, 'boughtFor'>): number =>
  boughtFor === undefined ? attemptsMax : 1;
/** Numbers double as overlay host numbers; the full mesh holds 256 nodes, so one octet's worth live at once. */
export const nodesMax = 256;
export const nodesPerPlanMax = 20;

/** A node that is wanted but not yet an item of its own. */
export interface PlannedNode {
  readonly id: NodeId;
  readonly number: number;
  readonly role: NodeRole;
  readonly offering: Offering;
  /** What was asked for, when it was a shape: fallback offerings are looked for by it. */
  readonly shape?: Shape;
  /** The node that this one takes the place of: one that was lost, or is being taken back by its cloud. */
  readonly replaces?: NodeId;
  /** Which policy wanted it; absent: people did. */
  readonly boughtFor?: 'cluster-limits' | 'unschedulable-pods' | 'spot' | 'consolidation';
  /** Bought by consolidation: the nodes whose work it is to take, so that they can go. */
  readonly takesOverFrom?: readonly NodeId[];
  /** It was to be on spot, which was not to be had. */
  readonly standsInFor?: 'spot';
}

/** A pod that may not be evicted for now, `default/web-1`, and why. */
export interface HeldPod {
  readonly pod: string;
  readonly because: string;
}

/** A node's work cannot be taken off it for now. */
export interface DrainHeldUp {
  /** From when nothing of it went. */
  readonly since: Instant;
  readonly because: string;
  /** At most `heldPodsMax`; none where the cluster's API does not answer. */
  readonly pods: readonly HeldPod[];
  /** When it was said, once it had lasted. */
  readonly saidAt?: Instant;
}
export const heldPodsMax = 20;
/** What lasts no longer is how budgets work, and nothing to tell anybody. */
export const heldUpSecondsMin = 60;

/** Everything a create call is made from, stored before it, so that repeating it sends the same bytes. */
export interface CreateRequest {
  readonly attempt: number;
  readonly offering: Offering;
  readonly kubernetesVersion: KubernetesVersion;
  /** Epoch seconds: when the bootstrap token of this attempt expires. */
  readonly tokenExpiresAt: number;
  readonly requestedAt: Instant;
}

export interface NodeFailure {
  readonly reason: string;
  /** The machine's last log lines, at most 4 KB, never a secret. */
  readonly log?: string;
}

export interface Node extends PlannedNode {
  readonly clusterId: ClusterId;
  readonly cloud: CloudName;
  readonly accountId: string;
  readonly lifecycle: Lifecycle;
  readonly desired: 'present' | 'absent';
  readonly phase: NodePhase;
  /** 0 before the first create; each new machine is a new attempt. */
  readonly attempt: number;
  /** Its machine's. Absent before the first machine, and where that was made before any cluster could be upgraded. */
  readonly kubernetesVersion?: KubernetesVersion;
  readonly overlayAddress: string;
  readonly createRequest?: CreateRequest;
  readonly providerId?: string;
  readonly publicAddress?: string;
  readonly privateAddress?: string;
  readonly wireguardPublicKey?: string;
  /** SHA-256 (hex) of the agent's session secret; bound at admission. */
  readonly sessionHash?: string;
  readonly meshVersion?: number;
  /** Overlay addresses of its WireGuard peers that do not answer, as it last said, in order. */
  readonly silentPeers?: readonly string[];
  readonly waitToken?: string;
  readonly joinedAt?: Instant;
  readonly readyAt?: Instant;
  readonly leftAt?: Instant;
  /** It goes without its work being taken off it first: somebody said so. */
  readonly skipDrain?: boolean;
  readonly drainHeldUp?: DrainHeldUp;
  /** When somebody said that it is to go, and that it may be drained first. */
  readonly letGoAt?: Instant;
  /** Let go because its machine was found lost: unless it was heard of since, it has nothing to hand over. */
  readonly lostAt?: Instant;
  /** Let go by consolidation: it counts towards what may go within an hour. */
  readonly consolidatedAt?: Instant;
  /** A control plane that goes: since when etcd no longer counts it. */
  readonly memberForgottenAt?: Instant;
  /** What its cloud said of this machine's future. */
  readonly interruption?: 'terminate' | 'rebalance';
  readonly lastSeenAt?: Instant;
  readonly failure?: NodeFailure;
  readonly operation?: Operation;
  /** Its last retirement failed: the next is not begun before. */
  readonly retireNotBefore?: Instant;
  readonly createdAt: Instant;
  readonly deletedAt?: Instant;
}

/** Whether a node that is to go has been held up for so long that people should know. */
export const isHeldUp = (
  { drainHeldUp, phase }: Pick<Node, 'drainHeldUp' | 'phase'>,
  now: Instant,
): boolean =>
  drainHeldUp !== undefined &&
  phase !== 'deleted' &&
  secondsBetween(drainHeldUp.since, now) >= heldUpSecondsMin;

export const overlayAddress = (number: number): string => `10.4.${number >> 8}.${number & 255}`;

/** The machine's and the Kubernetes Node's name: `four-clouds-7`. */
export const nodeName = (clusterName: string, number: number): string => `${clusterName}-${number}`;
