import type { Cluster } from '../../../shared/domain/cluster.ts';
import type { Node } from '../../../shared/domain/node.ts';

/** One cluster as it is when nothing has gone wrong for a while. */
export interface Outcome {
  readonly cluster: Cluster;
  /** Those that are wanted. */
  readonly nodes: readonly Node[];
  /** Whether the node's machine runs, with its agent on it. */
  readonly serves: (node: Node) => boolean;
}

export interface NotBuilt {
  readonly missing: string;
  /** True for an outcome that stays as it is only because this is missing. */
  readonly explains: (outcome: Outcome) => boolean;
}

/**
 * What a world may be left with because something is not built yet. Each row goes with the work that makes it untrue:
 * this is the only place where an outcome is forgiven.
 */
export const notBuilt: readonly NotBuilt[] = [];
