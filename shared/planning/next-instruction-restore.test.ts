import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Cluster, Restore } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { MeshMember } from '../domain/mesh.ts';
import { agentPhases, type SyncRequest } from '../domain/node-protocol.ts';
import { nodePhases, type Node } from '../domain/node.ts';
import { nextInstruction } from './next-instruction.ts';

const now = exampleTime;
const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

/** Asked for when the three of before had lost their quorum; node 7 is planned for it. */
const asked: Restore = {
  id: 'asked',
  snapshot: '20261123T080000Z',
  requestedAt: now,
  requestedBy: 'ada',
  number: 7,
};
const cluster = (restore: Partial<Restore> = {}, given: Partial<Cluster> = {}): Cluster =>
  aCluster({
    id: clusterId,
    status: 'restoring',
    initNode: 1,
    initAttempt: 1,
    initialisedAt: now,
    restore: { ...asked, ...restore },
    ...given,
  });
const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId, number, role: 'control-plane', phase: 'booting', attempt: 1, ...given });
const worker = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId, number, role: 'worker', phase: 'booting', attempt: 1, ...given });
/** It lives, and its etcd has no quorum. */
const survivor = (number: number, given: Partial<Node> = {}): Node =>
  controlPlane(number, { phase: 'ready', joinedAt: now, lastSeenAt: now, meshVersion: 9, ...given });
const gone = (number: number): Node =>
  survivor(number, { phase: 'deleted', desired: 'absent', lastSeenAt: now });
const member = (number: number): MeshMember => ({
  number,
  cloud: 'aws',
  role: 'control-plane',
  overlayAddress: `10.4.0.${number}`,
  publicKey: `key-${number}`,
  publicAddress: `203.0.113.${number}`,
  privateAddress: `10.10.0.${number}`,
  sinceVersion: 1,
});
const sync = (phase: SyncRequest['phase'] = 'booting'): SyncRequest => ({
  phase,
  addresses: { public: '203.0.113.1', private: '10.10.0.1' },
  wireguardPublicKey: 'key',
  meshVersion: 9,
});

const decide = (
  given: Cluster,
  node: Node,
  others: readonly Node[] = [],
  phase: SyncRequest['phase'] = 'booting',
) =>
  nextInstruction({
    cluster: given,
    node,
    nodes: [...others, node],
    mesh: { clusterId, version: 9, members: [1, 2, 3, 4, 7, 8].map(member) },
    sync: sync(phase),
    now,
    takesSnapshots: true,
  });
/** An instruction's kind and for what it waits, or the write that comes first. */
const decided = (...given: Parameters<typeof decide>): string => {
  const decision = decide(...given);
  if ('need' in decision) return decision.need.write;
  const { kind, reason } = decision.instruction;
  return reason === undefined ? kind : `${kind}: ${reason}`;
};

describe('while a cluster is restored', () => {
  const wait = (number: number): string => `wait: the machine of control plane ${number} to be gone`;
  it.each<[string, string, Cluster, Node, readonly Node[]]>([
    ['its new control plane, with nobody of before', 'claim-restore', cluster(), controlPlane(7), []],
    ['with all of before gone', 'claim-restore', cluster(), controlPlane(7), [gone(1), gone(2), gone(3)]],
    ['with one that lives', wait(2), cluster(), controlPlane(7), [gone(1), survivor(2), gone(3)]],
    ['with one that goes', wait(2), cluster(), controlPlane(7), [survivor(2, { desired: 'absent' })]],
    [
      'with one whose machine is being deleted',
      wait(2),
      cluster(),
      controlPlane(7),
      [survivor(2, { desired: 'absent', phase: 'deleting' })],
    ],
    [
      'with one that was given up, of which a machine may be left',
      wait(2),
      cluster(),
      controlPlane(7),
      [controlPlane(2, { phase: 'failed' })],
    ],
    [
      'with one that was only planned',
      wait(2),
      cluster(),
      controlPlane(7),
      [controlPlane(2, { phase: 'planned' })],
    ],
    ['with workers of before', 'claim-restore', cluster(), controlPlane(7), [worker(4, { phase: 'ready' })]],
    ['with the claim', 'restore', cluster({ attempt: 1 }), controlPlane(7), [gone(1)]],
    [
      'with the claim, should a machine of before show up all the same',
      wait(1),
      cluster({ attempt: 1 }),
      controlPlane(7),
      [survivor(1)],
    ],
    [
      'on its next machine: it claims anew',
      'claim-restore',
      cluster({ attempt: 1 }),
      controlPlane(7, { attempt: 2 }),
      [],
    ],
    [
      'in a sync of a machine that was replaced meanwhile',
      'wait: the machine to be replaced',
      cluster({ attempt: 2 }),
      controlPlane(7),
      [],
    ],
    [
      'before its place in the mesh',
      'wait: its place in the mesh',
      cluster({ number: 9 }),
      controlPlane(9),
      [],
    ],
    ['another control plane that boots', 'wait: the cluster to be restored', cluster(), controlPlane(8), []],
    ['a worker that boots', 'wait: the cluster to be restored', cluster(), worker(4), [survivor(2)]],
  ])('%s: %s', (_who, expected, given, node, others) => {
    expect(decided(given, node, others)).toBe(expected);
  });

  it('says restore again for as long as it takes, and names the attempt', () => {
    for (const phase of ['booting', 'joining'] as const)
      expect(decide(cluster({ attempt: 2 }), controlPlane(7, { attempt: 2 }), [], phase)).toEqual({
        instruction: { id: 'restore-7-2', kind: 'restore' },
        syncAfterSeconds: 3,
      });
  });

  it.each<[string, string, Node, SyncRequest['phase']]>([
    ['a survivor goes on as it is', 'run', survivor(2), 'ready'],
    [
      'a survivor that is to go hands over nothing',
      'wait: the machine to be deleted',
      survivor(2, { desired: 'absent' }),
      'ready',
    ],
    ['a worker goes on as it is', 'run', worker(4, { phase: 'ready', joinedAt: now }), 'ready'],
    [
      'a worker that is to go serves until its work is taken off it',
      'run',
      worker(4, { desired: 'absent' }),
      'ready',
    ],
    [
      'the new control plane that failed waits for the end',
      'wait: the machine to be replaced',
      controlPlane(7, { failure: { reason: 'kubeadm restore failed' } }),
      'failed',
    ],
  ])('%s: %s', (_what, expected, node, phase) => {
    expect(decided(cluster({ attempt: 1 }), node, [], phase)).toBe(expected);
  });
});

describe('a restore that is over', () => {
  const restored = { attempt: 1, restoredAt: now };
  it('is ordinary joining: those that follow take the lease, and workers join', () => {
    const serving = survivor(7);
    expect(decided(cluster(restored), controlPlane(8), [gone(1), serving])).toBe('lease-join');
    expect(decided(cluster(restored), worker(4), [gone(1), serving])).toBe('join');
  });
  it('is no init, whoever asks: not even the one that held the claim', () => {
    expect(decided(cluster(restored), controlPlane(1, { attempt: 2 }), [survivor(7)])).toBe('lease-join');
    expect(decided(cluster(restored), controlPlane(8), [gone(7)])).toBe('expect-joiner');
  });
  it('that failed is no more told to anybody', () => {
    const failed = cluster({ attempt: 1, failure: { at: now, reason: 'no' } });
    expect(decided(failed, controlPlane(7))).toBe('expect-joiner');
  });
  it('has its snapshots taken again', () => {
    const due = { snapshotDueAt: plusSeconds(now, -900) };
    expect(decided(cluster(restored, due), survivor(7), [], 'ready')).toBe('lease-snapshot');
    expect(decided(cluster({}, due), survivor(2), [], 'ready')).toBe('run');
  });
});

describe('whatever is there', () => {
  const anyNode = (number: number): fc.Arbitrary<Node> =>
    fc
      .record({
        phase: fc.constantFrom(...nodePhases),
        desired: fc.constantFrom<Node['desired'][]>('present', 'absent'),
        attempt: fc.integer({ min: 0, max: 3 }),
        hasJoined: fc.boolean(),
      })
      .map(({ hasJoined, ...rest }) =>
        controlPlane(number, {
          ...rest,
          ...(hasJoined && { joinedAt: now, lastSeenAt: now, meshVersion: 9 }),
        }),
      );
  const anyWorld = fc.record({
    restore: fc.record({
      attempt: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      restoredAt: fc.option(fc.constant(now), { nil: undefined }),
      failure: fc.option(fc.constant({ at: now, reason: 'no' }), { nil: undefined }),
    }),
    nodes: fc.tuple(...[1, 2, 3, 7, 8].map(anyNode)),
    who: fc.integer({ min: 0, max: 4 }),
    phase: fc.constantFrom(...agentPhases),
  });
  type World = typeof anyWorld extends fc.Arbitrary<infer T> ? T : never;
  const inWorld = ({ restore, nodes, who, phase }: World) => {
    const node = nodes[who] ?? controlPlane(7);
    const given = cluster(restore as Partial<Restore>);
    const others = nodes.filter((each) => each !== node);
    return { given, node, others, decision: decide(given, node, others, phase) };
  };

  it('restore is told to the claim’s one machine, and to nobody while a machine of before may be there', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { given, node, others, decision } = inWorld(world);
        const isTold = 'instruction' in decision && decision.instruction.kind === 'restore';
        const isClaimed = 'need' in decision && decision.need.write === 'claim-restore';
        if (!isTold && !isClaimed) return true;
        const { restore = asked } = given;
        return (
          node.number === restore.number &&
          restore.restoredAt === undefined &&
          restore.failure === undefined &&
          (!isTold || restore.attempt === node.attempt) &&
          node.desired === 'present' &&
          others.every(({ phase }) => phase === 'deleted')
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('nobody is told to init or to join before the cluster is restored', () => {
    fc.assert(
      fc.property(anyWorld, (world) => {
        const { given, decision } = inWorld(world);
        const word = 'need' in decision ? decision.need.write : decision.instruction.kind;
        const isUnderWay = given.restore?.restoredAt === undefined && given.restore?.failure === undefined;
        return !/init/.test(word) && !(isUnderWay && /join/.test(word));
      }),
      { numRuns: 2000 },
    );
  });
});
