import { secondsBetween, type Instant } from '../domain/ids.ts';
import {
  snapshotIdOf,
  snapshotKey,
  snapshotTime,
  type Snapshot,
  type SnapshotObject,
} from '../domain/snapshot.ts';

const hourSeconds = 60 * 60;
const daySeconds = 24 * hourSeconds;

/** Which are kept: each rule looks at all of them, the newest first. */
const rules = [
  { reason: 'the last eight, whatever their age', newest: 8 },
  { reason: 'hourly for a day', everySeconds: hourSeconds, forSeconds: daySeconds },
  { reason: 'daily for a week', everySeconds: daySeconds, forSeconds: 7 * daySeconds },
] as const;

/** An upload that nobody recorded may still be under way, or be recorded soon. */
const unrecordedSecondsMax = hourSeconds;

export interface Pruning {
  /** Objects to be deleted, each with the item that speaks of it: the object goes first. */
  readonly remove: readonly { readonly key: string; readonly id?: string }[];
  /** Items whose object is not there. */
  readonly forget: readonly string[];
  /** Objects that were not seen before. */
  readonly measure: readonly { readonly id: string; readonly sizeBytes: number }[];
}

/** The ids that stay. Of an hour or a day the newest does, so that what is kept once is kept until its time is over. */
export function keptSnapshots(ids: readonly string[], now: Instant): ReadonlySet<string> {
  const newestFirst = ids
    .toSorted()
    .toReversed()
    .map((id) => ({ id, epochSeconds: Date.parse(snapshotTime(id)) / 1000 }));
  const nowSeconds = Date.parse(now) / 1000;
  const kept = new Set<string>();
  for (const rule of rules) {
    if ('newest' in rule) {
      for (const { id } of newestFirst.slice(0, rule.newest)) kept.add(id);
      continue;
    }
    const slots = new Set<number>();
    for (const { id, epochSeconds } of newestFirst) {
      const slot = Math.floor(epochSeconds / rule.everySeconds);
      if (nowSeconds - epochSeconds > rule.forSeconds || slots.has(slot)) continue;
      slots.add(slot);
      kept.add(id);
    }
  }
  return kept;
}

/**
 * What is to go of a cluster's snapshots, and what was learned of those that stay.
 *
 * @param snapshots the items, read before the objects were listed: one that is recorded meanwhile is left alone.
 */
export function pruneSnapshots(input: {
  readonly clusterId: string;
  /** A cluster that is gone keeps nothing. */
  readonly isGone: boolean;
  /** The one that a restore under way was asked for, however old it is. */
  readonly restoring: string | undefined;
  readonly snapshots: readonly Snapshot[];
  readonly objects: readonly SnapshotObject[];
  readonly now: Instant;
}): Pruning {
  const { clusterId, isGone, restoring, snapshots, objects, now } = input;
  const sizes = new Map(objects.map(({ key, sizeBytes }) => [key, sizeBytes]));
  const sizeOf = ({ id }: Snapshot): number | undefined => sizes.get(snapshotKey(clusterId, id));
  const there = snapshots.filter((each) => sizeOf(each) !== undefined);
  const kept = isGone
    ? new Set<string>()
    : new Set([
        ...keptSnapshots(
          there.map(({ id }) => id),
          now,
        ),
        ...(restoring === undefined ? [] : [restoring]),
      ]);
  const known = new Set(snapshots.map(({ id }) => snapshotKey(clusterId, id)));
  const isStale = (key: string): boolean => {
    const id = snapshotIdOf(key);
    return isGone || (id !== undefined && secondsBetween(snapshotTime(id), now) > unrecordedSecondsMax);
  };
  return {
    remove: [
      ...there.filter(({ id }) => !kept.has(id)).map(({ id }) => ({ key: snapshotKey(clusterId, id), id })),
      ...objects.filter(({ key }) => !known.has(key) && isStale(key)).map(({ key }) => ({ key })),
    ],
    forget: snapshots.filter((each) => sizeOf(each) === undefined).map(({ id }) => id),
    measure: there.flatMap((each) => {
      const sizeBytes = sizeOf(each);
      return sizeBytes === undefined || sizeBytes === each.sizeBytes || !kept.has(each.id)
        ? []
        : [{ id: each.id, sizeBytes }];
    }),
  };
}
