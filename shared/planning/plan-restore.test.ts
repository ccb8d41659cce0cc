import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aMarket } from '../../test/builders/market.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import type { Cluster, CloudParts, Restore } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import type { Node } from '../domain/node.ts';
import { planFollowers, planRestore } from './plan-restore.ts';

const now = exampleTime;
const snapshots = [{ id: '20261123T034500Z' }, { id: '20261123T033000Z' }];
const newest = '20261123T034500Z';
const quorumLost: Finding = {
  clusterId: 'c',
  fingerprint: 'quorum-lost',
  kind: 'quorum-lost',
  subject: 'c',
  message: 'quorum lost: 2 of 3 control planes',
  remedy: '',
  seenAt: now,
};
const controlPlane = (number: number, cloud: Node['cloud'], given: Partial<Node> = {}): Node =>
  aNode({
    id: `node-${number}`,
    clusterId: 'c',
    number,
    role: 'control-plane',
    offering: anOffering({ cloud }),
    shape: 'medium',
    phase: 'ready',
    ...given,
  });
const worker = aNode({ clusterId: 'c', number: 4, phase: 'ready' });
const three = [
  controlPlane(1, 'aws'),
  controlPlane(2, 'gcp', { desired: 'absent', phase: 'deleting' }),
  controlPlane(3, 'azure'),
  controlPlane(5, 'gcp', { phase: 'booting' }),
  worker,
];
const earlier: Restore = { id: 'earlier', snapshot: newest, requestedAt: now, requestedBy: 'ada', number: 6 };

const plan = (
  given: Partial<Parameters<typeof planRestore>[0]> & { in?: Partial<Cluster> } = {},
): ReturnType<typeof planRestore> => {
  const { in: cluster, ...rest } = given;
  let ids = 0;
  return planRestore({
    cluster: aCluster({ id: 'c', status: 'failed', nextNumber: 6, ...cluster }),
    nodes: three,
    parts: [],
    findings: [quorumLost],
    snapshots,
    wanted: undefined,
    market: aMarket(),
    id: 'mine',
    by: 'ada',
    now,
    newId: () => `id-${(ids += 1)}`,
    ...rest,
  });
};

describe('a cluster that lost its quorum', () => {
  it('is restored from its newest snapshot, on one new control plane like the first of before', () => {
    expect(plan()).toMatchObject({
      restore: { id: 'mine', snapshot: newest, requestedAt: now, requestedBy: 'ada', number: 6 },
      plan: {
        nodes: [
          {
            number: 6,
            role: 'control-plane',
            shape: 'medium',
            offering: { cloud: 'aws' },
            replaces: 'node-1',
          },
        ],
        reason: `ada asked to restore the cluster from snapshot ${newest}`,
      },
      nextNumber: 7,
    });
  });

  it('is to be as large again as it was asked to be: those that go are not counted, those that come are', () => {
    const { followers } = (plan() as { restore: Restore }).restore;
    expect(followers?.map(({ offering, shape }) => [offering.cloud, shape])).toEqual([
      ['azure', 'medium'],
      ['gcp', 'medium'],
    ]);
  });

  it('that had one control plane has none to follow', () => {
    expect(plan({ nodes: [controlPlane(1, 'aws'), worker] })).toHaveProperty('restore');
    expect(plan({ nodes: [controlPlane(1, 'aws'), worker] })).not.toHaveProperty('restore.followers');
  });

  it('is restored from the snapshot that was asked for', () => {
    expect(plan({ wanted: '20261123T033000Z' })).toMatchObject({ restore: { snapshot: '20261123T033000Z' } });
  });

  it('begins in a cloud that is not in trouble', () => {
    const failing: CloudParts = {
      clusterId: 'c',
      cloud: 'aws',
      failure: { error: 'CloudUnavailable', message: 'no', at: now },
    };
    expect(plan({ parts: [failing] })).toMatchObject({ plan: { nodes: [{ offering: { cloud: 'azure' } }] } });
  });

  it('may be restored again after a restore that failed, also with what that one had still to plan', () => {
    const failure = { at: now, reason: 'no' };
    const followers = [
      { offering: anOffering({ cloud: 'gcp' }) },
      { offering: anOffering({ cloud: 'azure' }) },
    ];
    const again = plan({
      in: { restore: { ...earlier, failure, followers }, nextNumber: 7 },
      nodes: [controlPlane(6, 'aws', { phase: 'failed' }), worker],
      findings: [],
    });
    expect(again).toMatchObject({
      restore: { number: 7, id: 'mine' },
      plan: { nodes: [{ replaces: 'node-6' }] },
    });
    expect((again as { restore: Restore }).restore.followers?.map(({ offering }) => offering.cloud)).toEqual([
      'gcp',
      'azure',
    ]);
  });
});

describe('a restore is refused', () => {
  it.each<[string, Parameters<typeof plan>[0], string, string, RegExp]>([
    [
      'for a cluster that is well',
      { in: { status: 'ready' }, findings: [] },
      'conflict',
      'cluster',
      /has not lost its quorum: it is ready$/,
    ],
    [
      'for a cluster that failed otherwise',
      { in: { statusReason: 'node 1: QuotaExceeded' }, findings: [] },
      'conflict',
      'cluster',
      /it is failed \(node 1: QuotaExceeded\)/,
    ],
    [
      'before it is written down that the quorum is lost',
      { in: { status: 'degraded' } },
      'conflict',
      'cluster',
      /it is degraded/,
    ],
    [
      'without a snapshot',
      { snapshots: [] },
      'conflict',
      'snapshot',
      /has no snapshot: it can only be deleted and created again/,
    ],
    [
      'from a snapshot that is not there',
      { wanted: '20251123T033000Z' },
      'invalid',
      'snapshot',
      /has no snapshot "20251123T033000Z"/,
    ],
    [
      'while another one is under way',
      { in: { status: 'restoring', restore: earlier }, wanted: '20261123T033000Z' },
      'conflict',
      'snapshot',
      /is being restored from snapshot 20261123T034500Z already/,
    ],
  ])('%s', (_, given, refused, field, message) => {
    expect(plan(given)).toEqual({
      refused,
      problem: expect.objectContaining({
        field,
        message: expect.stringMatching(message) as string,
      }) as object,
    });
  });

  it('with the snapshots that there are, the newest first', () => {
    expect(plan({ wanted: 'x' })).toMatchObject({
      problem: { allowed: ['20261123T034500Z', '20261123T033000Z'] },
    });
  });
});

describe('the same restore again', () => {
  it.each<[string, Parameters<typeof plan>[0]]>([
    ['while it is under way', { in: { status: 'restoring', restore: earlier }, wanted: newest }],
    ['as the newest, while it is under way', { in: { status: 'restoring', restore: earlier } }],
    [
      'by its id, long after it is over',
      { id: 'earlier', in: { status: 'ready', restore: { ...earlier, restoredAt: now, finishedAt: now } } },
    ],
  ])('%s, is the same answer', (_, given) => {
    expect(plan(given)).toMatchObject({ already: { id: 'earlier' } });
  });
});

it('those that follow are planned with numbers that nobody had lately', () => {
  const followers = [
    { offering: anOffering({ cloud: 'gcp' }), shape: 'medium' as const },
    { offering: anOffering() },
  ];
  const { plan: planned, nextNumber } = planFollowers({
    cluster: { nextNumber: 7, restore: { ...earlier, followers } },
    nodes: [controlPlane(6, 'aws'), controlPlane(8, 'aws')],
    newId: () => 'id',
  });
  expect(planned.nodes).toEqual([
    { id: 'id', number: 7, role: 'control-plane', shape: 'medium', offering: followers[0]?.offering },
    { id: 'id', number: 9, role: 'control-plane', offering: followers[1]?.offering },
  ]);
  expect(nextNumber).toBe(10);
});
