import type { Hono } from 'hono';
import * as z from 'zod/mini';
import { upgradePaused } from '../../events/upgrade-paused.ts';
import { upgradeRequested } from '../../events/upgrade-requested.ts';
import { upgradeResumed } from '../../events/upgrade-resumed.ts';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Upgrade } from '../../shared/domain/upgrade.ts';
import { askUpgrade, turnUpgrade, type AskVerdict } from '../../shared/planning/ask-upgrade.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { PeopleEnvironment } from '../../shared/runtime/people-http/caller.ts';
import { findCluster, mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { createPeopleApp, type PeopleDependencies } from '../../shared/runtime/people-http/people-app.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import { readBody } from '../../shared/runtime/people-http/read-body.ts';
import { bodyOf, isDryRun, type ApiContext } from '../../shared/runtime/people-http/request.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** Whoever changes the cluster at the same moment wins, and it is read again. */
const triesMax = 5;

const upgradeDocument = z.strictObject({
  to: z.string().check(z.maxLength(16)),
  pauseSeconds: z.optional(z.number()),
});

/**
 * To another Kubernetes minor, and no further for now, and on. Each is one conditional write of the cluster's item, then its
 * event; asked for again, it answers the same and says the event once more, in case the first was lost.
 */
export function createApp(
  dependencies: PeopleDependencies & {
    readonly store: Pick<Store, 'apiKeys' | 'audit' | 'clusters' | 'names'>;
    readonly bus: Bus;
    readonly newId: () => string;
  },
): Hono<PeopleEnvironment> {
  const { store, bus, clock, newId, log } = dependencies;
  const app = createPeopleApp(dependencies, { scopeOf: () => 'write' });

  /** @returns the cluster as it is then. @throws Problem */
  const change = async (
    context: ApiContext,
    decide: (cluster: Cluster) => AskVerdict,
    write: (cluster: Cluster, upgrade: Upgrade) => Promise<boolean>,
    say: (clusterId: string, upgrade: Upgrade) => Promise<void>,
  ): Promise<Cluster> => {
    let cluster = await findCluster(store, context.req.param('cluster') ?? '');
    for (let tries = 0; tries < triesMax; tries += 1) {
      mustLive(cluster);
      const verdict = decide(cluster);
      if ('refused' in verdict)
        throw verdict.refused === 'invalid'
          ? invalidFields(422, [verdict.problem])
          : new Problem(409, verdict.problem.message, [verdict.problem]);
      const upgrade = 'already' in verdict ? verdict.already : verdict.upgrade;
      context.set('auditDetails', { to: upgrade.to });
      if (isDryRun(context)) return { ...cluster, upgrade };
      if ('already' in verdict || (await write(cluster, upgrade))) {
        if (upgrade.finishedAt === undefined) await say(cluster.id, upgrade);
        return (await store.clusters.get(cluster.id)) ?? cluster;
      }
      cluster = (await store.clusters.get(cluster.id)) ?? cluster;
    }
    throw new Problem(409, `another change of ${cluster.name} is being carried out: try again in a minute`);
  };

  app.post('/clusters/:cluster/upgrade', async (context) => {
    const { text, type } = await bodyOf(context);
    const wish = readBody(text, type, upgradeDocument);
    const changed = await change(
      context,
      (cluster) =>
        askUpgrade({ cluster, wish, id: newId(), by: context.get('caller').key.name, now: clock.now() }),
      ({ id }, upgrade) => store.clusters.requestUpgrade(id, upgrade, clock.now()),
      async (clusterId, { to }) => {
        log.info('upgrade requested', { clusterId, to });
        await bus.say(upgradeRequested, { clusterId, to });
      },
    );
    return context.json(clusterView(changed), 202);
  });

  for (const turn of ['pause', 'resume'] as const)
    app.post(`/clusters/:cluster/upgrade/${turn}`, async (context) => {
      const changed = await change(
        context,
        (cluster) => turnUpgrade(cluster, turn, clock.now()),
        async ({ id, upgrade: read }, upgrade) =>
          read !== undefined &&
          (await store.clusters.changeUpgrade(id, read, upgrade, { now: clock.now() })) !== undefined,
        (clusterId, { to }) => bus.say(turn === 'pause' ? upgradePaused : upgradeResumed, { clusterId, to }),
      );
      return context.json(clusterView(changed), 202);
    });
  return app;
}
