import type { ReconcilePlan } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { reconcile } from '../../shared/planning/reconcile.ts';
import { describeAction } from '../../shared/planning/reconcile/describe-action.ts';
import type { ApiDependencies } from './api.ts';
import { clusterView } from './views.ts';

/** What would be found and done for a cluster if it were looked at now, from what its clouds last showed. Reads only. */
export async function planReconciliation(
  { store, clock }: ApiDependencies,
  cluster: Cluster,
): Promise<ReconcilePlan> {
  const [nodes, parts, sightings, credential, known] = await Promise.all([
    store.nodes.list(cluster.id),
    store.parts.list(cluster.id),
    store.observations.list(cluster.id),
    store.pki.credential(cluster.id),
    store.observations.findings(cluster.id),
  ]);
  const { findings, actions } = reconcile({
    cluster,
    nodes,
    parts,
    sightings,
    credential: credential ?? 'missing',
    known,
    now: clock.now(),
    jitter: 0,
  });
  return {
    cluster: clusterView(cluster),
    findings,
    actions: actions.map(describeAction),
    seen: sightings.map(({ cloud, at }) => ({ cloud, at })),
    ...(cluster.repairNotBefore !== undefined &&
      cluster.repairNotBefore > clock.now() && { repairNotBefore: cluster.repairNotBefore }),
  };
}
