import type { CloudName } from '../domain/cloud.ts';

/** etcd's own names: both in milliseconds, and equal on all members of a cluster. */
export interface EtcdTuning {
  readonly heartbeatMilliseconds: number;
  readonly electionMilliseconds: number;
}

/**
 * The longest round trip that control planes of these clouds may see. A region's places lie within 600 km: 6 ms there and
 * back in fibre, doubled for detours, and 3 ms for WireGuard. One cloud means one zone.
 */
export const roundTripMilliseconds = (clouds: readonly CloudName[]): number =>
  new Set(clouds).size > 1 ? 15 : 2;

const tunings: readonly ({ readonly roundTripMillisecondsMax: number } & EtcdTuning)[] = [
  // etcd's defaults.
  { roundTripMillisecondsMax: 10, heartbeatMilliseconds: 100, electionMilliseconds: 1000 },
  { roundTripMillisecondsMax: 100, heartbeatMilliseconds: 250, electionMilliseconds: 2500 },
  { roundTripMillisecondsMax: Infinity, heartbeatMilliseconds: 500, electionMilliseconds: 5000 },
];

/**
 * Members far apart are given longer before a slow packet counts as a dead leader: etcd asks for an election timeout of at
 * least ten round trips. Chosen from the clouds a cluster may use, not from the control planes it has: all members share
 * one configuration that is written once.
 */
export function etcdTuning(roundTripMillisecondsExpected: number): EtcdTuning {
  const fitting = tunings.find((each) => roundTripMillisecondsExpected <= each.roundTripMillisecondsMax);
  if (fitting === undefined) throw new Error(`no round trip: ${roundTripMillisecondsExpected}`);
  const { heartbeatMilliseconds, electionMilliseconds } = fitting;
  return { heartbeatMilliseconds, electionMilliseconds };
}
