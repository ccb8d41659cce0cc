import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import type { Cluster } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { MeshMember } from '../domain/mesh.ts';
import { nextSnapshotAt, planSnapshot, snapshotInstruction } from './plan-snapshot.ts';

const now = exampleTime;
const ago = (minutes: number) => plusSeconds(now, -60 * minutes);
const member = (number: number, role: MeshMember['role'] = 'control-plane'): MeshMember => ({
  number,
  role,
  cloud: 'aws',
  overlayAddress: `10.4.0.${number}`,
  publicKey: '',
  publicAddress: '',
  privateAddress: '',
  sinceVersion: 1,
});
const lease = (number: number, minutes: number, attempt = 1) => ({ number, attempt, since: ago(minutes) });

/** What the control plane is told: nothing, to upload, or to take the lease first (over whose). */
function told(number: number, given: Partial<Cluster>, members = [1, 2, 3]): string {
  const decision = planSnapshot({
    cluster: aCluster({ initialisedAt: ago(600), status: 'ready', ...given }),
    node: { number, attempt: 1 },
    mesh: {
      clusterId: '',
      version: 1,
      members: [...members.map((each) => member(each)), member(9, 'worker')],
    },
    now,
  });
  if (decision === undefined) return 'nothing';
  if ('instruction' in decision) return decision.instruction.id;
  expect(decision.need.lease).toEqual({ number, attempt: 1, since: now });
  return decision.need.over === undefined ? 'lease' : `lease over ${decision.need.over.number}`;
}

describe('who takes a snapshot, and when', () => {
  it.each<[string, string, number, Partial<Cluster>]>([
    ['the first one is due at once', 'lease', 1, {}],
    ['one that is not due', 'nothing', 1, { snapshotDueAt: plusSeconds(now, 1) }],
    ['one that is due', 'lease', 1, { snapshotDueAt: now }],
    ['the second control plane lets the first go first', 'nothing', 2, { snapshotDueAt: now }],
    ['for a minute', 'lease', 2, { snapshotDueAt: ago(1) }],
    ['the third for two', 'nothing', 3, { snapshotDueAt: ago(1) }],
    ['since both may be gone', 'lease', 3, { snapshotDueAt: ago(2) }],
    ['nothing is initialised', 'nothing', 1, { initialisedAt: undefined as never }],
    ['the cluster is still being built', 'lease', 1, { status: 'creating' }],
    ['the cluster is degraded', 'lease', 1, { status: 'degraded' }],
    ['the cluster lost its quorum', 'nothing', 1, { status: 'failed' }],
    ['its deletion was asked for', 'nothing', 1, { deletionRequestedAt: now }],
    ['it goes', 'nothing', 1, { desired: 'absent' }],
    ['one is under way elsewhere', 'nothing', 1, { snapshotting: lease(2, 9) }],
    ['nothing was heard of it for ten minutes', 'lease over 2', 1, { snapshotting: lease(2, 10) }],
    ['its machine left the mesh', 'lease over 7', 1, { snapshotting: lease(7, 1) }],
    ['its own machine was replaced', 'lease over 1', 1, { snapshotting: lease(1, 1, 0) }],
    ['its own took too long', 'lease over 1', 1, { snapshotting: lease(1, 10) }],
    ['whoever holds it is told again', 'snapshot-1-1-20261123T035900Z', 1, { snapshotting: lease(1, 1) }],
  ])('%s: %s', (_, expected, number, given) => {
    expect(told(number, given)).toBe(expected);
  });

  it('the lowest number need not be 1', () => {
    expect(told(4, { snapshotDueAt: now }, [4, 6])).toBe('lease');
  });

  it('each is another instruction, which an agent takes for a file’s name', () => {
    const ids = [0, 15].map((minutes) => snapshotInstruction(lease(1, minutes)).id);
    expect(new Set(ids).size).toBe(2);
    for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/);
  });

  it('the next is due 15 minutes after this one began, or 5 after it failed', () => {
    expect(nextSnapshotAt(lease(1, 2), true, now)).toBe(plusSeconds(now, 13 * 60));
    expect(nextSnapshotAt(lease(1, 2), false, now)).toBe(plusSeconds(now, 5 * 60));
  });
});
