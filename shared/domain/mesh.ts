import type { CloudName } from './cloud.ts';
import type { ClusterId, Instant } from './ids.ts';
import type { NodeRole } from './network.ts';

/** One node as the others' WireGuard needs it. */
export interface MeshMember {
  readonly number: number;
  readonly role: NodeRole;
  readonly cloud: CloudName;
  readonly overlayAddress: string;
  readonly publicKey: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  /** The mesh version that added this member or last changed it: who has acknowledged it knows the way here. */
  readonly sinceVersion: number;
}

/** One item per cluster; agents are sent it only when its version moved. */
export interface Mesh {
  readonly clusterId: ClusterId;
  readonly version: number;
  readonly members: readonly MeshMember[];
  /** When the version last moved; absent before the first. */
  readonly changedAt?: Instant;
}
