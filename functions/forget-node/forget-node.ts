import * as z from 'zod/mini';
import { nodeName } from '../../shared/domain/node.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import { mayPass, type ClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { ownedNode } from '../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../shared/runtime/progress.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const forgetRequest = z.strictObject({
  clusterId: z.uuid(),
  number: z.int(),
  executionArn: z.string().check(z.minLength(1)),
  /** A cluster that does not answer this time either is left alone. */
  isLastTry: z.boolean(),
});
export type ForgetRequest = z.infer<typeof forgetRequest>;

const tryEverySeconds = 10;

/**
 * Removes a node from its cluster's own books, once its machine is gone: until then its pods would be waited for, and its
 * kubelet would come back; and before its next attempt, whose machine joins under the same name. A cluster that does not answer holds nothing up for longer than a few tries.
 */
export const forgetNode =
  ({
    store,
    access,
    log,
  }: {
    readonly store: Pick<Store, 'clusters' | 'nodes'>;
    readonly access: ClusterAccess;
    readonly log: Log;
  }) =>
  async (request: ForgetRequest): Promise<{ done: true } | Pending> => {
    const { clusterId, number, executionArn } = request;
    const node = await ownedNode(store, request, executionArn);
    // Between two attempts nobody is behind the name: its next machine may stand elsewhere, and a Node's provider id never changes.
    if (node.desired !== 'absent' && node.createRequest !== undefined)
      throw new Superseded(`node ${number} is to stay`);
    const cluster = await store.clusters.get(clusterId);
    // Nobody keeps books of a cluster that never began, or that goes as a whole.
    if (cluster?.initialisedAt === undefined || cluster.desired === 'absent') return { done: true };
    // Its API is gone, and what comes back from the snapshot is put in order once it serves.
    if (isRestoring(cluster)) return { done: true };

    const name = nodeName(cluster.name, number);
    try {
      const api = await access(cluster);
      await api.delete(`/api/v1/nodes/${name}`);
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (!request.isLastTry)
        return pending(`the cluster to forget ${name}: ${error.message}`, tryEverySeconds);
      log.warn('node is still in its cluster', { clusterId, number, executionArn, error });
      return { done: true };
    }
    log.info('node forgotten', { clusterId, number, executionArn, name });
    return { done: true };
  };
