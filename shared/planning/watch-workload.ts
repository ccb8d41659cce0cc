import type { Cluster } from '../domain/cluster.ts';
import type { Instant } from '../domain/ids.ts';
import type { SeenNode, Workload, WorkloadSighting } from '../domain/workload.ts';

/** What has to be known of a cluster's pods for its policies; undefined: nothing, and its API is left alone. */
export function workloadNeeded({
  policies,
  desired,
  deletionRequestedAt,
  readyAt,
}: Pick<Cluster, 'policies' | 'desired' | 'deletionRequestedAt' | 'readyAt'>):
  | { readonly withBudgets: boolean }
  | undefined {
  const { unschedulablePods, nodeDeletion, consolidation } = policies;
  if (desired === 'absent' || deletionRequestedAt !== undefined || readyAt === undefined) return undefined;
  if (unschedulablePods === undefined && nodeDeletion === undefined && consolidation === undefined)
    return undefined;
  return { withBudgets: consolidation !== undefined };
}

/** Whether a policy of the cluster may buy something, so that what is sold has to be known. */
export const marketNeeded = ({ policies, readyAt }: Pick<Cluster, 'policies' | 'readyAt'>): boolean =>
  readyAt !== undefined &&
  (policies.unschedulablePods !== undefined ||
    policies.nodeDeletion !== undefined ||
    policies.consolidation !== undefined ||
    policies.spot !== undefined ||
    policies.clusterLimits?.minVcpus !== undefined);

/**
 * Remembers from one look to the next since when nodes are empty. After a look that failed it counts anew: whatever ran in
 * between, nobody saw.
 */
export function rememberEmpty(
  workload: Workload,
  before: WorkloadSighting | undefined,
  at: Instant,
): Workload {
  const since = new Map(
    before?.workload?.nodes.map(({ name, emptySince }) => [name, emptySince] as const) ?? [],
  );
  return {
    ...workload,
    nodes: workload.nodes.map((node) =>
      isEmpty(node) ? { ...node, emptySince: since.get(node.name) ?? at } : node,
    ),
  };
}

/** A node that is not ready has no work because nobody gives it any. */
const isEmpty = ({ isReady, hasUnknownPods, pods }: SeenNode): boolean =>
  isReady && hasUnknownPods !== true && pods.every(({ isNodesOwn }) => isNodesOwn === true);
