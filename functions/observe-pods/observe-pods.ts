import * as z from 'zod/mini';
import { rememberEmpty, workloadNeeded } from '../../shared/planning/watch-workload.ts';
import type { WorkloadSighting } from '../../shared/domain/workload.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { isClusterFailure, readWorkload, type ClusterAccess } from '../../shared/runtime/cluster-access.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import { WorkloadTooLarge, type Store } from '../../shared/runtime/table.ts';

const about = z.object({ clusterId: z.uuid() });
/** From the tick `{ clusterId }`; from the bus a whole event about a cluster. */
const observeMessage = z.union([z.object({ detail: about }), about]);

const failureCharactersMax = 500;

/**
 * Looks at a cluster's pods and nodes, where a policy needs them, stores what it saw, and lets the reconciler decide. What
 * could not be seen is stored as that: unknown is never empty, and never missing.
 */
export const observePods =
  ({
    store,
    access,
    reconcileQueue,
    clock,
    log,
  }: {
    readonly store: Pick<Store, 'clusters' | 'workloads'>;
    readonly access: ClusterAccess;
    readonly reconcileQueue: Queue;
    readonly clock: Clock;
    readonly log: Log;
  }) =>
  async (body: unknown): Promise<void> => {
    const message = parsePayload(observeMessage, body);
    const { clusterId } = 'detail' in message ? message.detail : message;
    const cluster = await store.clusters.get(clusterId);
    const needed = cluster && workloadNeeded(cluster);
    if (cluster === undefined || needed === undefined) return;
    const before = await store.workloads.get(clusterId);
    // Dated before the look: whatever happens while the pages come in counts as not yet seen.
    const at = clock.now();
    try {
      const seen = await readWorkload(await access(cluster), needed);
      await store.workloads.put({ clusterId, at, workload: rememberEmpty(seen, before, at) });
      log.info('pods observed', {
        clusterId,
        nodes: seen.nodes.length,
        pods: seen.nodes.reduce((sum, { pods }) => sum + pods.length, 0),
        waiting: seen.waiting.length,
        heldUp: seen.heldUp.length,
      });
    } catch (error) {
      if (!isClusterFailure(error) && !(error instanceof WorkloadTooLarge)) throw error;
      const failure: WorkloadSighting = {
        clusterId,
        at,
        failure: error.message.slice(0, failureCharactersMax),
      };
      await store.workloads.put(failure);
      log.warn('pods not observed', { clusterId, reason: error.message });
    }
    await reconcileQueue.send([{ clusterId }]);
  };
