import { describe, expect, it } from 'vitest';
import { addCounts, describeFailure } from './outcomes.ts';
import { runWorld, tryWorld, type Counts } from './world.ts';

/** A few of the ten thousand that `npm run test:simulation` runs; other seeds than those of its default. */
const firstSeed = 100_001;
const seeds = 200;
const seedsWithZone = 25;

describe('simulated worlds', () => {
  it('hold every invariant at every step, and settle', { timeout: 300_000 }, async () => {
    let counts: Counts | undefined;
    const outcomes = new Set<string>();
    for (let seed = firstSeed; seed < firstSeed + seeds; seed += 1) {
      const report = await tryWorld(seed);
      expect(report.violation, describeFailure(report)).toBeUndefined();
      counts = addCounts(counts, report.counts);
      for (const outcome of report.outcomes) outcomes.add(outcome);
    }
    expect(counts?.seeds).toBe(seeds);
    // Worlds in which nothing happens prove nothing.
    expect(counts?.machines).toBeGreaterThan(3 * seeds);
    expect(counts?.checks).toBeGreaterThan(1000 * seeds);
    expect(counts?.purchases).toBeGreaterThan(seeds / 4);
    expect(counts?.consolidated).toBeGreaterThan(seeds / 20);
    expect([...outcomes]).toEqual(
      expect.arrayContaining([
        'present: ready',
        'present: failed',
        'absent: gone',
        'absent: strangers are in the way',
      ]),
    );
  });

  it('with a hosted zone, which people meddle with, settle too', { timeout: 120_000 }, async () => {
    for (let seed = 1; seed <= seedsWithZone; seed += 1) {
      const report = await tryWorld(seed, { hasZone: true });
      expect(report.violation, describeFailure(report)).toBeUndefined();
    }
  });

  it('have one history for one seed', async () => {
    for (const seed of [3, 17]) {
      const [one, other] = [await runWorld(seed), await runWorld(seed)];
      expect(one.history.length).toBeGreaterThan(500);
      expect(other.history.lines().join('\n')).toBe(one.history.lines().join('\n'));
      expect(other.counts).toEqual(one.counts);
    }
  });
});
