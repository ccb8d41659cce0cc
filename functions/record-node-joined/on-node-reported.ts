import { nodeFailed } from '../../events/node-failed.ts';
import { nodeJoined } from '../../events/node-joined.ts';
import * as z from 'zod/mini';
import { whyNeverInitialised } from '../../shared/planning/why-never-initialised.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { States } from '../../shared/runtime/states.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** One of the two events, as the bus delivers it. */
export const nodeReport = z.discriminatedUnion('detail-type', [
  z.object({ 'detail-type': z.literal(nodeJoined.name), detail: nodeJoined.schema }),
  z.object({ 'detail-type': z.literal(nodeFailed.name), detail: nodeFailed.schema }),
]);
export type NodeReport = z.infer<typeof nodeReport>;

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes'>;
  readonly states: Pick<States, 'answer'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A machine has joined, or cannot: whoever waits for it is told. Late and repeated reports find nobody waiting. */
export const onNodeReported =
  (parts: Parts) =>
  async (report: NodeReport): Promise<void> => {
    if (report['detail-type'] === 'NodeFailed') {
      await tellOfFailure(parts, report.detail);
      return tellOfHopelessness(parts, report.detail.clusterId);
    }
    const { clusterId, number, attempt } = report.detail;
    const node = await parts.store.nodes.markJoined(clusterId, number, { attempt, now: parts.clock.now() });
    if (node === undefined) {
      parts.log.info('late report', { clusterId, number, attempt });
      return;
    }
    if (node.waitToken !== undefined && node.failure === undefined) {
      const told = await parts.states.answer(node.waitToken, { outcome: 'joined' });
      parts.log.info('node joined', { clusterId, number, attempt, told });
    }
    await tellOfInitialisation(parts, clusterId);
  };

async function tellOfFailure(
  { store, states, log }: Parts,
  { clusterId, number, attempt }: Extract<NodeReport, { 'detail-type': 'NodeFailed' }>['detail'],
): Promise<void> {
  const node = await store.nodes.get(clusterId, number);
  // The item is the authority: an event without its failure recorded, or of an earlier machine, says nothing.
  if (node?.attempt !== attempt || node.failure === undefined || node.waitToken === undefined) return;
  const told = await states.answer(node.waitToken, { outcome: 'failed', reason: node.failure.reason });
  log.info('node failed', { clusterId, number, attempt, told, reason: node.failure.reason });
}

/** With its last control plane given up, whoever waits for the cluster's beginning need not wait for the end of his patience. */
async function tellOfHopelessness({ store, states, log }: Parts, clusterId: string): Promise<void> {
  const cluster = await store.clusters.get(clusterId);
  if (cluster?.waitToken === undefined) return;
  const reason = whyNeverInitialised(cluster, await store.nodes.list(clusterId));
  if (reason === undefined) return;
  const told = await states.answer(cluster.waitToken, { outcome: 'failed', reason });
  log.info('cluster cannot be initialised', { clusterId, told, reason });
}

async function tellOfInitialisation({ store, states, log }: Parts, clusterId: string): Promise<void> {
  const cluster = await store.clusters.get(clusterId);
  if (cluster?.initialisedAt === undefined || cluster.waitToken === undefined) return;
  const told = await states.answer(cluster.waitToken, { outcome: 'initialised' });
  log.info('cluster initialised', { clusterId, told });
}
