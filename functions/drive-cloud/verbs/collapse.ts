import { guardDeletion } from '../../../shared/planning/guard-deletion.ts';
import type { Stranger } from '../../../shared/runtime/cloud.ts';
import { ownedCluster } from '../../../shared/runtime/ownership.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import type { Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type ClusterRequest, type DriveParts } from '../parts.ts';

/** Everything of a fenced cluster goes, at once. What stands in the way is kept by its name, where people see it. */
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
    const reason = inTheWay(parts, cluster.name, blockedBy);
    const known = (await parts.store.parts.get(clusterId, parts.cloud))?.failure;
    if (reason === undefined) {
      if (known !== undefined) await parts.store.parts.clearFailure(clusterId, parts.cloud);
    } else if (reason !== known?.message) {
      parts.log.warn('strangers stand in the way', { clusterId, blockedBy });
      const failure = { error: 'Blocked', message: reason, at: parts.clock.now() };
      await parts.store.parts.recordFailure(clusterId, parts.cloud, failure);
    }
    return { done: false, retryAfterSeconds, waitingFor: reason ?? waitingFor };
  }
  await parts.store.parts.forget(clusterId, parts.cloud);
  parts.log.info('collapsed', { clusterId, cloud: parts.cloud });
  return { done: true };
}

/** In the words of the guard: they came after it had looked. */
function inTheWay(
  { cloud }: DriveParts,
  clusterName: string,
  strangers: readonly Stranger[],
): string | undefined {
  const verdict = guardDeletion({ clusterName, observations: [{ cloud, strangers }] });
  return verdict.allowed ? undefined : verdict.reason;
}
