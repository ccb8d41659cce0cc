import type { CloudName } from './cloud.ts';
import type { ClusterId, Instant } from './ids.ts';

/** What deciding needs to know of what was seen in one cloud; the cloud contract's observations are of this form. */
export interface SeenMachine {
  readonly providerId: string;
  readonly name: string;
  /** Empty on a machine that carries the cluster's tags but no node's. */
  readonly nodeId: string;
  readonly state: 'pending' | 'running' | 'stopping' | 'stopped';
  readonly createdAt: Instant;
}

export interface SeenStranger {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly inside: string;
}

export interface SeenResource {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  /** Left over: it serves neither the network nor a machine. */
  readonly isSpare?: true;
}

/** One difference between what should stand in a cloud and what does. */
export interface SeenFlaw {
  readonly of: 'network' | 'machine' | 'load-balancer';
  /** Without spaces, the same in every sweep: `security-group:worker:surplus-rule:tcp:22:0.0.0.0/0`. */
  readonly subject: string;
  readonly message: string;
  /** The machine's, for a machine's flaw. */
  readonly providerId?: string;
}

/** One cluster as one cloud shows it. */
export interface SeenCluster {
  readonly clusterId: ClusterId;
  readonly machines: readonly SeenMachine[];
  readonly resources: readonly SeenResource[];
  readonly strangers: readonly SeenStranger[];
  /** Absent on what was seen before anything was expected. */
  readonly flaws?: readonly SeenFlaw[];
}

export interface Sighting {
  readonly cloud: CloudName;
  readonly at: Instant;
  readonly observation: SeenCluster;
}
