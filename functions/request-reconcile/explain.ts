import type { PodExplanation } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { explainPod } from '../../shared/planning/explain-pod.ts';
import { workloadNeeded } from '../../shared/planning/watch-workload.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ForesightStore } from './foresee.ts';

/**
 * By what was last seen of the cluster's pods. @throws Problem 404 no such pod was seen; 409 nobody looks, since no policy of
 * the cluster needs it, or the cluster's API did not answer.
 */
export async function explain(
  { store, clock }: { readonly store: ForesightStore; readonly clock: Clock },
  cluster: Cluster,
  pod: string,
): Promise<PodExplanation> {
  const now = clock.now();
  if (workloadNeeded(cluster) === undefined)
    throw new Problem(
      409,
      `nobody looks at the pods of ${cluster.name}: none of its policies needs to know them (unschedulablePods, nodeDeletion)`,
    );
  const [nodes, parts, sighting, market] = await Promise.all([
    store.nodes.list(cluster.id),
    store.parts.list(cluster.id),
    store.workloads.get(cluster.id),
    readMarket(store, cluster, now),
  ]);
  if (sighting?.workload === undefined)
    throw new Problem(
      409,
      `the pods of ${cluster.name} are not known: ${sighting?.failure ?? 'nobody has looked yet'}`,
    );
  const { workload, clusterId, at } = sighting;
  const explanation = explainPod({
    cluster,
    nodes,
    parts,
    sighting: { clusterId, at, workload },
    market,
    pod,
    now,
  });
  if (explanation === undefined)
    throw new Problem(404, `no pod ${pod} was seen in ${cluster.name} at ${at}; what has ended is not kept`);
  return explanation;
}
