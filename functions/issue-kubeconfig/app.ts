import type { Hono } from 'hono';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster } from '../../shared/runtime/people-http/find-cluster.ts';
import { createPeopleApp, type PeopleDependencies } from '../../shared/runtime/people-http/people-app.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { issueKubeconfig, type IssueParts } from './issue-kubeconfig.ts';

/** One route. What it gives lets its holder do everything in the cluster: so it takes the scope that may do everything here. */
export function createApp(
  dependencies: PeopleDependencies &
    IssueParts & {
      readonly store: Pick<Store, 'apiKeys' | 'audit' | 'clusters' | 'names' | 'nodes' | 'pki'>;
    },
): Hono<PeopleEnvironment> {
  const { store, log } = dependencies;
  const app = createPeopleApp(dependencies, { scopeOf: () => 'admin' });

  app.post('/clusters/:cluster/kubeconfig', async (context) => {
    const body = await context.req.text();
    if (!/^\s*(?:\{\s*\})?\s*$/.test(body))
      throw new Problem(400, 'body: there is nothing to ask for, leave it empty');
    const cluster = await findCluster(store, context.req.param('cluster'));
    // The name may pass to another cluster one day.
    context.set('auditDetails', { clusterId: cluster.id });
    const { key } = context.get('caller');
    const { issued, serialNumber } = await issueKubeconfig(dependencies, cluster, key.name);
    const certificate = { serialNumber, expiresAt: issued.expiresAt };
    context.set('auditDetails', { clusterId: cluster.id, ...certificate });
    log.info('kubeconfig issued', { clusterId: cluster.id, user: issued.user, ...certificate });
    return context.json(issued, 201, { 'cache-control': 'no-store' });
  });
  return app;
}
