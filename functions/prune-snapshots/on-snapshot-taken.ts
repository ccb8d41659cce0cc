import * as z from 'zod/mini';
import { etcdSnapshotTaken } from '../../events/etcd-snapshot-taken.ts';
import { snapshotFolder } from '../../shared/domain/snapshot.ts';
import { pruneSnapshots } from '../../shared/planning/prune-snapshots.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { SnapshotObjects } from '../../shared/runtime/snapshot-objects.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const snapshotIsTaken = z.object({ detail: etcdSnapshotTaken.schema });

/**
 * With each snapshot that comes, old ones go. An event that was lost costs nothing but time: the next one, a quarter of an
 * hour later, finds the same, and the bucket itself keeps nothing for longer than its 30 days.
 */
export const onSnapshotTaken =
  (parts: {
    readonly store: Pick<Store, 'clusters' | 'snapshots'>;
    readonly objects: SnapshotObjects;
    readonly clock: Clock;
    readonly log: Log;
  }) =>
  async ({ detail: { clusterId } }: z.infer<typeof snapshotIsTaken>): Promise<void> => {
    const { store, objects, clock, log } = parts;
    const snapshots = await store.snapshots.list(clusterId);
    const listed = await objects.list(snapshotFolder(clusterId));
    // Last: a restore that was asked for meanwhile keeps its snapshot.
    const cluster = await store.clusters.get(clusterId);
    const { remove, forget, measure } = pruneSnapshots({
      clusterId,
      isGone: cluster === undefined || cluster.status === 'deleted',
      restoring: cluster !== undefined && isRestoring(cluster) ? cluster.restore.snapshot : undefined,
      snapshots,
      objects: listed,
      now: clock.now(),
    });
    for (const { id, sizeBytes } of measure) await store.snapshots.measure(clusterId, id, sizeBytes);
    for (const { key, id } of remove) {
      // The object first: an item without one is found again, an object without an item only by the list.
      await objects.remove(key);
      if (id !== undefined) await store.snapshots.forget(clusterId, id);
    }
    for (const id of forget) await store.snapshots.forget(clusterId, id);
    if (forget.length > 0)
      log.warn('snapshots are not where they should be', { clusterId, snapshots: forget });
    if (remove.length > 0) log.info('snapshots pruned', { clusterId, count: remove.length });
  };
