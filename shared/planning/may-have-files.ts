import type { Cluster } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';
import { holdsInitClaim, holdsJoinLease } from './next-instruction.ts';
import { holdsRestoreClaim, isRestoring } from './restoring.ts';

/** What the files make of a machine, or why it may not have them. */
export type FilesVerdict =
  | { readonly give: 'init' | 'join-control-plane' | 'join-worker' }
  | { readonly give: 'restore'; readonly snapshot: string }
  | { readonly refused: string };

/**
 * A cluster's authorities go only to a control plane that may begin now: the one that holds the claim while nothing is
 * initialised, later the one that holds the lease, and of a cluster that is restored the one that was let do it, with the
 * snapshot. A worker has no authority to lose, only its own half hour.
 */
export function mayHaveFiles({ cluster, node }: { cluster: Cluster; node: Node }): FilesVerdict {
  if (cluster.desired === 'absent') return { refused: 'the cluster is being deleted' };
  if (node.desired === 'absent') return { refused: 'the node is to go' };
  if (node.failure !== undefined || node.phase === 'failed') return { refused: 'the machine was given up' };
  if (node.joinedAt !== undefined) return { refused: 'the machine has joined' };
  if (isRestoring(cluster))
    return node.role === 'control-plane' && holdsRestoreClaim(cluster, node)
      ? { give: 'restore', snapshot: cluster.restore.snapshot }
      : { refused: 'the cluster is being restored' };
  if (cluster.initialisedAt === undefined)
    return node.role === 'control-plane' && holdsInitClaim(cluster, node)
      ? { give: 'init' }
      : { refused: 'the machine does not hold the claim to init' };
  if (node.role === 'worker') return { give: 'join-worker' };
  return holdsJoinLease(cluster, node)
    ? { give: 'join-control-plane' }
    : { refused: 'the machine does not hold the lease to join' };
}
