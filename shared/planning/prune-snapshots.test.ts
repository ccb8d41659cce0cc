import { describe, expect, it } from 'vitest';
import { plusSeconds } from '../domain/ids.ts';
import { snapshotIdAt, snapshotKey, snapshotTime, type Snapshot } from '../domain/snapshot.ts';
import { keptSnapshots, pruneSnapshots } from './prune-snapshots.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const now = '2026-11-23T12:07:00.000Z';
const id = (minutesAgo: number): string => snapshotIdAt(plusSeconds(now, -60 * minutesAgo));
const item = (minutesAgo: number, sizeBytes?: number): Snapshot => ({
  clusterId,
  id: id(minutesAgo),
  takenAt: plusSeconds(now, -60 * minutesAgo),
  number: 1,
  attempt: 1,
  ...(sizeBytes !== undefined && { sizeBytes }),
});
const object = (minutesAgo: number, sizeBytes = 5) => ({
  key: snapshotKey(clusterId, id(minutesAgo)),
  sizeBytes,
});
const day = 24 * 60;

/** Every quarter of an hour for eight days, pruned each time: as it is at last. */
function lived(): ReadonlySet<string> {
  let there: string[] = [];
  for (let minutes = 8 * day; minutes >= 0; minutes -= 15) {
    const at = plusSeconds(now, -60 * minutes);
    there = [...keptSnapshots([...there, snapshotIdAt(at)], at)];
  }
  return new Set(there);
}

describe('what is kept', () => {
  it('an id names its time', () => {
    expect(snapshotIdAt('2026-11-23T08:09:10.987Z')).toBe('20261123T080910Z');
    expect(snapshotTime('20261123T080910Z')).toBe('2026-11-23T08:09:10.000Z');
  });

  it.each<[string, readonly number[], readonly number[]]>([
    ['the last eight, however old', [20 * day, 21 * day, 22 * day, 23 * day, 24 * day], []],
    ['of an earlier hour the newest', [0, 1, 2, 3, 4, 5, 6, 7, 190, 205, 220, 235], [205, 220, 235]],
    ['of an earlier day the newest', [0, 1, 2, 3, 4, 5, 6, 7, 2 * day, 2 * day + 60], [2 * day + 60]],
    ['nothing older than a week', [0, 1, 2, 3, 4, 5, 6, 7, 6 * day, 8 * day], [8 * day]],
  ])('%s', (_, taken, gone) => {
    const kept = keptSnapshots(taken.map(id), now);
    expect(taken.filter((each) => !kept.has(id(each)))).toEqual(gone);
  });

  it('after eight days: the last eight, one for each hour of a day, one for each day of a week', () => {
    const kept = [...lived()].sort().toReversed();
    const hours = kept.filter((each) => each > id(day));
    expect(kept.slice(0, 8)).toEqual(Array.from({ length: 8 }, (_, index) => id(15 * index)));
    // The last eight lie in three hours.
    expect(new Set(hours.map((each) => each.slice(0, 11))).size).toBe(25);
    expect(hours).toHaveLength(8 + 25 - 3);
    // Of the day before, the newest is not yet a day old.
    const days = kept.filter((each) => each <= id(day)).map((each) => each.slice(0, 8));
    expect(days).toEqual(['21', '20', '19', '18', '17', '16'].map((each) => `202611${each}`));
    expect(kept.length).toBeLessThanOrEqual(8 + 24 + 7);
  });
});

describe('what is done for it', () => {
  const recent = [0, 15, 30, 45, 60, 75, 90, 105];
  const plan = (
    snapshots: readonly Snapshot[],
    objects: readonly { key: string; sizeBytes: number }[],
    isGone = false,
  ) => pruneSnapshots({ clusterId, isGone, restoring: undefined, snapshots, objects, now });

  it('the object goes with its item', () => {
    const old = 9 * day;
    const minutes = [...recent, old];
    expect(
      plan(
        minutes.map((each) => item(each, 5)),
        minutes.map((each) => object(each)),
      ),
    ).toEqual({
      remove: [{ key: object(old).key, id: id(old) }],
      forget: [],
      measure: [],
    });
  });

  it('an item without an object is forgotten, and counts for none of the eight', () => {
    expect(plan([item(0, 5), item(15)], [object(0)])).toEqual({ remove: [], forget: [id(15)], measure: [] });
  });

  it('what was not seen before is measured', () => {
    expect(plan([item(0)], [object(0, 7)]).measure).toEqual([{ id: id(0), sizeBytes: 7 }]);
  });

  it('an upload that nobody recorded goes after an hour, and not before', () => {
    expect(plan([], [object(59), object(61)]).remove).toEqual([{ key: object(61).key }]);
  });

  it('what is none of ours is left alone', () => {
    const strange = { key: `clusters/${clusterId}/snapshots/notes.txt`, sizeBytes: 1 };
    expect(plan([], [strange]).remove).toEqual([]);
  });

  it('of a cluster that is gone nothing is kept', () => {
    expect(plan([item(0)], [object(0), object(1)], true).remove).toHaveLength(2);
  });
});
