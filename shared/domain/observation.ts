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

/** One cluster as one cloud shows it. */
export interface SeenCluster {
  readonly clusterId: ClusterId;
  readonly machines: readonly SeenMachine[];
  readonly resources: readonly { readonly kind: string; readonly id: string; readonly name: string }[];
  readonly strangers: readonly SeenStranger[];
}

export interface Sighting {
  readonly cloud: CloudName;
  readonly at: Instant;
  readonly observation: SeenCluster;
}
