import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Cluster, Restore } from '../domain/cluster.ts';
import type { Node } from '../domain/node.ts';
import { clusterStatus } from './cluster-status.ts';
import { isRestoreOver } from './restoring.ts';

const now = exampleTime;
const asked: Restore = {
  id: 'asked',
  snapshot: 'S',
  requestedAt: now,
  requestedBy: 'ada',
  number: 7,
};
const node = (number: number, phase: Node['phase'], given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, phase, role: 'control-plane', attempt: 1, ...given });
const former = (number: number, given: Partial<Node> = {}): Node =>
  node(number, 'deleting', { desired: 'absent', ...given });
const failed = (number: number): Node => node(number, 'failed', { failure: { reason: 'no disk' } });
const lost = {
  clusterId: 'c',
  fingerprint: 'quorum-lost',
  kind: 'quorum-lost',
  subject: 'c',
  message: 'quorum lost: 2 of 3 control planes',
  remedy: '',
  seenAt: now,
} as const;

const status = (restore: Partial<Restore>, nodes: readonly Node[], given: Partial<Cluster> = {}): string => {
  const verdict = clusterStatus({
    cluster: aCluster({
      readyAt: now,
      provisionedGeneration: 1,
      restore: { ...asked, ...restore },
      ...given,
    }),
    nodes,
    parts: [],
    findings: restore.restoredAt === undefined ? [lost] : [],
  });
  return `${verdict.status}${verdict.reason === undefined ? '' : `: ${verdict.reason}`}`;
};

describe('how far a restore is', () => {
  const claimed = { attempt: 1 };
  const restored = { attempt: 1, restoredAt: now };
  const followers = [{ offering: node(7, 'planned').offering }];
  const finished = { ...restored, finishedAt: now };
  it.each<[string, Partial<Restore>, readonly Node[]]>([
    ['restoring: from snapshot S: control plane 7 is planned', {}, []],
    ['restoring: from snapshot S: control plane 1 must be gone first', {}, [former(1), node(7, 'booting')]],
    [
      'restoring: from snapshot S: control planes 1, 2 and 3 must be gone first',
      {},
      [node(1, 'ready'), former(2), former(3), node(7, 'planned')],
    ],
    ['restoring: from snapshot S: control plane 7 is booting', {}, [node(7, 'booting')]],
    ['restoring: from snapshot S: control plane 7 restores it', claimed, [node(7, 'booting')]],
    [
      'restoring: from snapshot S: control plane 7 is creating',
      claimed,
      [node(7, 'creating', { attempt: 2 })],
    ],
    [
      'restoring: from snapshot S: it serves, and control plane 7 is on the way',
      { ...restored, followers },
      [node(7, 'joining')],
    ],
    [
      'restoring: from snapshot S: it serves, and the other control planes are planned',
      { ...restored, followers },
      [node(7, 'ready')],
    ],
    [
      'restoring: from snapshot S: it serves, and control planes 8 and 9 are on the way',
      restored,
      [node(7, 'ready'), node(8, 'creating'), node(9, 'joining')],
    ],
    ['ready', restored, [node(7, 'ready'), node(8, 'ready')]],
    ['ready', finished, [node(7, 'ready'), node(8, 'creating')]],
    ['degraded: node 8: no disk', restored, [node(7, 'ready'), failed(8)]],
    ['failed: the restore from snapshot S failed: control plane 7: no disk', claimed, [failed(7)]],
    [
      'failed: the restore from snapshot S failed: the machine of control plane 2 could not be deleted, and control plane 7 did not wait for ever: no disk',
      {},
      [former(2), failed(7)],
    ],
    [
      'failed: the restore from snapshot S failed: control plane 7: it was taken away',
      claimed,
      [node(7, 'draining', { desired: 'absent' })],
    ],
    ['failed: the restore from snapshot S failed: why', { failure: { at: now, reason: 'why' } }, [failed(7)]],
  ])('%s', (expected, restore, nodes) => {
    expect(status(restore, nodes)).toBe(expected);
  });

  it('a quorum that is lost once more, before all control planes are there, counts more', () => {
    const cluster = aCluster({ readyAt: now, restore: { ...asked, ...restored } });
    const verdict = clusterStatus({
      cluster,
      nodes: [node(7, 'ready'), node(8, 'joining')],
      parts: [],
      findings: [lost],
    });
    expect(verdict).toEqual({ status: 'failed', reason: lost.message });
  });

  it('a cluster that goes is deleting, whatever it was restored from', () => {
    expect(status({}, [node(7, 'booting')], { desired: 'absent' })).toBe('deleting');
  });
});

describe('a restore is over', () => {
  it.each<[boolean, string, Partial<Restore>, readonly Node[], Partial<Cluster>]>([
    [false, 'not before it serves', {}, [node(7, 'ready')], {}],
    [true, 'when its control plane is ready', { restoredAt: now }, [node(7, 'ready')], {}],
    [false, 'not while others are to be planned', { restoredAt: now, followers: [] }, [node(7, 'ready')], {}],
    [
      false,
      'not while their plan is pending',
      { restoredAt: now },
      [node(7, 'ready')],
      { pendingPlan: { id: 'p', nodes: [], reason: '' } },
    ],
    [false, 'not while one is joining', { restoredAt: now }, [node(7, 'ready'), node(8, 'joining')], {}],
    [
      true,
      'whatever workers do, and who goes',
      { restoredAt: now },
      [node(7, 'ready'), node(4, 'joining', { role: 'worker' }), former(3)],
      {},
    ],
  ])('%s: %s', (expected, _, restore, nodes, given) => {
    expect(isRestoreOver(aCluster({ restore: { ...asked, ...restore }, ...given }), nodes)).toBe(expected);
  });
});
