import type { ClusterDetails } from '../shared/domain/api-types.ts';
import { ApiError, type ApiClient } from './api-client.ts';
import { createProgress, type ProgressOutput } from './progress.ts';

/** `upgraded`: every node is of the minor that was last asked for. */
export type Goal = 'ready' | 'deleted' | 'upgraded';

export interface WaitOptions {
  readonly api: ApiClient;
  readonly nameOrId: string;
  readonly output: ProgressOutput;
  readonly until: Goal;
  readonly timeoutSeconds: number;
  readonly now: () => number;
  readonly pollMilliseconds?: number;
}

export interface WaitResult {
  readonly reached: boolean;
  readonly cluster: ClusterDetails;
  readonly seconds: number;
}

/** Looks again until the cluster is what was waited for, has failed, or time is up; shows how far it is meanwhile. */
export async function waitForCluster(options: WaitOptions): Promise<WaitResult> {
  const begin = options.now();
  const progress = createProgress(options.output);
  let last: ClusterDetails | undefined;
  for (;;) {
    const seconds = (options.now() - begin) / 1000;
    let cluster: ClusterDetails;
    try {
      cluster = await options.api.getCluster(options.nameOrId);
    } catch (error) {
      // A deleted cluster's name is free again: nothing by that name is what was waited for.
      const isGone = error instanceof ApiError && error.problem.status === 404;
      if (!isGone || options.until !== 'deleted' || last === undefined) throw error;
      return { reached: true, cluster: { ...last, status: 'deleted' }, seconds };
    }
    last = cluster;
    progress.show(cluster, seconds);
    const { upgrade } = cluster;
    const reached =
      options.until === 'upgraded' ? upgrade?.finishedAt !== undefined : cluster.status === options.until;
    // The request was recorded before it was answered: where it is gone again, the guard has refused it.
    const refused = options.until === 'deleted' && cluster.deletionRequestedAt === undefined && !reached;
    const failed =
      options.until !== 'deleted' && (cluster.status === 'failed' || cluster.status === 'deleted');
    // Somebody has to do something before it goes on.
    const stands =
      options.until === 'upgraded' && (upgrade?.stopped !== undefined || upgrade?.pausedAt !== undefined);
    if (reached || refused || failed || stands || seconds > options.timeoutSeconds) {
      progress.end();
      return { reached, cluster, seconds };
    }
    await new Promise((resolve) => setTimeout(resolve, options.pollMilliseconds ?? 500));
  }
}
