import { plusSeconds } from '../domain/ids.ts';
import type { Snapshot } from '../domain/snapshot.ts';
import { keys, prefixes } from './keys.ts';
import type { SnapshotStore } from './store.ts';
import { entityOf, epochSeconds, type Table } from './table.ts';

/** As long as the bucket keeps an object, whatever is not pruned before. */
const keptDays = 30;

export const snapshotStore = (table: Table): SnapshotStore => ({
  record: async (snapshot) =>
    table.put(
      keys.snapshot(snapshot.clusterId, snapshot.id),
      { ...snapshot, expiresAt: epochSeconds(plusSeconds(snapshot.takenAt, keptDays * 24 * 60 * 60)) },
      { when: 'attribute_not_exists(#pk)' },
    ),

  list: async (clusterId) =>
    (await table.children(keys.cluster(clusterId).pk, prefixes.snapshot)).map((item) =>
      entityOf<Snapshot>(item),
    ),

  async measure(clusterId, id, sizeBytes) {
    await table.update(
      keys.snapshot(clusterId, id),
      { set: { sizeBytes } },
      { when: 'attribute_exists(#pk)' },
    );
  },

  async forget(clusterId, id) {
    await table.remove(keys.snapshot(clusterId, id));
  },
});
