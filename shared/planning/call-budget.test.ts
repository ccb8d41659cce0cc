import { describe, expect, it } from 'vitest';
import { exampleTime as now } from '../../test/builders/cluster.ts';
import type { CallBudget } from '../domain/call-budget.ts';
import { plusSeconds } from '../domain/ids.ts';
import { budgetScope, callsPerLook, pauseCalls, takeCalls } from './call-budget.ts';

const budget = (left: readonly number[], given: Partial<CallBudget> = {}): CallBudget => ({
  version: 7,
  left,
  at: now,
  ...given,
});
const full = { aws: 60, digitalocean: [150, 3000] } as const;

/** `left 48`, `wait 3 s` */
const taken = (cloud: 'aws' | 'digitalocean', calls: number, known?: CallBudget, at = now): string => {
  const answer = takeCalls({ cloud, calls, known, now: at });
  return answer.isGranted ? `left ${answer.budget.left.join(' and ')}` : `wait ${answer.afterSeconds} s`;
};

describe('a look takes its calls at once', () => {
  it.each<[string, string, string]>([
    ['from all of them when nobody has looked', taken('aws', 12), 'left 48'],
    ['from what is left', taken('aws', 12, budget([12])), 'left 0'],
    ['or waits until so many have come back', taken('aws', 12, budget([0])), 'wait 1 s'],
    ['longer when it needs more', taken('aws', 48, budget([0])), 'wait 4 s'],
    ['from what came back meanwhile', taken('aws', 12, budget([0]), plusSeconds(now, 1)), 'left 0'],
    ['never more than there can be', taken('aws', 12, budget([0]), plusSeconds(now, 3600)), 'left 48'],
    ['all there are when it needs more than that', taken('aws', 500), 'left 0'],
    ['only once all are there, then', taken('aws', 500, budget([59])), 'wait 1 s'],
    ['from each of several windows', taken('digitalocean', 54), `left ${150 - 54} and ${3000 - 54}`],
    ['as the slowest of them allows', taken('digitalocean', 50, budget([150, 0])), 'wait 60 s'],
    [
      'by a clock that is behind, from what is left',
      taken('aws', 12, budget([12]), plusSeconds(now, -5)),
      'left 0',
    ],
    [
      'not while the cloud has had enough',
      taken('aws', 12, budget([60], { pausedUntil: plusSeconds(now, 9) })),
      'wait 9 s',
    ],
    ['after that, as ever', taken('aws', 12, budget([60], { pausedUntil: now })), 'left 48'],
  ])('%s', (_, actual, expected) => {
    expect(actual).toBe(expected);
  });

  it('and leaves four in ten of what the cloud allows to those who change something', () => {
    expect(takeCalls({ cloud: 'aws', calls: 0, known: undefined, now })).toMatchObject({
      budget: { version: 1, left: [full.aws] },
    });
    expect(takeCalls({ cloud: 'digitalocean', calls: 0, known: undefined, now })).toMatchObject({
      budget: { left: full.digitalocean },
    });
  });
});

describe('a cloud that throttles', () => {
  it.each<[string, CallBudget | undefined, number | undefined, number]>([
    ['is left alone as long as it says', undefined, 12, 12],
    ['or for half a minute when it does not say', budget([60]), undefined, 30],
    ['for a second at least', budget([60]), 0, 1],
    [
      'and as long as it said before, when that was longer',
      budget([0], { pausedUntil: plusSeconds(now, 50) }),
      12,
      50,
    ],
  ])('%s', (_, known, retryAfterSeconds, seconds) => {
    const paused = pauseCalls({ cloud: 'aws', known, retryAfterSeconds, now });
    expect(paused).toEqual({
      version: (known?.version ?? 0) + 1,
      left: [0],
      at: now,
      pausedUntil: plusSeconds(now, seconds),
    });
  });
});

it('is counted where the cloud counts', () => {
  expect([budgetScope('aws', 'us-east'), budgetScope('digitalocean', 'us-east')]).toEqual([
    'us-east',
    'everywhere',
  ]);
  const [one, many] = [1, 50].map((clusters) => ({ clusters, loadBalancers: 0 }));
  if (one === undefined || many === undefined) throw new Error('two were made');
  expect(callsPerLook('digitalocean', many)).toBeGreaterThan(50);
  expect(callsPerLook('aws', many)).toBe(callsPerLook('aws', one));
  expect(callsPerLook('aws', { ...many, loadBalancers: 50 })).toBe(callsPerLook('aws', one) + 150);
});
