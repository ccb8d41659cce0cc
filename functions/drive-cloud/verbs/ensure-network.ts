import { planNetwork } from '../../../shared/planning/plan-network.ts';
import { isCloudError } from '../../../shared/runtime/cloud.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import type { Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

const messageCharactersMax = 900;

/** Builds or repairs one cloud's network; once it stands its ids are stored, and nodes may be asked for. */
export async function ensureNetwork(
  parts: DriveParts,
  { clusterId, executionArn }: ClusterRequest,
): Promise<{ done: true } | Pending> {
  const cluster = await ownedCluster(parts.store, clusterId, executionArn);
  if (cluster.desired !== 'present') throw new Superseded(`cluster ${clusterId} is going`);
  try {
    const { cloud } = await groundOf(parts, cluster);
    const known = (await parts.store.parts.get(clusterId, parts.cloud))?.network;
    const progress = await cloud.ensureNetwork(
      planNetwork({ cluster, cloud: parts.cloud, installation: parts.installationId, known }),
    );
    if (!progress.done) {
      const { retryAfterSeconds, waitingFor } = progress;
      return { done: false, retryAfterSeconds, waitingFor };
    }
    await parts.store.parts.recordNetwork(clusterId, progress.value);
    parts.log.info('network stands', { clusterId, cloud: parts.cloud, range: progress.value.range });
    return { done: true };
  } catch (error) {
    // Throttled is no failure, only a wait. Every other is kept where people and the reconciler see it.
    if (!isCloudError(error, 'Throttled')) {
      await parts.store.parts.recordFailure(clusterId, parts.cloud, {
        error: error instanceof Error ? error.name : 'Error',
        message: (error instanceof Error ? error.message : 'unknown').slice(0, messageCharactersMax),
        at: parts.clock.now(),
      });
    }
    throw error;
  }
}
