import type { Hono } from 'hono';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster, mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { createPeopleApp, type PeopleDependencies } from '../../shared/runtime/people-http/people-app.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { foreseeReconciliation, type ForesightStore } from './foresee.ts';

/** One route: have a cluster looked at with the next tick, or with `?dryRun=true` hear what that would come to. */
export function createApp(
  dependencies: PeopleDependencies & {
    readonly store: Pick<Store, 'apiKeys' | 'audit' | 'clusters' | 'names'> & ForesightStore;
  },
): Hono<PeopleEnvironment> {
  const { store, clock, log } = dependencies;
  const app = createPeopleApp(dependencies, { scopeOf: () => 'write' });

  app.post('/clusters/:cluster/reconcile', async (context) => {
    const dryRun = context.req.query('dryRun') ?? 'false';
    if (dryRun !== 'true' && dryRun !== 'false') throw new Problem(400, 'dryRun: true or false');
    const cluster = await findCluster(store, context.req.param('cluster'));
    mustLive(cluster);
    if (dryRun === 'true') return context.json(await foreseeReconciliation(dependencies, cluster));
    // The next tick has its clouds looked at, and decides.
    await store.clusters.makeDue(cluster.id, clock.now());
    log.info('reconciliation requested', { clusterId: cluster.id });
    return context.json(clusterView(cluster), 202);
  });
  return app;
}
