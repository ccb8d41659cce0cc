import { setTimeout as sleep } from 'node:timers/promises';
import type * as z from 'zod/mini';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import type { spotInterruption } from '../../events/spot-interruption.ts';
import type { NodeId } from '../../shared/domain/ids.ts';
import { nodesPerPlanMax, type Node } from '../../shared/domain/node.ts';
import { findInterrupted } from '../../shared/planning/find-interrupted.ts';
import { coolOffUntil } from '../../shared/planning/next-offering.ts';
import { planReplacement } from '../../shared/planning/plan-replacement.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import type { Store } from '../../shared/runtime/table.ts';

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes' | 'parts' | 'offerings' | 'coolOffs'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly newId: () => NodeId;
  readonly log: Log;
  /** Milliseconds. */
  readonly pause?: (milliseconds: number) => Promise<unknown>;
}

/** A plan of somebody else's is carried out within moments; what takes longer the reconciler does. */
const triesMax = 12;
const pauseMilliseconds = 100;

/**
 * A machine is taken back in two minutes at most: another is planned in its place at once, of another offering, and with it
 * one for each other node that is being taken back. The node itself has its agent hand over its work meanwhile, and is let
 * go by the reconciler once the other one's create is on its way.
 */
export const onSpotInterruption =
  (parts: Parts) =>
  async ({ clusterId, number, attempt, kind }: z.output<typeof spotInterruption.schema>): Promise<void> => {
    const { store, bus, clock, log, pause = sleep } = parts;
    // Many machines that may be taken back live on for days.
    if (kind === 'rebalance') return;
    const noted = await store.nodes.noteInterruption(clusterId, number, { attempt, kind });
    if (noted === undefined) {
      log.info('an interruption of a machine that is no more', { clusterId, number, attempt });
      return;
    }
    await coolDown(parts, noted);
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const is = await replaceAll(parts, clusterId);
      if (is === 'done') return;
      // Its event is said once more, in case it was lost.
      if (is === 'in the way' && tries === 1) await bus.say(nodesPlanned, { clusterId });
      await pause(pauseMilliseconds * tries);
    }
    log.warn('another plan is in the way: the reconciler goes on', { clusterId, number });
    await store.clusters.makeDue(clusterId, clock.now());
  };

/** What is taken back from one machine is not to be had for the next. */
async function coolDown({ store, clock }: Parts, { offering, number }: Node): Promise<void> {
  const { cloud, region, zone, instanceType, lifecycle } = offering;
  if (lifecycle !== 'spot') return;
  await store.coolOffs.put({
    cloud,
    region,
    zone,
    instanceType,
    lifecycle,
    until: coolOffUntil({ error: 'Interrupted', now: clock.now() }),
    reason: `Interrupted: node ${number}`,
  });
}

/** `in the way`: another plan is pending. */
async function replaceAll(parts: Parts, clusterId: string): Promise<'done' | 'in the way' | 'outrun'> {
  const { store, bus, clock, log, newId } = parts;
  const cluster = await store.clusters.get(clusterId);
  if (cluster?.desired !== 'present' || cluster.deletionRequestedAt !== undefined) return 'done';
  const [nodes, cloudParts] = await Promise.all([store.nodes.list(clusterId), store.parts.list(clusterId)]);
  const interrupted = findInterrupted(cluster, nodes).unplanned.slice(0, nodesPerPlanMax);
  if (interrupted.length === 0) return 'done';
  if (cluster.pendingPlan !== undefined) return 'in the way';
  const now = clock.now();
  const numbers = interrupted.map(({ number }) => number);
  const plan = planReplacement({
    cluster,
    nodes,
    numbers,
    standing: cloudParts.filter(({ network }) => network !== undefined).map(({ cloud }) => cloud),
    market: await readMarket(store, cluster, now),
    newId,
  });
  const reason = `taken back by their clouds: node ${numbers.join(', node ')}`;
  const isPlanned = await store.clusters.plan(clusterId, {
    plan: { id: newId(), nodes: plan.nodes, reason },
    generationRead: cluster.generation,
    nextNumber: plan.nextNumber,
    now,
  });
  if (!isPlanned) return 'outrun';
  log.warn('interrupted nodes are replaced', {
    clusterId,
    numbers,
    by: plan.nodes.map((node) => [node.number, node.offering.cloud, node.offering.instanceType]),
  });
  await bus.say(nodesPlanned, { clusterId, reason });
  return 'done';
}
