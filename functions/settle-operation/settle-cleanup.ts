import { clusterDeleted } from '../../events/cluster-deleted.ts';
import { clusterDeletionBlocked } from '../../events/cluster-deletion-blocked.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { snapshotFolder } from '../../shared/domain/snapshot.ts';
import { guardDeletion } from '../../shared/planning/guard-deletion.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import { reasonOf, type SettleParts, type SettleRequest } from './settlement.ts';

/** Nothing is left; or the guard refused and the cluster lives on; or the clean-up got stuck and will be begun again. */
export async function settleCleanup(parts: SettleParts, request: SettleRequest): Promise<void> {
  const { store } = parts;
  const { clusterId, executionArn } = request;
  const cluster = await store.clusters.get(clusterId);
  if (cluster === undefined) throw new Superseded(`there is no cluster ${clusterId}`);
  if (request.outcome === 'succeeded') await bury(parts, request, cluster);
  else if (request.outcome === 'blocked') await refuse(parts, request, cluster);
  // Still `deleting`: the tick begins the clean-up again. One that never passed its fence owns nothing to release.
  else await store.clusters.release(clusterId, executionArn, parts.clock.now());
}

async function bury(
  { store, bus, clock, snapshotObjects }: SettleParts,
  { clusterId, executionArn }: SettleRequest,
  cluster: Cluster,
): Promise<void> {
  const isBuried = cluster.status === 'deleted';
  if (!isBuried && (cluster.operation?.executionArn !== executionArn || cluster.desired !== 'absent'))
    throw new Superseded(`cluster ${clusterId} has changed hands`);
  // Nobody is left whom its authorities could vouch for. Also on a repeat: a call that was under way may have come after.
  await store.pki.forget(clusterId);
  // By the bucket's own list, so that an upload goes too that nobody recorded.
  for (const { key } of (await snapshotObjects?.list(snapshotFolder(clusterId))) ?? [])
    await snapshotObjects?.remove(key);
  for (const { id } of await store.snapshots.list(clusterId)) await store.snapshots.forget(clusterId, id);
  if (!isBuried) {
    const now = clock.now();
    for (const { number, phase } of await store.nodes.list(clusterId)) {
      if (phase === 'deleted') continue;
      // One that a plan brought in while the fence went up: it has no machine, but is still to be present.
      await store.nodes.retire(clusterId, number);
      await store.nodes.bury(clusterId, number, now);
    }
    await store.observations.replaceFindings(clusterId, []);
    for (const { cloud } of cluster.clouds) await store.parts.forget(clusterId, cloud);
    // Before the tombstone: nobody looks after a buried cluster, so a run that died between the two would keep its name for
    // ever. Nothing of it is left by now that a successor of the name could meet.
    await store.names.release(cluster.name, clusterId);
    if (!(await store.clusters.bury(clusterId, executionArn, now)))
      throw new Superseded(`cluster ${clusterId} has changed hands`);
  }
  await bus.say(clusterDeleted, { clusterId });
}

async function refuse(
  { store, bus, clock }: SettleParts,
  request: SettleRequest,
  cluster: Cluster,
): Promise<void> {
  const { clusterId, executionArn, strangers = [] } = request;
  const verdict = guardDeletion({
    clusterName: cluster.name,
    observations: strangers.map(({ cloud, ...stranger }) => ({ cloud, strangers: [stranger] })),
  });
  // Without a stranger the guard could not look everywhere: then the reason is the run's own.
  const reason = verdict.allowed ? reasonOf(request) : verdict.reason;
  const now = clock.now();
  const isRefused = await store.clusters.refuseDeletion(clusterId, executionArn, { reason, at: now });
  // Already refused is a repeat, and says it again; fenced means that another clean-up found the way free.
  if (!isRefused && (cluster.desired === 'absent' || cluster.deletionRequestedAt !== undefined))
    throw new Superseded(`cluster ${clusterId} is being deleted by another`);
  await store.clusters.makeDue(clusterId, now);
  await bus.say(clusterDeletionBlocked, { clusterId, reason });
}
