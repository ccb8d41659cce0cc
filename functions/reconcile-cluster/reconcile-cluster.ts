import * as z from 'zod/mini';
import { clusterDegraded } from '../../events/cluster-degraded.ts';
import { clusterDeletionRequested } from '../../events/cluster-deletion-requested.ts';
import { clusterFailed } from '../../events/cluster-failed.ts';
import { clusterReady } from '../../events/cluster-ready.ts';
import { driftFound } from '../../events/drift-found.ts';
import { nodeRequested } from '../../events/node-requested.ts';
import { nodeRetirementRequested } from '../../events/node-retirement-requested.ts';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import type { ClusterId, Instant } from '../../shared/domain/ids.ts';
import { reconcile, type Action, type StatusChange } from '../../shared/planning/reconcile.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import type { States } from '../../shared/runtime/states.ts';
import type { Store } from '../../shared/runtime/table.ts';

const about = z.object({ clusterId: z.uuid() });
/** From the tick and the observers `{ clusterId }`; from the bus a whole event about a cluster. */
export const reconcileMessage = z.union([z.object({ detail: about }), about]);

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes' | 'parts' | 'observations' | 'pki'>;
  readonly bus: Bus;
  readonly states: Pick<States, 'liveness'>;
  readonly clock: Clock;
  /** 0 ≤ value < 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** Reads all that is known of one cluster, lets the planner decide, and carries the decision out. */
export const reconcileCluster =
  (parts: Parts) =>
  async (body: unknown): Promise<void> => {
    const message = parsePayload(reconcileMessage, body);
    const { clusterId } = 'detail' in message ? message.detail : message;
    const { store, clock } = parts;
    const cluster = await store.clusters.get(clusterId);
    if (cluster === undefined || cluster.status === 'deleted') return;
    const [nodes, cloudParts, sightings, credential] = await Promise.all([
      store.nodes.list(clusterId),
      store.parts.list(clusterId),
      store.observations.list(clusterId),
      store.pki.credential(clusterId),
    ]);
    const now = clock.now();
    const decision = reconcile({
      cluster,
      nodes,
      parts: cloudParts,
      sightings,
      credential: credential ?? 'missing',
      now,
      jitter: parts.random(),
    });

    await store.observations.replaceFindings(clusterId, decision.findings);
    if (decision.status !== undefined) await changeStatus(parts, clusterId, decision.status, now);
    for (const action of decision.actions) await carryOut(parts, clusterId, action, now);
    // Conditional on what was read: whoever made the cluster due meanwhile is heard first.
    if (cluster.dueAt !== undefined && decision.dueAt !== undefined)
      await store.clusters.advanceDue(clusterId, cluster.dueAt, decision.dueAt);
  };

async function changeStatus(
  { store, bus, log }: Parts,
  clusterId: ClusterId,
  { from, to, reason, event }: StatusChange,
  now: Instant,
): Promise<void> {
  const isChanged = await store.clusters.changeStatus(clusterId, {
    from,
    to,
    ...(reason !== undefined && { reason }),
    now,
  });
  if (!isChanged) return;
  log.info('status changed', { clusterId, from, to, reason });
  const why = { clusterId, reason: reason ?? 'no reason was given' };
  if (event === 'ClusterReady') await bus.say(clusterReady, { clusterId });
  if (event === 'ClusterDegraded') await bus.say(clusterDegraded, why);
  if (event === 'ClusterFailed') await bus.say(clusterFailed, why);
}

async function carryOut(parts: Parts, clusterId: ClusterId, action: Action, now: Instant): Promise<void> {
  const { store, bus, log } = parts;
  switch (action.kind) {
    case 'say': {
      log.info(action.event, { clusterId, because: action.because });
      if (action.event === 'NodesPlanned') return bus.say(nodesPlanned, { clusterId });
      const definition = action.event === 'NodeRequested' ? nodeRequested : nodeRetirementRequested;
      return bus.say(definition, { clusterId, number: action.number });
    }
    case 'say-with-backoff': {
      const { fingerprint, notBefore, attempts, because } = action;
      if (!(await store.clusters.sayDrift(clusterId, { fingerprint, notBefore, attempts, now }))) return;
      log.info(action.event, { clusterId, fingerprint, attempts, because });
      return action.event === 'DriftFound'
        ? bus.say(driftFound, { clusterId, fingerprint, reason: because })
        : bus.say(clusterDeletionRequested, { clusterId });
    }
    case 'check-operation':
      return releaseIfDead(parts, clusterId, action, now);
  }
}

async function releaseIfDead(
  { store, states, log }: Parts,
  clusterId: ClusterId,
  { executionArn, number }: Extract<Action, { kind: 'check-operation' }>,
  now: Instant,
): Promise<void> {
  if ((await states.liveness(executionArn)) === 'running') return;
  const isReleased =
    number === undefined
      ? await store.clusters.release(clusterId, executionArn, now)
      : await store.nodes.release(clusterId, number, executionArn);
  if (!isReleased) return;
  log.warn('owner was dead', { clusterId, number, executionArn });
  await store.clusters.makeDue(clusterId, now);
}
