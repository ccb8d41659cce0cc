import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { etcdTuning, roundTripMilliseconds } from './etcd-tuning.ts';

describe('etcd', () => {
  it.each([
    [['aws'], 100, 1000],
    [['aws', 'gcp'], 250, 2500],
    [['aws', 'gcp', 'azure', 'digitalocean'], 250, 2500],
  ] as const)('in %j beats every %i ms and elects after %i ms', (clouds, heartbeat, election) => {
    expect(etcdTuning(roundTripMilliseconds(clouds))).toEqual({
      heartbeatMilliseconds: heartbeat,
      electionMilliseconds: election,
    });
  });

  it.each([
    [0, 100],
    [10, 100],
    [10.1, 250],
    [100, 250],
    [101, 500],
    [500, 500],
  ])('at a round trip of %d ms beats every %i ms', (roundTrip, heartbeat) => {
    expect(etcdTuning(roundTrip).heartbeatMilliseconds).toBe(heartbeat);
  });

  it('waits ten round trips and ten heartbeats before it elects, and no longer than etcd allows', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 500, noNaN: true }), (roundTrip) => {
        const { heartbeatMilliseconds, electionMilliseconds } = etcdTuning(roundTrip);
        expect(electionMilliseconds).toBeGreaterThanOrEqual(10 * roundTrip);
        expect(electionMilliseconds).toBe(10 * heartbeatMilliseconds);
        expect(electionMilliseconds).toBeLessThanOrEqual(50_000);
      }),
    );
  });

  it('refuses what is no number', () => {
    expect(() => etcdTuning(Number.NaN)).toThrow('no round trip');
  });
});
