import { describe, expect, it } from 'vitest';
import { JoiningWorld, randomFrom } from './world.ts';

/** A seed that failed, to look at it alone: `JOINING_SEED=17 vitest run test/joining`. */
const only = process.env['JOINING_SEED'];
const walks = only === undefined ? Number(process.env['JOINING_WALKS'] ?? 250) : 1;
const firstSeed = only === undefined ? 1 : Number(only);
const stepsMax = 500;
const roundsMax = 200;

describe('machines that begin together, die, and are replaced', () => {
  it(
    'initialise once, join one control plane at a time, and never wait for nobody',
    { timeout: 60_000 },
    async () => {
      let lost = 0;
      for (let seed = firstSeed; seed < firstSeed + walks; seed += 1) {
        const random = randomFrom(seed);
        const world = new JoiningWorld({
          random,
          controlPlanes: 1 + Math.floor(random() * 3),
          workers: Math.floor(random() * 4),
        });
        try {
          const steps = stepsMax * random();
          for (let step = 0; step < steps; step += 1) await world.anything();
          const isWhole = await world.goesWell(roundsMax);
          if (world.isLost()) lost += 1;
          else expect(isWhole, 'everybody that lives has joined').toBe(true);
        } catch (error) {
          throw new Error(`seed ${seed}: ${world.describe()}`, { cause: error });
        }
      }
      // A walk that loses its quorum shows little: there must be few of them.
      expect(lost).toBeLessThan(walks / 4);
    },
  );
});
