import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { silentLog } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { Restore } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { snapshotIdAt, snapshotKey } from '../../shared/domain/snapshot.ts';
import { onSnapshotTaken } from './on-snapshot-taken.ts';

let tests: TestStore;
beforeAll(async () => {
  tests = await startTestStore({ now: () => exampleTime });
});
afterAll(() => tests.close());

const month = 29 * 24 * 60;

/** Minutes ago, and whether its object is there. */
async function pruned(
  snapshots: readonly (readonly [minutesAgo: number, isThere: boolean])[],
  options: { readonly isKnown?: boolean; readonly failAt?: number; readonly restore?: Partial<Restore> } = {},
) {
  const { restore } = options;
  const cluster = aCluster(
    restore === undefined
      ? {}
      : {
          restore: {
            id: 'restore',
            snapshot: snapshotIdAt(plusSeconds(exampleTime, -60 * month)),
            requestedAt: exampleTime,
            requestedBy: 'ada',
            number: 4,
            ...restore,
          },
        },
  );
  if (options.isKnown !== false) await tests.store.clusters.create(cluster);
  const bucket = new Map<string, number>();
  for (const [minutesAgo, isThere] of snapshots) {
    const takenAt = plusSeconds(exampleTime, -60 * minutesAgo);
    const id = snapshotIdAt(takenAt);
    await tests.store.snapshots.record({ clusterId: cluster.id, id, takenAt, number: 1, attempt: 1 });
    if (isThere) bucket.set(snapshotKey(cluster.id, id), minutesAgo);
  }
  let removals = 0;
  const run = onSnapshotTaken({
    store: tests.store,
    objects: {
      list: async (prefix) =>
        [...bucket]
          .filter(([key]) => key.startsWith(prefix))
          .map(([key, minutesAgo]) => ({ key, sizeBytes: 1000 + minutesAgo })),
      remove: async (key) => {
        removals += 1;
        if (removals === options.failAt) throw new Error('S3 DELETE: 503');
        bucket.delete(key);
      },
    },
    clock: { now: () => exampleTime },
    log: silentLog,
  });
  const once = (): Promise<void> =>
    run({ detail: { clusterId: cluster.id, number: 1, snapshot: '20261123T040000Z' } });
  const left = async () =>
    (await tests.store.snapshots.list(cluster.id)).map(({ takenAt, sizeBytes }) => [
      (Date.parse(exampleTime) - Date.parse(takenAt)) / 60_000,
      sizeBytes,
    ]);
  return { once, left, bucket };
}

const lastEight = [0, 1, 2, 3, 4, 5, 6, 7].map((minutes) => [minutes, true] as const);

describe('with each snapshot that comes', () => {
  it('sizes are learned, old ones go, and what is not there is forgotten', async () => {
    const { once, left, bucket } = await pruned([...lastEight, [month, true], [30, false]]);
    await once();
    await once();
    expect(await left()).toEqual(lastEight.map(([minutes]) => [minutes, 1000 + minutes]).toReversed());
    expect(bucket.size).toBe(8);
  });

  it('that was cut off goes on where it ended', async () => {
    const { once, left, bucket } = await pruned([...lastEight, [month, true], [month - 9, true]], {
      failAt: 2,
    });
    await expect(once()).rejects.toThrow('503');
    expect(bucket.size).toBe(9);
    await once();
    expect(await left()).toHaveLength(8);
    expect(bucket.size).toBe(8);
  });

  it.each([
    ['stays while it is read', {}, 9],
    ['goes once it is restored', { restoredAt: exampleTime }, 8],
    ['goes once that has failed', { failure: { reason: 'no', at: exampleTime } }, 8],
  ] as const)('the old one that a restore was asked for %s', async (_, restore, left) => {
    const { once, bucket } = await pruned([...lastEight, [month, true]], { restore });
    await once();
    expect(bucket.size).toBe(left);
  });

  it('of a cluster that is gone, everything goes', async () => {
    const { once, left, bucket } = await pruned([[1, true]], { isKnown: false });
    await once();
    expect([await left(), bucket.size]).toEqual([[], 0]);
  });
});
