import type { ReconcilePlan } from '../../shared/domain/api-types.ts';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { reconcile } from '../../shared/planning/reconcile.ts';
import { describeAction } from '../../shared/planning/reconcile/describe-action.ts';
import { marketNeeded, workloadNeeded } from '../../shared/planning/watch-workload.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** What is read of a cluster before anything is decided for it. */
export type ForesightStore = Pick<
  Store,
  'nodes' | 'mesh' | 'parts' | 'dns' | 'observations' | 'workloads' | 'pki' | 'offerings' | 'coolOffs'
>;

/** What would be found and done for a cluster if it were looked at now, from what its clouds last showed. Reads only. */
export async function foreseeReconciliation(
  {
    store,
    clock,
    zone,
  }: {
    readonly store: ForesightStore;
    readonly clock: Clock;
    readonly zone?: HostedZone | undefined;
  },
  cluster: Cluster,
): Promise<ReconcilePlan> {
  const mesh = await store.mesh.get(cluster.id);
  const now = clock.now();
  const [nodes, parts, sightings, credential, known, workload, market, published] = await Promise.all([
    store.nodes.list(cluster.id),
    store.parts.list(cluster.id),
    store.observations.list(cluster.id),
    store.pki.credential(cluster.id),
    store.observations.findings(cluster.id),
    workloadNeeded(cluster) && store.workloads.get(cluster.id),
    marketNeeded(cluster) ? readMarket(store, cluster, now) : undefined,
    zone && store.dns.get(cluster.id),
  ]);
  const { findings, actions } = reconcile({
    cluster,
    nodes,
    parts,
    sightings,
    credential: credential ?? 'missing',
    known,
    mesh,
    workload,
    market,
    dns: zone && { zone, published },
    now,
    jitter: 0,
  });
  return {
    cluster: clusterView(cluster),
    findings,
    actions: actions.map(describeAction),
    seen: sightings.map(({ cloud, at }) => ({ cloud, at })),
    ...(cluster.repairNotBefore !== undefined &&
      cluster.repairNotBefore > now && { repairNotBefore: cluster.repairNotBefore }),
  };
}
