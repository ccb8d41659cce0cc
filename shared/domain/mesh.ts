import type { CloudName } from './cloud.ts';
import type { ClusterId } from './ids.ts';

/** One node as the others' WireGuard needs it. */
export interface MeshMember {
  readonly number: number;
  readonly cloud: CloudName;
  readonly overlayAddress: string;
  readonly publicKey: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
}

/** One item per cluster; agents are sent it only when its version moved. */
export interface Mesh {
  readonly clusterId: ClusterId;
  readonly version: number;
  readonly members: readonly MeshMember[];
}
