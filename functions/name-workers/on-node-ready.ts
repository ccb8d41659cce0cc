import * as z from 'zod/mini';
import { nodeReady } from '../../events/node-ready.ts';
import { mayPass, nameWorkers, workersOf, type ClusterAccess } from '../../shared/runtime/cluster-access.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const nodeIsReady = z.object({ detail: nodeReady.schema });

/**
 * A worker that joined after its cluster was configured is called one too. A cluster that is yet to be configured, or does
 * not answer, is left to the next run of ProvisionCluster, which names them all.
 */
export const onNodeReady =
  ({
    store,
    access,
    log,
  }: {
    readonly store: Pick<Store, 'clusters' | 'nodes'>;
    readonly access: ClusterAccess;
    readonly log: Log;
  }) =>
  async ({ detail: { clusterId, number } }: z.output<typeof nodeIsReady>): Promise<void> => {
    const cluster = await store.clusters.get(clusterId);
    if (cluster?.desired !== 'present') return;
    try {
      await nameWorkers(await access(cluster), workersOf(cluster, await store.nodes.list(clusterId)));
    } catch (error) {
      if (!mayPass(error)) throw error;
      log.info('workers not named yet', { clusterId, number, reason: error.message });
    }
  };
