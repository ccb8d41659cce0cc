import type * as z from 'zod/mini';
import { clusterRestoreRequested } from '../../events/cluster-restore-requested.ts';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import type { Cluster, Restore } from '../../shared/domain/cluster.ts';
import { planRestore } from '../../shared/planning/plan-restore.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { invalidFields, Problem } from '../../shared/runtime/people-http/problem.ts';
import type { ApiDependencies, Caller } from './api.ts';
import type { restoreDocument } from './cluster-document.ts';
import { idSource } from './idempotency.ts';

/** Whoever changes the cluster at the same moment wins, and it is read again. */
const triesMax = 8;
const pauseMilliseconds = 100;

/**
 * Records that a cluster which lost its quorum is to be restored, and plans its first control plane: one conditional write of
 * its item, then the events. Asked for again, it answers the same.
 *
 * @returns the cluster as it is then.
 * @throws Problem 409 the cluster is going, has its quorum or no snapshot, or is restored from another one; 422 there is no
 *   such snapshot.
 */
export async function restoreCluster(
  dependencies: ApiDependencies,
  input: {
    readonly cluster: Cluster;
    readonly document: z.output<typeof restoreDocument>;
    readonly caller: Caller;
    readonly idempotencyKey?: string;
  },
): Promise<Cluster> {
  const { store, clock, log } = dependencies;
  const { document, caller, idempotencyKey } = input;
  const { id: clusterId } = input.cluster;
  let { cluster } = input;
  for (let tries = 0; tries < triesMax; tries += 1) {
    mustLive(cluster);
    const newId = await idSource(dependencies, caller, idempotencyKey, { clusterId, restore: document });
    const now = clock.now();
    const [nodes, parts, findings, snapshots, market] = await Promise.all([
      store.nodes.list(clusterId),
      store.parts.list(clusterId),
      store.observations.findings(clusterId),
      store.snapshots.list(clusterId),
      readMarket(store, cluster, now),
    ]);
    const verdict = planRestore({
      cluster,
      nodes,
      parts,
      findings,
      snapshots,
      wanted: document.snapshot,
      market,
      id: newId(),
      by: caller.key.name,
      now,
      newId,
    });
    if ('refused' in verdict)
      throw verdict.refused === 'invalid'
        ? invalidFields(422, [verdict.problem])
        : new Problem(409, verdict.problem.message, [verdict.problem]);
    if ('already' in verdict) {
      if (isRestoring(cluster)) await say(dependencies, clusterId, verdict.already);
      return cluster;
    }
    if (cluster.pendingPlan !== undefined) {
      // Its event is said once more, in case it was lost: request-nodes clears a plan within moments.
      await dependencies.bus.say(nodesPlanned, { clusterId });
      await new Promise((resolve) => setTimeout(resolve, pauseMilliseconds * (tries + 1)));
    } else {
      const { restore, plan, nextNumber } = verdict;
      const generationRead = cluster.generation;
      if (
        await store.clusters.requestRestore(clusterId, { restore, plan, generationRead, nextNumber, now })
      ) {
        log.warn('restore requested', { clusterId, snapshot: restore.snapshot, number: restore.number });
        await say(dependencies, clusterId, restore);
        return (await store.clusters.get(clusterId)) ?? cluster;
      }
    }
    cluster = (await store.clusters.get(clusterId)) ?? cluster;
  }
  throw new Problem(
    409,
    `another change of ${cluster.name} is still being carried out: try again in a minute`,
  );
}

/** Events are hints, so that saying them again costs nothing: the first may have been lost. */
async function say(
  { bus }: ApiDependencies,
  clusterId: string,
  { snapshot, number }: Restore,
): Promise<void> {
  await bus.say(clusterRestoreRequested, { clusterId, snapshot, number });
  await bus.say(nodesPlanned, { clusterId });
}
