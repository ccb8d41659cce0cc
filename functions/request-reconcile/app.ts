import type { Hono } from 'hono';
import type { HostedZone } from '../../shared/domain/dns.ts';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster, mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { createPeopleApp, type PeopleDependencies } from '../../shared/runtime/people-http/people-app.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import { booleanOf, isDryRun } from '../../shared/runtime/people-http/request.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { explain } from './explain.ts';
import { foreseeReconciliation, type ForesightStore } from './foresee.ts';

/**
 * Two routes. Why a pod is where it is, or waits; and: have a cluster looked at with the next tick, or with `?dryRun=true` hear what that would come to. With
 * `?replaceLost=true` somebody says that what looks lost is lost: it is replaced, however much it is at once.
 */
export function createApp(
  dependencies: PeopleDependencies & {
    readonly store: Pick<Store, 'apiKeys' | 'audit' | 'clusters' | 'names'> & ForesightStore;
    readonly zone?: HostedZone | undefined;
  },
): Hono<PeopleEnvironment> {
  const { store, clock, log } = dependencies;
  const app = createPeopleApp(dependencies, {
    scopeOf: (method) => (method === 'GET' ? 'read' : 'write'),
  });

  app.post('/clusters/:cluster/reconcile', async (context) => {
    const dryRun = isDryRun(context);
    const replaceLost = booleanOf(context, 'replaceLost', false);
    const cluster = await findCluster(store, context.req.param('cluster'));
    mustLive(cluster);
    const now = clock.now();
    if (dryRun)
      return context.json(
        await foreseeReconciliation(dependencies, {
          ...cluster,
          ...(replaceLost && { lossesAcceptedAt: now }),
        }),
      );
    // The next tick has its clouds looked at, and decides.
    if (replaceLost) {
      if (!(await store.clusters.acceptLosses(cluster.id, now)))
        throw new Problem(409, `the cluster ${cluster.name} is to go`);
    } else await store.clusters.makeDue(cluster.id, now);
    log.info('reconciliation requested', { clusterId: cluster.id, replaceLost });
    return context.json(clusterView(cluster), 202);
  });

  app.get('/clusters/:cluster/pods/:namespace/:name/explanation', async (context) => {
    const cluster = await findCluster(store, context.req.param('cluster'));
    mustLive(cluster);
    const { namespace, name } = context.req.param();
    const explanation = await explain(dependencies, cluster, `${namespace}/${name}`);
    return context.json(explanation);
  });
  return app;
}
