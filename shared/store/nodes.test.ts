import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { CreateRequest, Node } from '../domain/node.ts';
import type { Operation } from '../domain/operation.ts';

let test: TestStore;
let clock = exampleTime;
beforeAll(async () => {
  test = await startTestStore({ now: () => clock });
});
afterAll(async () => test.close());

const racers = 30;
const later = plusSeconds(exampleTime, 60);
const owner: Operation = {
  executionArn: anExecution('owner'),
  kind: 'ProvisionNode',
  startedAt: exampleTime,
};
const me = owner.executionArn;
const stranger = anExecution('stranger');

const request = (attempt: number): CreateRequest => ({
  attempt,
  offering: anOffering({ instanceType: 'c6i.xlarge' }),
  kubernetesVersion: '1.36',
  tokenExpiresAt: 1_800_000_000,
  requestedAt: later,
});

const stored = async (given: Partial<Node> = {}): Promise<Node> => {
  const node = aNode({ clusterId: randomUUID(), ...given });
  expect(await test.store.nodes.materialise(node)).toBe(true);
  return node;
};
const read = async ({ clusterId, number }: Node): Promise<Node> => {
  const node = await test.store.nodes.get(clusterId, number);
  if (node === undefined) throw new Error('the node is not there');
  return node;
};
const race = async <T>(write: (racer: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: racers }, async (_, racer) => write(racer)));
const won = (results: readonly unknown[]): number =>
  results.filter((result) => result !== false && result !== undefined).length;

describe('materialise', () => {
  it('makes one node of a number; the same node again is done already', async () => {
    const clusterId = randomUUID();
    const nodes = Array.from({ length: racers }, () => aNode({ clusterId, number: 7 }));
    const results = await Promise.all(nodes.map(async (node) => test.store.nodes.materialise(node)));
    expect(won(results)).toBe(1);
    const winner = nodes[results.indexOf(true)]!;
    expect(await test.store.nodes.materialise(winner)).toBe(true);
    expect(await read(winner)).toEqual(winner);
  });

  it('does not undo what has happened to the node since', async () => {
    const node = await stored({ operation: owner });
    await test.store.nodes.beginAttempt(node.clusterId, node.number, {
      executionArn: me,
      request: request(1),
    });
    expect(await test.store.nodes.materialise(node)).toBe(true);
    expect((await read(node)).phase).toBe('creating');
  });

  it('takes a number again once its last node has rested for a day', async () => {
    const old = await stored({ desired: 'absent', number: 3 });
    await test.store.nodes.bury(old.clusterId, 3, exampleTime);
    const next = aNode({ clusterId: old.clusterId, number: 3 });
    clock = plusSeconds(exampleTime, 23 * 3600);
    expect(await test.store.nodes.materialise(next)).toBe(false);
    expect((await read(old)).phase).toBe('deleted');
    clock = plusSeconds(exampleTime, 25 * 3600);
    expect(await test.store.nodes.get(old.clusterId, 3)).toBeUndefined();
    expect(await test.store.nodes.list(old.clusterId)).toEqual([]);
    expect(await test.store.nodes.materialise(next)).toBe(true);
    clock = exampleTime;
  });
});

describe('list', () => {
  it('gives every node by number', async () => {
    const clusterId = randomUUID();
    for (const number of [12, 3, 100]) await stored({ clusterId, number });
    expect((await test.store.nodes.list(clusterId)).map(({ number }) => number)).toEqual([3, 12, 100]);
  });
});

const claim = async (node: Node, executionArn: string, more: object = {}) =>
  test.store.nodes.claim(node.clusterId, node.number, {
    operation: { ...owner, executionArn },
    expectedDesired: 'present',
    ...more,
  });

describe('claim', () => {
  it('is won by one of many, who may repeat it', async () => {
    const node = await stored();
    const results = await race(async (racer) => claim(node, anExecution(`run-${racer}`)));
    expect(won(results)).toBe(1);
    const winner = results.find((result) => result !== undefined)!;
    expect(await claim(node, winner.operation!.executionArn)).toBeDefined();
  });

  it('takes over from the dead, and not when the wish has changed', async () => {
    const node = await stored({ operation: owner });
    expect(await claim(node, stranger)).toBeUndefined();
    expect(await claim(node, stranger, { provenDead: me })).toBeDefined();
    const going = await stored({ desired: 'absent' });
    expect(await claim(going, me)).toBeUndefined();
    expect(await claim(going, me, { expectedDesired: 'absent' })).toBeDefined();
  });

  it('ends with its owner’s release', async () => {
    const node = await stored({ operation: owner });
    expect(await test.store.nodes.release(node.clusterId, node.number, stranger)).toBe(false);
    expect(await test.store.nodes.release(node.clusterId, node.number, me)).toBe(true);
    expect((await read(node)).operation).toBeUndefined();
  });
});

const begin = async (node: Node, attempt: number, executionArn = me) =>
  test.store.nodes.beginAttempt(node.clusterId, node.number, {
    executionArn,
    request: request(attempt),
  });

describe('an attempt', () => {
  it('begins once, and forgets all of the machine before it', async () => {
    const node = await stored({
      operation: owner,
      attempt: 1,
      phase: 'joining',
      sessionHash: 'old',
      providerId: 'i-old',
      waitToken: 'old',
      joinedAt: exampleTime,
      publicAddress: '198.51.100.1',
      wireguardPublicKey: 'old',
      meshVersion: 4,
      failure: { reason: 'old' },
    });
    expect(won(await race(async () => begin(node, 2)))).toBe(1);
    const after = await read(node);
    expect(after).toMatchObject({ attempt: 2, phase: 'creating', createRequest: request(2) });
    expect(after.offering.instanceType).toBe('c6i.xlarge');
    for (const gone of [
      'sessionHash',
      'providerId',
      'waitToken',
      'joinedAt',
      'publicAddress',
      'wireguardPublicKey',
      'meshVersion',
      'failure',
    ]) {
      expect(after).not.toHaveProperty(gone);
    }
  });

  it.each([
    ['the owner', { operation: { ...owner, executionArn: stranger } }],
    ['the attempt before it', { attempt: 1 }],
    ['a node that is wanted', { desired: 'absent' as const }],
  ])('needs %s', async (_, given) => {
    const node = await stored({ operation: owner, ...given });
    expect(await begin(node, 1)).toBeUndefined();
  });

  it('ends once, and says where the next one goes', async () => {
    const node = await stored({ operation: owner });
    await begin(node, 1);
    await test.store.nodes.recordMachine(node.clusterId, node.number, {
      attempt: 1,
      providerId: 'i-1',
      publicAddress: '',
      privateAddress: '',
    });
    const next = { offering: anOffering({ cloud: 'gcp', instanceType: 'n4-highcpu-4' }), accountId: 'other' };
    const end = async (executionArn: string, attempt = 1) =>
      test.store.nodes.endAttempt(node.clusterId, node.number, { executionArn, attempt, next });
    expect(await end(stranger)).toBeUndefined();
    expect(await end(me, 2)).toBeUndefined();
    expect(won(await race(async () => end(me)))).toBe(1);
    const after = await read(node);
    expect(after).toMatchObject({ attempt: 1, cloud: 'gcp', accountId: 'other', offering: next.offering });
    expect(after.createRequest).toBeUndefined();
    expect(after.providerId).toBeUndefined();
    expect(await test.store.nodes.byProviderId('aws', 'main', 'i-1')).toBeUndefined();
  });
});

const machine = (providerId: string, attempt = 1) => ({
  attempt,
  providerId,
  publicAddress: '198.51.100.7',
  privateAddress: '',
});

describe('a machine', () => {
  it('is recorded once; another is surplus, the same again is not', async () => {
    const node = await stored({ attempt: 1, phase: 'creating' });
    const record = async (providerId: string, attempt?: number) =>
      test.store.nodes.recordMachine(node.clusterId, node.number, machine(providerId, attempt));
    const results = await race(async (racer) => record(`i-${node.id}-${racer}`));
    expect(won(results)).toBe(1);
    const winner = `i-${node.id}-${results.indexOf(true)}`;
    expect(await record(winner)).toBe(true);
    expect(await record(winner, 2)).toBe(false);
    expect(await test.store.nodes.byProviderId('aws', 'main', winner)).toMatchObject({ id: node.id });
    expect(await read(node)).toMatchObject({ providerId: winner, publicAddress: '198.51.100.7' });
    expect(await read(node)).not.toHaveProperty('privateAddress');
  });

  it('is recorded for no node that is not there', async () => {
    expect(await test.store.nodes.recordMachine(randomUUID(), 1, machine('i-1'))).toBe(false);
  });
});

const admit = async (node: Node, sessionHash: string, attempt = 1) =>
  test.store.nodes.admit(node.clusterId, node.number, { attempt, sessionHash, now: later });

describe('admission', () => {
  it('binds the first of many secrets, which may be shown again', async () => {
    const node = await stored({ attempt: 1, phase: 'creating', createRequest: request(1) });
    const results = await race(async (racer) => admit(node, `hash-${racer}`));
    expect(won(results)).toBe(1);
    expect(await admit(node, `hash-${results.indexOf(true)}`)).toBe(true);
    expect((await read(node)).phase).toBe('booting');
  });

  it('does not take a node back', async () => {
    const node = await stored({
      attempt: 1,
      phase: 'joining',
      sessionHash: 'mine',
      createRequest: request(1),
    });
    expect(await admit(node, 'mine')).toBe(true);
    expect((await read(node)).phase).toBe('joining');
  });

  it.each([
    ['another attempt', { attempt: 2 }],
    ['another attempt that is further on', { attempt: 2, phase: 'joining' as const }],
    ['a node that is ready', { phase: 'ready' as const }],
    ['a node that failed', { phase: 'failed' as const }],
    ['another secret', { sessionHash: 'other' }],
    ['an attempt that failed', { failure: { reason: 'no word' } }],
    ['a node that is to go', { desired: 'absent' as const }],
  ])('is refused by %s', async (_, given) => {
    const node = await stored({ attempt: 1, phase: 'creating', createRequest: request(1), ...given });
    expect(await admit(node, 'mine')).toBe(false);
  });

  it('is refused between two attempts, when the number is still the last one’s', async () => {
    const node = await stored({ attempt: 1, phase: 'creating' });
    expect(await admit(node, 'mine')).toBe(false);
  });
});

const report = async (node: Node, phase: Node['phase'], sessionHash = 'mine', attempt = 1) =>
  test.store.nodes.reportPhase(node.clusterId, node.number, { attempt, sessionHash, phase, now: later });

describe('reports', () => {
  it('move a node forward, each phase once, whatever order they come in', async () => {
    const node = await stored({ attempt: 1, phase: 'booting', sessionHash: 'mine' });
    const phases = ['joining', 'ready'] as const;
    const results = await race(async (racer) => report(node, phases[racer % 2]!));
    expect(won(results)).toBeGreaterThanOrEqual(1);
    expect(results.filter((result, racer) => result && racer % 2 === 1)).toHaveLength(1);
    expect(await read(node)).toMatchObject({ phase: 'ready', readyAt: later });
    expect(await report(node, 'joining')).toBe(false);
  });

  it('are the admitted machine’s alone', async () => {
    const node = await stored({ attempt: 1, phase: 'booting', sessionHash: 'mine' });
    expect(await report(node, 'joining', 'other')).toBe(false);
    expect(await report(node, 'joining', 'mine', 2)).toBe(false);
    const sync = { publicAddress: '198.51.100.9', meshVersion: 3, lastSeenAt: later };
    const record = async (sessionHash: string) =>
      test.store.nodes.recordSync(node.clusterId, node.number, { sessionHash, ...sync });
    expect(await record('other')).toBe(false);
    expect(await record('mine')).toBe(true);
    expect(await read(node)).toMatchObject(sync);
    expect(await test.store.nodes.recordSync(node.clusterId, node.number, { sessionHash: 'mine' })).toBe(
      true,
    );
    expect(await test.store.nodes.recordSync(node.clusterId, node.number, { sessionHash: 'no' })).toBe(false);
  });
});

describe('the wait for a node', () => {
  it('loses no answer: whichever of token and joined comes second sees both, 200 times', async () => {
    const rounds = 200;
    const batch = 20;
    for (let done = 0; done < rounds; done += batch) {
      await Promise.all(
        Array.from({ length: batch }, async () => {
          const node = await stored({ operation: owner, attempt: 1 });
          const [waiting, joined] = await Promise.all([
            test.store.nodes.setWaitToken(node.clusterId, node.number, {
              executionArn: me,
              attempt: 1,
              waitToken: 'token',
            }),
            test.store.nodes.markJoined(node.clusterId, node.number, { attempt: 1, now: later }),
          ]);
          const answered = [waiting?.joinedAt !== undefined, joined?.waitToken !== undefined];
          expect(answered.filter(Boolean)).toHaveLength(1);
        }),
      );
    }
  });

  it('loses no failure either', async () => {
    const answers = await race(async () => {
      const node = await stored({ operation: owner, attempt: 1 });
      const [waiting, failed] = await Promise.all([
        test.store.nodes.setWaitToken(node.clusterId, node.number, {
          executionArn: me,
          attempt: 1,
          waitToken: 'token',
        }),
        test.store.nodes.recordFailure(node.clusterId, node.number, {
          attempt: 1,
          failure: { reason: 'kubeadm' },
        }),
      ]);
      return [waiting?.failure !== undefined, failed?.waitToken !== undefined].filter(Boolean).length;
    });
    expect(new Set(answers)).toEqual(new Set([1]));
  });

  it('ends in joined or in given up, never in both', async () => {
    const outcomes = await race(async () => {
      const node = await stored({ operation: owner, attempt: 1 });
      await Promise.all([
        test.store.nodes.markJoined(node.clusterId, node.number, { attempt: 1, now: later }),
        test.store.nodes.recordFailure(node.clusterId, node.number, {
          attempt: 1,
          failure: { reason: 'it took too long' },
          unlessJoined: true,
        }),
      ]);
      const { joinedAt, failure } = await read(node);
      return [joinedAt, failure].filter((each) => each !== undefined).length;
    });
    expect(new Set(outcomes)).toEqual(new Set([1]));
  });

  it('is the owner’s and this attempt’s', async () => {
    const node = await stored({ operation: owner, attempt: 2 });
    const wait = async (executionArn: string, attempt: number) =>
      test.store.nodes.setWaitToken(node.clusterId, node.number, { executionArn, attempt, waitToken: 't' });
    expect(await wait(stranger, 2)).toBeUndefined();
    expect(await wait(me, 1)).toBeUndefined();
    expect(await wait(me, 2)).toMatchObject({ waitToken: 't' });
    const joined = { attempt: 1, now: later };
    expect(await test.store.nodes.markJoined(node.clusterId, node.number, joined)).toBeUndefined();
    const failed = { attempt: 1, failure: { reason: 'late' } };
    expect(await test.store.nodes.recordFailure(node.clusterId, node.number, failed)).toBeUndefined();
  });

  it('keeps the first time it joined', async () => {
    const node = await stored({ attempt: 1, joinedAt: exampleTime });
    const joined = await test.store.nodes.markJoined(node.clusterId, node.number, { attempt: 1, now: later });
    expect(joined?.joinedAt).toBe(exampleTime);
  });
});

describe('an interruption', () => {
  const createRequest = {
    attempt: 2,
    offering: anOffering(),
    kubernetesVersion: '1.36',
    tokenExpiresAt: 0,
    requestedAt: exampleTime,
  } as const;

  it('is noted for the machine that is meant, and a mere warning takes no termination back', async () => {
    const node = await stored({ attempt: 2, createRequest });
    const note = async (kind: 'terminate' | 'rebalance', attempt = 2) =>
      (await test.store.nodes.noteInterruption(node.clusterId, node.number, { attempt, kind }))?.interruption;
    expect(await note('terminate', 1)).toBeUndefined();
    expect(await note('rebalance')).toBe('rebalance');
    expect(await note('terminate')).toBe('terminate');
    expect(await note('rebalance')).toBeUndefined();
    expect(await note('terminate')).toBe('terminate');
    expect(await read(node)).toMatchObject({ interruption: 'terminate' });
  });

  it('is not noted between two attempts', async () => {
    const node = await stored({ attempt: 2 });
    const noted = test.store.nodes.noteInterruption(node.clusterId, node.number, {
      attempt: 2,
      kind: 'terminate',
    });
    expect(await noted).toBeUndefined();
  });
});

describe('the end of a node', () => {
  it('is asked for once', async () => {
    const node = await stored();
    const results = await race(async () => test.store.nodes.retire(node.clusterId, node.number));
    expect(won(results)).toBe(1);
    expect(await test.store.nodes.retire(node.clusterId, 99)).toBe(false);
  });

  it.each<[string, Partial<Node>, boolean]>([
    ['a node that is to stay', { phase: 'ready' }, true],
    [
      'one that drains',
      { desired: 'absent', phase: 'draining', retireNotBefore: '2099-01-01T00:00:00.000Z' },
      true,
    ],
    ['one that is gone', { desired: 'absent', phase: 'deleted' }, false],
  ])('without a drain is said of %s: %s', async (_, given, isSaid) => {
    const node = await stored(given);
    const { number, clusterId } = node;
    expect(await test.store.nodes.retireWithoutDrain(clusterId, number)).toBe(isSaid);
    expect(await test.store.nodes.retireWithoutDrain(clusterId, number)).toBe(isSaid);
    const after = await read(node);
    expect([after.skipDrain, after.retireNotBefore]).toEqual([isSaid ? true : undefined, undefined]);
    if (isSaid) expect(after.desired).toBe('absent');
    expect(await test.store.nodes.retireWithoutDrain(clusterId, 99)).toBe(false);
  });

  it('that is held up is written by its owner alone, and forgotten with the node', async () => {
    const node = await stored({ operation: owner, phase: 'draining', desired: 'absent' });
    const { number, clusterId } = node;
    const heldUp = {
      since: node.createdAt,
      because: 'a budget',
      pods: [{ pod: 'default/web-1', because: 'x' }],
    };
    const record = async (executionArn: string, what: typeof heldUp | undefined) =>
      test.store.nodes.recordDrain(clusterId, number, { executionArn, heldUp: what });
    expect(await record(stranger, heldUp)).toBe(false);
    expect(await record(me, heldUp)).toBe(true);
    expect((await read(node)).drainHeldUp).toEqual(heldUp);
    expect(await record(me, undefined)).toBe(true);
    expect((await read(node)).drainHeldUp).toBeUndefined();
    await record(me, heldUp);
    await test.store.nodes.bury(clusterId, number, node.createdAt);
    expect((await read(node)).drainHeldUp).toBeUndefined();
  });

  it('goes forward only, for its owner only', async () => {
    const node = await stored({ operation: owner, phase: 'ready', desired: 'absent' });
    const enter = async (phase: Node['phase'], executionArn = me) =>
      test.store.nodes.enterPhase(node.clusterId, node.number, { executionArn, phase });
    expect(await enter('draining', stranger)).toBe(false);
    expect(await enter('deleting')).toBe(true);
    expect(await enter('deleting')).toBe(true);
    expect(await enter('draining')).toBe(false);
  });

  it('leads out of failure only when the node is to go', async () => {
    for (const [desired, expected] of [
      ['present', false],
      ['absent', true],
    ] as const) {
      const node = await stored({ operation: owner, phase: 'failed', desired });
      const entered = await test.store.nodes.enterPhase(node.clusterId, node.number, {
        executionArn: me,
        phase: 'deleting',
      });
      expect(entered).toBe(expected);
    }
  });

  it('is given up by its owner, with the reason', async () => {
    const node = await stored({ operation: owner, phase: 'joining' });
    const giveUp = async (executionArn: string) =>
      test.store.nodes.giveUp(node.clusterId, node.number, { executionArn, failure: { reason: 'quota' } });
    expect(await giveUp(stranger)).toBe(false);
    expect(await giveUp(me)).toBe(true);
    expect(await read(node)).toMatchObject({ phase: 'failed', failure: { reason: 'quota' } });
  });

  it('is not given up when it has joined and nothing is wrong with it', async () => {
    const node = await stored({ operation: owner, phase: 'ready', joinedAt: exampleTime });
    const giveUp = async () =>
      test.store.nodes.giveUp(node.clusterId, node.number, { executionArn: me, failure: { reason: 'bug' } });
    expect(await giveUp()).toBe(false);
    expect(await read(node)).toMatchObject({ phase: 'ready' });
  });

  it('is no end while the node is wanted', async () => {
    const node = await stored();
    expect(await test.store.nodes.bury(node.clusterId, node.number, later)).toBe(false);
    await test.store.nodes.retire(node.clusterId, node.number);
    expect(await test.store.nodes.bury(node.clusterId, node.number, later)).toBe(true);
    expect(await test.store.nodes.bury(node.clusterId, node.number, plusSeconds(later, 60))).toBe(true);
    expect(await read(node)).toMatchObject({ phase: 'deleted', deletedAt: later });
  });
});
