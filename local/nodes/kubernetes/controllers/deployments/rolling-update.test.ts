import { describe, expect, it } from 'vitest';
import { nextRollingStep, scaleProportionally, type Rollable } from './rolling-update.ts';

/** `[wanted, available]` */
type Counts = readonly [number, number];
const set = (name: string, [wanted, available]: Counts): Rollable => ({
  name,
  wanted,
  replicas: wanted,
  available,
});

describe('the next step of a rolling update', () => {
  it.each<
    [string, number, readonly [number, number], Counts, readonly Counts[], Readonly<Record<string, number>>]
  >([
    ['the first of the new, as far as the surge goes', 4, [1, 1], [0, 0], [[4, 4]], { fresh: 1 }],
    ['then the old, as far as availability goes', 4, [1, 1], [1, 0], [[4, 4]], { old0: 3 }],
    ['room made by the old is for the new', 4, [1, 1], [1, 0], [[3, 3]], { fresh: 2 }],
    ['nothing while too few are available', 4, [1, 1], [2, 0], [[3, 3]], {}],
    ['sick old ones go first, though the healthy are few', 4, [0, 1], [0, 0], [[4, 2]], { old0: 3 }],
    [
      'sick ones of several',
      4,
      [0, 2],
      [0, 0],
      [
        [2, 0],
        [2, 2],
      ],
      { old0: 0 },
    ],
    ['all of the new are there: the rest of the old', 4, [1, 0], [4, 4], [[1, 1]], { old0: 0 }],
    ['no surge at all: the old make room first', 4, [0, 1], [0, 0], [[4, 4]], { old0: 3 }],
    ['no unavailability: the new come first', 1, [1, 0], [0, 0], [[1, 1]], { fresh: 1 }],
    ['no unavailability: the old wait', 1, [1, 0], [1, 0], [[1, 1]], {}],
    ['done', 4, [1, 1], [4, 4], [[0, 0]], {}],
    ['too many of the new', 2, [1, 1], [4, 4], [], { fresh: 2 }],
  ])('%s', (_rule, replicas, [maxSurge, maxUnavailable], fresh, old, expected) => {
    const step = nextRollingStep({
      replicas,
      bounds: { maxSurge, maxUnavailable },
      fresh: set('fresh', fresh),
      old: old.map((counts, index) => set(`old${index}`, counts)),
    });
    expect(Object.fromEntries(step)).toEqual(expected);
  });

  it.each<[string, readonly number[], number, number, Readonly<Record<string, number>>]>([
    ['up by shares', [6, 4], 10, 20, { s0: 12, s1: 8 }],
    ['down by shares', [6, 4], 10, 5, { s0: 3, s1: 2 }],
    ['the largest takes the rest', [2, 1], 3, 4, { s0: 3, s1: 1 }],
    ['to none', [6, 4], 10, 0, { s0: 0, s1: 0 }],
    ['nothing to do', [6, 4], 10, 10, {}],
  ])('scaled in the middle: %s', (_rule, wanted, before, after, expected) => {
    const sets = wanted.map((count, index) => set(`s${index}`, [count, count]));
    expect(Object.fromEntries(scaleProportionally(sets, before, after))).toEqual(expected);
  });
});
