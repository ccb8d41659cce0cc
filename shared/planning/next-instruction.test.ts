import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Cluster } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Mesh, MeshMember } from '../domain/mesh.ts';
import { agentPhases, type SyncRequest } from '../domain/node-protocol.ts';
import type { Node } from '../domain/node.ts';
import type { Upgrade } from '../domain/upgrade.ts';
import { nextInstruction, seenSecondsMax } from './next-instruction.ts';

const now = exampleTime;
const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';

const member = (number: number, sinceVersion: number): MeshMember => ({
  number,
  cloud: 'aws',
  role: 'worker',
  overlayAddress: `10.4.0.${number}`,
  publicKey: `key-${number}`,
  publicAddress: `203.0.113.${number}`,
  privateAddress: `10.10.0.${number}`,
  sinceVersion,
});
const mesh = (...members: MeshMember[]): Mesh => ({
  clusterId,
  version: Math.max(0, ...members.map(({ sinceVersion }) => sinceVersion)),
  members,
});
const cluster = (given: Partial<Cluster> = {}): Cluster => aCluster({ id: clusterId, ...given });
const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId, number, role: 'control-plane', phase: 'booting', attempt: 1, ...given });
const worker = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId, number, role: 'worker', phase: 'booting', attempt: 1, ...given });
/** A control plane that serves, was just heard of, and knows the mesh up to this version. */
const serving = (number: number, meshVersion: number, given: Partial<Node> = {}): Node =>
  controlPlane(number, { phase: 'ready', joinedAt: now, lastSeenAt: now, meshVersion, ...given });
const sync = (given: Partial<SyncRequest> = {}): SyncRequest => ({
  phase: 'booting',
  addresses: { public: '203.0.113.1', private: '10.10.0.1' },
  wireguardPublicKey: 'key',
  meshVersion: 9,
  ...given,
});
/** Claims as they stand: by node, its first machine unless it is said otherwise. */
const claimed = (number: number, attempt = 1): Partial<Cluster> => ({
  initNode: number,
  initAttempt: attempt,
});
const leased = (number: number, attempt = 1): Partial<Cluster> => ({
  joinNode: number,
  joinAttempt: attempt,
});

const forgetting = (number: number, attempt = 1): Pick<Cluster, 'forgetting'> => ({
  forgetting: { number, attempt, since: now, tries: 0 },
});

/** What is decided, as one word: an instruction's kind, or the write that comes first. */
const decided = (input: {
  cluster: Cluster;
  node: Node;
  nodes?: readonly Node[];
  mesh?: Mesh;
  sync?: SyncRequest;
}): string => {
  const decision = nextInstruction({
    nodes: [],
    mesh: mesh(member(input.node.number, 1)),
    sync: sync(),
    now,
    ...input,
  });
  return 'need' in decision ? decision.need.write : decision.instruction.kind;
};

describe('while a control plane is upgraded', () => {
  const upgrade: Upgrade = {
    id: 'u',
    revision: 1,
    from: '1.36',
    to: '1.37',
    requestedAt: now,
    requestedBy: 'ada',
    tries: 0,
    step: { number: 1, attempt: 1, since: now },
  };
  const rising = cluster({ ...claimed(1), initialisedAt: now, upgrade });
  const ready = sync({ phase: 'ready' });
  const nodes = [serving(1, 2), serving(2, 2)];
  const there = mesh(member(1, 1), member(2, 1), member(3, 2));
  it.each<[string, string, Cluster, Node, SyncRequest]>([
    ['it upgrades itself', 'upgrade', rising, serving(1, 2), ready],
    ['not before it is ready', 'run', rising, serving(1, 2), sync({ phase: 'joined' })],
    ['its next machine is not told', 'run', rising, serving(1, 2, { attempt: 2 }), ready],
    ['the others serve', 'run', rising, serving(2, 2), ready],
    [
      'a member that is lost is forgotten first',
      'forget-member',
      { ...rising, ...forgetting(9) },
      serving(1, 2),
      ready,
    ],
    ['a control plane does not join', 'wait', rising, controlPlane(3), sync()],
    ['a worker does', 'join', rising, worker(3), sync()],
    [
      'then the control plane joins',
      'lease-join',
      cluster({ ...claimed(1), initialisedAt: now }),
      controlPlane(3),
      sync(),
    ],
  ])('%s: %s', (_title, expected, of, node, said) => {
    expect(decided({ cluster: of, node, nodes, mesh: there, sync: said })).toBe(expected);
  });
});

describe('before anything is initialised', () => {
  it.each<[string, string, Cluster, Node, readonly Node[]]>([
    ['a worker', 'wait', cluster(), worker(4), []],
    ['the first control plane that asks', 'claim-init', cluster(), controlPlane(1), []],
    ['the holder of the claim', 'init', cluster(claimed(1)), controlPlane(1), []],
    ['another while the holder lives', 'wait', cluster(claimed(1)), controlPlane(2), [controlPlane(1)]],
    [
      'another when the holder has failed',
      'claim-init',
      cluster(claimed(1)),
      controlPlane(2),
      [controlPlane(1, { phase: 'failed' })],
    ],
    [
      'another when the holder is deleted',
      'claim-init',
      cluster(claimed(1)),
      controlPlane(2),
      [controlPlane(1, { phase: 'deleted' })],
    ],
    [
      'another when the holder’s machine was taken down and its next one has not called back',
      'claim-init',
      cluster(claimed(1)),
      controlPlane(2),
      [controlPlane(1, { phase: 'creating', attempt: 2 })],
    ],
    [
      'the holder on its next machine: it claims anew',
      'claim-init',
      cluster(claimed(1)),
      controlPlane(1, { attempt: 2 }),
      [],
    ],
    [
      'the holder’s next machine once another claimed',
      'wait',
      cluster(claimed(2)),
      controlPlane(1, { attempt: 2 }),
      [controlPlane(2)],
    ],
    [
      'another when the holder’s next machine is there, but has not claimed',
      'claim-init',
      cluster(claimed(1)),
      controlPlane(2),
      [controlPlane(1, { attempt: 2 })],
    ],
    [
      'another whose list of nodes is older than the holder’s claim',
      'wait',
      cluster(claimed(1, 2)),
      controlPlane(2),
      [controlPlane(1, { phase: 'creating', attempt: 1 })],
    ],
    [
      'another when the holder’s next machine has claimed',
      'wait',
      cluster(claimed(1, 2)),
      controlPlane(2),
      [controlPlane(1, { attempt: 2 })],
    ],
    [
      'a sync of a machine that was replaced meanwhile',
      'wait',
      cluster(claimed(1, 2)),
      controlPlane(1),
      [controlPlane(1, { attempt: 2 })],
    ],
  ])('%s: %s', (_who, expected, given, node, nodes) => {
    expect(decided({ cluster: given, node, nodes })).toBe(expected);
  });

  it('a node that is not in the mesh waits for its place', () => {
    expect(decided({ cluster: cluster(claimed(1)), node: controlPlane(1), mesh: mesh() })).toBe('wait');
  });
});

describe('joining', () => {
  const initialised = cluster({ ...claimed(1), initialisedAt: now });
  const known = mesh(member(1, 1), member(2, 2), member(4, 3));
  const late = plusSeconds(now, -seenSecondsMax - 1);

  it.each<[string, string, Cluster, Node, readonly Node[]]>([
    ['a worker once the control plane knows the way', 'join', initialised, worker(4), [serving(1, 3)]],
    ['a worker before that', 'wait', initialised, worker(4), [serving(1, 2)]],
    [
      'a worker while one of two does not know the way',
      'wait',
      initialised,
      worker(4),
      [serving(1, 3), serving(2, 2)],
    ],
    [
      'a worker when the one that does not know was not heard of lately',
      'join',
      initialised,
      worker(4),
      [serving(1, 3), serving(2, 2, { lastSeenAt: late })],
    ],
    [
      'a control plane when the lease’s holder lost its machine',
      'lease-join',
      { ...initialised, ...leased(3) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3, { phase: 'creating', attempt: 2 })],
    ],
    [
      'a control plane when the lease’s holder joined and died before it let go',
      'lease-join',
      { ...initialised, ...leased(3) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3, { phase: 'joining', joinedAt: now, lastSeenAt: late })],
    ],
    [
      'a worker when nobody was heard of lately: it says that it waits',
      'expect-joiner',
      initialised,
      worker(4),
      [serving(1, 3, { lastSeenAt: late })],
    ],
    [
      'a control plane then likewise, when the last to say so is forgotten soon',
      'expect-joiner',
      { ...initialised, joinerUntil: plusSeconds(now, 300) },
      controlPlane(2),
      [serving(1, 3, { lastSeenAt: late })],
    ],
    [
      'a worker when nobody was heard of lately and somebody has just said that he waits',
      'wait',
      { ...initialised, joinerUntil: plusSeconds(now, 301) },
      worker(4),
      [serving(1, 3, { lastSeenAt: late })],
    ],
    [
      'a worker when the only one is to go',
      'expect-joiner',
      initialised,
      worker(4),
      [serving(1, 3, { desired: 'absent' })],
    ],
    ['a control plane when nobody joins', 'lease-join', initialised, controlPlane(2), [serving(1, 3)]],
    [
      'a control plane with the lease',
      'join',
      { ...initialised, ...leased(2) },
      controlPlane(2),
      [serving(1, 3)],
    ],
    [
      'a control plane while another joins',
      'wait',
      { ...initialised, ...leased(3) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3)],
    ],
    [
      'a control plane when the other has failed',
      'lease-join',
      { ...initialised, ...leased(3) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3, { phase: 'failed' })],
    ],
    [
      'a control plane on its next machine: it leases anew',
      'lease-join',
      { ...initialised, ...leased(2) },
      controlPlane(2, { attempt: 2 }),
      [serving(1, 3)],
    ],
    [
      'a control plane when the other’s next machine has not leased anew',
      'lease-join',
      { ...initialised, ...leased(3) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3, { attempt: 2 })],
    ],
    [
      'a control plane when the other’s next machine has',
      'wait',
      { ...initialised, ...leased(3, 2) },
      controlPlane(2),
      [serving(1, 3), controlPlane(3, { attempt: 2 })],
    ],
    [
      'the claimant’s next machine joins like any other',
      'lease-join',
      initialised,
      controlPlane(1, { attempt: 2 }),
      [serving(2, 3)],
    ],
    [
      'a control plane that replaces a lost one',
      'lease-join',
      initialised,
      controlPlane(4),
      [
        serving(2, 3),
        serving(1, 1, { desired: 'absent', memberForgottenAt: now }),
        controlPlane(3, { phase: 'deleted', sessionHash: 'x' }),
      ],
    ],
    [
      'a control plane while a lost one is still counted by etcd',
      'wait',
      initialised,
      controlPlane(4),
      [serving(2, 3), serving(1, 1, { desired: 'absent' })],
    ],
    [
      'a control plane while one that may have got as far as etcd is taken down',
      'wait',
      initialised,
      controlPlane(4),
      [serving(2, 3), controlPlane(3, { desired: 'absent', sessionHash: 'x' })],
    ],
    [
      'a control plane beside one that never came near etcd',
      'lease-join',
      initialised,
      controlPlane(4),
      [
        serving(2, 3),
        controlPlane(3, { desired: 'absent' }),
        worker(5, { desired: 'absent', joinedAt: now }),
      ],
    ],
    [
      'a control plane while those who serve are to forget another, or its own last machine',
      'wait',
      { ...initialised, ...forgetting(4) },
      controlPlane(4, { attempt: 2 }),
      [serving(2, 3)],
    ],
    ['a worker meanwhile', 'join', { ...initialised, ...forgetting(3) }, worker(4), [serving(2, 3)]],
    [
      'a control plane that has joined, of which an earlier sync comes late',
      'wait',
      initialised,
      controlPlane(2, { joinedAt: now }),
      [serving(1, 3)],
    ],
    [
      'a worker while a control plane joins',
      'join',
      { ...initialised, ...leased(3) },
      worker(4),
      [serving(1, 3), controlPlane(3)],
    ],
  ])('%s: %s', (_who, expected, given, node, nodes) => {
    expect(decided({ cluster: given, node, nodes, mesh: known })).toBe(expected);
  });

  it('waits until its own peers are in force', () => {
    expect(
      decided({
        cluster: initialised,
        node: worker(4),
        nodes: [serving(1, 3)],
        mesh: known,
        sync: sync({ meshVersion: 2 }),
      }),
    ).toBe('wait');
  });

  it('names every control plane that serves, on the overlay', () => {
    const decision = nextInstruction({
      cluster: initialised,
      node: worker(4),
      nodes: [serving(2, 3), serving(1, 3), serving(3, 3, { lastSeenAt: late }), controlPlane(5)],
      mesh: known,
      sync: sync(),
      now,
    });
    expect(decision).toMatchObject({
      instruction: { id: 'join-4-1', kind: 'join', endpoint: '10.4.0.1:6443,10.4.0.2:6443' },
    });
  });
});

describe('afterwards', () => {
  const initialised = cluster({ ...claimed(1), initialisedAt: now });
  it.each<[string, string, Partial<Node>, Partial<SyncRequest>]>([
    ['a node that has joined', 'run', {}, { phase: 'joined' }],
    ['a node that is ready', 'run', { phase: 'ready' }, { phase: 'ready' }],
    [
      'a node that is to go, whose work the platform takes off it',
      'run',
      { desired: 'absent', phase: 'draining' },
      { phase: 'ready' },
    ],
    [
      'a node that is to go, and whose cloud takes it back meanwhile',
      'leave',
      { desired: 'absent', phase: 'ready' },
      { phase: 'ready', interruption: { kind: 'terminate' } },
    ],
    [
      'a node that has begun to hand over its work by itself',
      'leave',
      { desired: 'absent', phase: 'ready' },
      { phase: 'leaving' },
    ],
    ['a node that has left', 'wait', { desired: 'absent' }, { phase: 'left' }],
    ['a node that is to go before it ever joined', 'wait', { desired: 'absent' }, { phase: 'booting' }],
    [
      'a node whose cloud takes it back',
      'leave',
      {},
      { phase: 'ready', interruption: { kind: 'terminate' } },
    ],
    [
      'a node that is only advised to move',
      'run',
      {},
      { phase: 'ready', interruption: { kind: 'rebalance' } },
    ],
    ['a node that failed', 'wait', { failure: { reason: 'kubeadm join failed' } }, { phase: 'booting' }],
  ])('%s: %s', (_who, expected, node, given) => {
    expect(
      decided({ cluster: initialised, node: worker(4, node), sync: sync(given), mesh: mesh(member(4, 1)) }),
    ).toBe(expected);
  });

  const grown = mesh(
    { ...member(1, 1), role: 'control-plane' },
    { ...member(2, 2), role: 'control-plane' },
    member(4, 3),
  );
  it.each<[string, string | undefined, Node, Partial<SyncRequest>]>([
    [
      'a worker whose mesh moved',
      '10.4.0.1:6443,10.4.0.2:6443',
      worker(4),
      { phase: 'ready', meshVersion: 2 },
    ],
    [
      'a worker that has just joined',
      '10.4.0.1:6443,10.4.0.2:6443',
      worker(4),
      { phase: 'joined', meshVersion: 3 },
    ],
    ['a worker in a quiet mesh', undefined, worker(4), { phase: 'ready', meshVersion: 3 }],
    ['a control plane, which asks its own', undefined, controlPlane(1), { phase: 'ready', meshVersion: 2 }],
  ])('%s is told of the API servers at %s', (_who, endpoint, node, given) => {
    const decision = nextInstruction({
      cluster: initialised,
      node,
      nodes: [],
      mesh: grown,
      sync: sync(given),
      now,
    });
    expect('instruction' in decision && decision.instruction.endpoint).toBe(endpoint);
  });

  it('syncs every 5 s as a control plane, every 60 s as a worker, every 3 s until then', () => {
    const after = (node: Node, phase: SyncRequest['phase']): unknown =>
      nextInstruction({
        cluster: initialised,
        node,
        nodes: [],
        mesh: mesh(member(node.number, 1)),
        sync: sync({ phase }),
        now,
      });
    expect(after(controlPlane(1), 'ready')).toMatchObject({ syncAfterSeconds: 5 });
    expect(after(worker(4), 'ready')).toMatchObject({ syncAfterSeconds: 60 });
    expect(after(worker(4), 'joined')).toMatchObject({ syncAfterSeconds: 3 });
  });
});

describe('properties', () => {
  const phases = fc.constantFrom(...agentPhases);
  const nodePhases = fc.constantFrom<Node['phase'][]>('booting', 'joining', 'ready', 'failed', 'deleted');
  const anyView = fc.record({
    initialised: fc.boolean(),
    initNode: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    joinNode: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
    others: fc.array(nodePhases, { minLength: 3, maxLength: 3 }),
    number: fc.integer({ min: 1, max: 4 }),
    phase: phases,
    desired: fc.constantFrom<Node['desired'][]>('present', 'absent'),
  });
  const build = (
    view: typeof anyView extends fc.Arbitrary<infer T> ? T : never,
  ): Parameters<typeof nextInstruction>[0] => {
    const nodes = view.others.map((phase, index) =>
      controlPlane(index + 1, {
        phase,
        ...(phase === 'ready' ? { joinedAt: now, lastSeenAt: now, meshVersion: 9 } : {}),
      }),
    );
    const node =
      view.number === 4
        ? worker(4, { desired: view.desired })
        : { ...nodes[view.number - 1]!, desired: view.desired };
    return {
      cluster: cluster({
        ...(view.initNode === undefined ? {} : claimed(view.initNode)),
        ...(view.joinNode === undefined ? {} : leased(view.joinNode)),
        ...(view.initialised ? { initialisedAt: now } : {}),
      }),
      node,
      nodes,
      mesh: mesh(member(1, 1), member(2, 1), member(3, 1), member(4, 1)),
      sync: sync({ phase: view.phase }),
      now,
    };
  };

  it('init is said only to the holder of the claim, and never after initialisation', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const input = build(view);
        const decision = nextInstruction(input);
        const saysInit = 'instruction' in decision && decision.instruction.kind === 'init';
        const claims = 'need' in decision && decision.need.write === 'claim-init';
        if (input.cluster.initialisedAt !== undefined) return !saysInit && !claims;
        return (
          !saysInit || (input.cluster.initNode === input.node.number && input.node.role === 'control-plane')
        );
      }),
    );
  });

  it('a control plane is told to join only with the lease', () => {
    fc.assert(
      fc.property(anyView, (view) => {
        const input = build(view);
        const decision = nextInstruction(input);
        const saysJoin = 'instruction' in decision && decision.instruction.kind === 'join';
        return !saysJoin || input.node.role === 'worker' || input.cluster.joinNode === input.node.number;
      }),
    );
  });
});

describe('a control plane that is to be forgotten', () => {
  const lost = controlPlane(3, { desired: 'absent', sessionHash: 'x' });
  const told = (
    node: Node,
    given: Partial<SyncRequest> = { phase: 'ready' },
    nodes: readonly Node[] = [lost],
  ) =>
    nextInstruction({
      cluster: cluster({ initialisedAt: now, ...forgetting(3) }),
      node,
      nodes,
      mesh: mesh(member(node.number, 1)),
      sync: sync(given),
      now,
    });
  const since = Date.parse(now);
  const forget = {
    instruction: { id: `forget-member-3-1-0-${since}`, kind: 'forget-member', endpoint: '10.4.0.3' },
  };

  it.each<[string, object, Node, Partial<SyncRequest>]>([
    ['is struck off by one that serves', forget, serving(1, 1), { phase: 'ready' }],
    ['and by one that has only just joined', forget, serving(2, 1), { phase: 'joined' }],
    ['not by itself', { instruction: { kind: 'run' } }, serving(3, 1), { phase: 'ready' }],
    ['not by a worker', { instruction: { kind: 'run' } }, worker(4), { phase: 'ready' }],
    [
      'not by one that leaves as well',
      { instruction: { kind: 'run' } },
      serving(2, 1, { desired: 'absent', phase: 'draining' }),
      { phase: 'ready' },
    ],
    ['not by one that failed', { instruction: { kind: 'wait' } }, serving(2, 1), { phase: 'failed' }],
  ])('%s', (_, expected, node, given) => {
    expect(told(node, given)).toMatchObject(expected);
  });

  it('is asked for soon again, and another try is another instruction', () => {
    expect(told(serving(1, 1))).toMatchObject({ syncAfterSeconds: 3 });
    const again = nextInstruction({
      cluster: cluster({ initialisedAt: now, forgetting: { number: 3, attempt: 2, since: now, tries: 4 } }),
      node: serving(1, 1),
      nodes: [lost],
      mesh: mesh(),
      sync: sync({ phase: 'ready' }),
      now,
    });
    expect(again).toMatchObject({ instruction: { id: `forget-member-3-2-4-${since}` } });
  });

  it('is no longer when its next machine has joined under the same address', () => {
    expect(told(serving(1, 1), { phase: 'ready' }, [serving(3, 1, { attempt: 2 })])).toEqual({
      need: { write: 'drop-forgetting', forgetting: { number: 3, attempt: 1, since: now, tries: 0 } },
    });
    expect(told(serving(1, 1), { phase: 'ready' }, [controlPlane(3, { attempt: 2 })])).toMatchObject(forget);
  });
});
