import * as z from 'zod/mini';
import { nodeRequested } from '../../events/node-requested.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { overlayAddress, type Node, type PlannedNode } from '../../shared/domain/node.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const requestNodesRequest = z.strictObject({
  clusterId: z.uuid(),
  /** Only this cloud's nodes; all clouds' without it. */
  cloud: z.optional(z.enum(cloudNames)),
  /** Who asks; the plan is anybody's to materialise, so it is only for the log. */
  executionArn: z.optional(z.string()),
  /** Why it was planned, with NodesPlanned: for people. */
  reason: z.optional(z.string()),
});
export type RequestNodesRequest = z.infer<typeof requestNodesRequest>;

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes' | 'parts'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Makes items of the pending plan's nodes, and asks for every planned node whose cloud's network stands.
 *
 * @returns the numbers that were asked for, also those that were asked for before and are still planned.
 */
export const requestNodes =
  (parts: Parts) =>
  async ({ clusterId, cloud }: RequestNodesRequest): Promise<{ requested: readonly number[] }> => {
    const { store, bus, log } = parts;
    const cluster = await store.clusters.get(clusterId);
    // Events repeat and come late: a cluster that goes, or is gone, gets no nodes.
    if (cluster?.desired !== 'present') return { requested: [] };
    await materialise(parts, cluster);

    const standing = new Set(
      (await store.parts.list(clusterId))
        .filter(({ network }) => network !== undefined)
        .map((part) => part.cloud),
    );
    const requested = (await store.nodes.list(clusterId))
      .filter(
        (node) => node.phase === 'planned' && node.desired === 'present' && node.operation === undefined,
      )
      .filter((node) => standing.has(node.cloud) && (cloud === undefined || node.cloud === cloud))
      .map(({ number }) => number);
    await bus.sayAll(
      nodeRequested,
      requested.map((number) => ({ clusterId, number })),
    );
    log.info('nodes requested', { clusterId, cloud, requested });
    return { requested };
  };

/** The plan is cleared last: whatever cuts this short, the next call goes through the whole of it again. */
async function materialise({ store, clock, log }: Parts, cluster: Cluster): Promise<void> {
  const { pendingPlan } = cluster;
  if (pendingPlan === undefined) return;
  const now = clock.now();
  for (const planned of pendingPlan.nodes) {
    const isThere = await store.nodes.materialise(nodeFrom(cluster, planned, now));
    // Numbers rest for a day, so another node under this one is a bug; the plan's other nodes need not suffer from it.
    if (!isThere) log.error('number is taken', { clusterId: cluster.id, number: planned.number });
  }
  await store.clusters.clearPlan(cluster.id, pendingPlan.id);
  log.info('plan materialised', {
    clusterId: cluster.id,
    plan: pendingPlan.id,
    nodes: pendingPlan.nodes.length,
  });
}

function nodeFrom(cluster: Cluster, planned: PlannedNode, now: string): Node {
  const { cloud, lifecycle } = planned.offering;
  const account = cluster.clouds.find((each) => each.cloud === cloud);
  if (account === undefined)
    throw new Error(`node ${planned.number} is planned in ${cloud}, where ${cluster.id} is not`);
  return {
    ...planned,
    clusterId: cluster.id,
    cloud,
    accountId: account.accountId,
    lifecycle,
    desired: 'present',
    phase: 'planned',
    attempt: 0,
    overlayAddress: overlayAddress(planned.number),
    createdAt: now,
  };
}
