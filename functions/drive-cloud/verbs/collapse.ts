import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import type { Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

/** Everything of a fenced cluster goes, at once. */
export async function collapse(
  parts: DriveParts,
  { clusterId, executionArn }: ClusterRequest,
): Promise<{ done: true } | Pending> {
  const cluster = await ownedCluster(parts.store, clusterId, executionArn);
  if (cluster.desired !== 'absent') throw new Superseded(`cluster ${clusterId} is to stay`);
  const { cloud, owner, location } = await groundOf(parts, cluster);
  const progress = await cloud.collapse(owner, location);
  if (!progress.done) {
    const { retryAfterSeconds, waitingFor, blockedBy = [] } = progress;
    if (blockedBy.length > 0) parts.log.warn('strangers stand in the way', { clusterId, blockedBy });
    return { done: false, retryAfterSeconds, waitingFor };
  }
  await parts.store.parts.forget(clusterId, parts.cloud);
  parts.log.info('collapsed', { clusterId, cloud: parts.cloud });
  return { done: true };
}
