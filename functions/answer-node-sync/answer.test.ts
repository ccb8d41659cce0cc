import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import { answerSync } from './answer.ts';

let tests: TestStore;
let bus: RecordingBus;
let now = exampleTime;

beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());
beforeEach(() => {
  bus = recordingBus('overcast.answer-node-sync');
  now = exampleTime;
});

const secretOf = (number: number): string => String(number).repeat(64).slice(0, 64);
const keyOf = (number: number): string => Buffer.alloc(32, number).toString('base64');

/** A cluster of admitted machines: control planes 1 to 3, workers from 4. */
async function admitted(
  count: number,
  given: { clouds?: readonly CloudName[]; cluster?: Partial<Cluster> } = {},
): Promise<{
  clusterId: string;
  sync: (number: number, given?: Partial<SyncRequest>) => Promise<SyncReply>;
}> {
  const cluster = aCluster(given.cluster);
  await tests.store.clusters.create(cluster);
  for (let number = 1; number <= count; number += 1) {
    const cloud = given.clouds?.[number - 1] ?? 'aws';
    const role = number <= 3 ? 'control-plane' : 'worker';
    const node = aNode({ clusterId: cluster.id, number, role, cloud });
    await tests.store.nodes.materialise(node);
    const executionArn = anExecution();
    await tests.store.nodes.claim(cluster.id, number, {
      operation: { executionArn, kind: 'ProvisionNode', startedAt: now },
      expectedDesired: 'present',
    });
    await tests.store.nodes.beginAttempt(cluster.id, number, {
      executionArn,
      request: {
        attempt: 1,
        offering: anOffering(),
        kubernetesVersion: '1.36',
        tokenExpiresAt: 1_900_000_000,
        requestedAt: now,
      },
    });
    await tests.store.nodes.admit(cluster.id, number, {
      attempt: 1,
      sessionHash: createHash('sha256').update(secretOf(number)).digest('hex'),
      now,
    });
  }
  return {
    clusterId: cluster.id,
    sync: (number, given = {}) =>
      answerSync({ store: tests.store, bus, clock: { now: () => now }, log: silentLog })({
        clusterId: cluster.id,
        number,
        bearer: secretOf(number),
        body: {
          phase: 'booting',
          addresses: { public: `203.0.113.${number}`, private: `10.10.0.${number}` },
          wireguardPublicKey: keyOf(number),
          meshVersion: 0,
          ...given,
        },
      }),
  };
}

/** Agents as they are: each takes the peers it was sent before it goes on. */
const agents = (sync: (number: number, given?: Partial<SyncRequest>) => Promise<SyncReply>) => {
  const meshVersions = new Map<number, number>();
  return async (number: number, phase: SyncRequest['phase']): Promise<string> => {
    const reply = await sync(number, { phase, meshVersion: meshVersions.get(number) ?? 0 });
    meshVersions.set(number, reply.meshVersion);
    return reply.instruction.kind;
  };
};

const node = async (clusterId: string, number: number): Promise<Node> => {
  const found = await tests.store.nodes.get(clusterId, number);
  if (found === undefined) throw new Error(`no node ${number}`);
  return found;
};
const cluster = async (clusterId: string) => {
  const found = await tests.store.clusters.get(clusterId);
  if (found === undefined) throw new Error('no cluster');
  return found;
};

describe('a sync', () => {
  it('with another secret is refused', async () => {
    const { clusterId } = await admitted(1);
    const call = answerSync({ store: tests.store, bus, clock: { now: () => now }, log: silentLog })({
      clusterId,
      number: 1,
      bearer: 'f'.repeat(64),
      body: {
        phase: 'booting',
        addresses: { public: '', private: '' },
        wireguardPublicKey: keyOf(1),
        meshVersion: 0,
      },
    });
    await expect(call).rejects.toMatchObject({ name: 'NodeCallRefused', status: 401 });
  });

  it('brings the node into the mesh, with its key and both addresses', async () => {
    const { clusterId, sync } = await admitted(2);
    await sync(1);
    const reply = await sync(2);
    expect(reply.meshVersion).toBe(2);
    expect(reply.peers).toEqual([
      { publicKey: keyOf(1), allowedIps: '10.4.0.1/32', endpoint: '10.10.0.1:51820' },
    ]);
    expect(await node(clusterId, 2)).toMatchObject({
      publicAddress: '203.0.113.2',
      wireguardPublicKey: keyOf(2),
    });
  });

  it('brings twelve nodes that enter at once into the mesh, none lost', async () => {
    const { clusterId, sync } = await admitted(12);
    const numbers = Array.from({ length: 12 }, (_, index) => index + 1);
    // An agent that lost every race tries again three seconds later.
    for (let round = 0; round < 3; round += 1) await Promise.all(numbers.map((number) => sync(number)));
    const mesh = await tests.store.mesh.get(clusterId);
    expect(mesh.members.map(({ number }) => number)).toEqual(numbers);
  });

  it('with the key of another node is refused, and changes nothing', async () => {
    const { clusterId, sync } = await admitted(2);
    await sync(1);
    const before = await tests.store.mesh.get(clusterId);
    await expect(sync(2, { wireguardPublicKey: keyOf(1) })).rejects.toMatchObject({ status: 409 });
    expect(await tests.store.mesh.get(clusterId)).toEqual(before);
    expect(await node(clusterId, 2)).not.toHaveProperty('wireguardPublicKey');
  });

  it('with another key than the machine’s first is refused', async () => {
    const { clusterId, sync } = await admitted(1);
    await sync(1);
    await expect(sync(1, { wireguardPublicKey: keyOf(9) })).rejects.toMatchObject({ status: 409 });
    expect((await tests.store.mesh.get(clusterId)).version).toBe(1);
  });

  it('of a node that was deleted is refused', async () => {
    const { clusterId, sync } = await admitted(1);
    await sync(1);
    await tests.store.nodes.retire(clusterId, 1);
    await tests.store.nodes.bury(clusterId, 1, now);
    await expect(sync(1)).rejects.toMatchObject({ status: 401 });
  });

  it('cannot be made in another node’s name', async () => {
    const { clusterId } = await admitted(2);
    const call = answerSync({ store: tests.store, bus, clock: { now: () => now }, log: silentLog })({
      clusterId,
      number: 2,
      bearer: secretOf(1),
      body: {
        phase: 'booting',
        addresses: { public: '', private: '' },
        wireguardPublicKey: keyOf(1),
        meshVersion: 0,
      },
    });
    await expect(call).rejects.toMatchObject({ status: 401 });
  });

  it('in a quiet cluster writes nothing', async () => {
    const { clusterId, sync } = await admitted(1);
    const say = agents(sync);
    await say(1, 'booting');
    await say(1, 'joined');
    await say(1, 'ready');
    await say(1, 'ready');
    const before = await node(clusterId, 1);
    now = plusSeconds(now, 5);
    expect(await say(1, 'ready')).toBe('run');
    expect(await node(clusterId, 1)).toEqual(before);
  });
});

describe('pods that fit on no node', () => {
  it('are said once when there are more than before, by the first control plane alone, and then nothing is written', async () => {
    const { clusterId, sync } = await admitted(4);
    for (const number of [1, 2, 4]) await sync(number);
    const say = async (number: number, unschedulablePods: number): Promise<unknown> => {
      bus.clear();
      await sync(number, { phase: 'ready', unschedulablePods });
      const { unschedulablePods: known } = (await tests.store.clusters.get(clusterId)) ?? {};
      return [known, bus.names().filter((name) => name === 'PodsUnschedulable').length];
    };
    expect(await say(1, 0)).toEqual([undefined, 0]);
    expect(await say(1, 3)).toEqual([3, 1]);
    expect(await say(1, 3)).toEqual([3, 0]);
    expect(await say(2, 5)).toEqual([3, 0]);
    expect(await say(4, 9)).toEqual([3, 0]);
    expect(await say(1, 1)).toEqual([1, 0]);
    expect(await say(1, 2)).toEqual([2, 1]);
    expect(await say(1, 0)).toEqual([0, 0]);
    expect(await say(1, 1)).toEqual([1, 1]);
  });

  it('are said by one of two calls that cross', async () => {
    const { sync } = await admitted(1);
    await sync(1);
    await Promise.all([7, 7, 7].map((unschedulablePods) => sync(1, { phase: 'ready', unschedulablePods })));
    expect(bus.names().filter((name) => name === 'PodsUnschedulable')).toHaveLength(1);
  });
});

describe('the mesh', () => {
  it('spreads the new public address of a peer that was rebooted', async () => {
    const { clusterId, sync } = await admitted(4, { clouds: ['aws', 'azure', 'aws', 'gcp'] });
    const say = agents(sync);
    for (const number of [1, 2, 4, 1, 2, 4]) await say(number, 'booting');
    const { version } = await tests.store.mesh.get(clusterId);
    expect(await sync(1, { meshVersion: version })).not.toHaveProperty('peers');

    const addresses = { public: '198.51.100.4', private: '10.10.0.4' };
    await sync(4, { phase: 'ready', meshVersion: version, addresses });
    for (const number of [1, 2]) {
      const { meshVersion, peers } = await sync(number, { meshVersion: version });
      expect(meshVersion).toBe(version + 1);
      expect(peers?.find(({ publicKey }) => publicKey === keyOf(4))?.endpoint).toBe('198.51.100.4:51820');
    }
    const { members } = await tests.store.mesh.get(clusterId);
    expect(members.find(({ number }) => number === 4)?.publicAddress).toBe('198.51.100.4');
    expect((await node(clusterId, 4)).publicAddress).toBe('198.51.100.4');
    // The others have it now: nothing is sent twice.
    expect(await sync(1, { meshVersion: version + 1 })).not.toHaveProperty('peers');
  });

  it('across locations names the neighbours that are reached without it, with the peers and only then', async () => {
    const { sync } = await admitted(3, {
      clouds: ['aws', 'gcp', 'aws'],
      cluster: { vpn: 'wireguard-cross-location' },
    });
    for (const number of [1, 2, 3]) await sync(number);
    const reply = await sync(1);
    expect(reply.peers?.map(({ allowedIps }) => allowedIps)).toEqual(['10.4.0.2/32']);
    expect(reply.neighbours).toEqual([{ overlayAddress: '10.4.0.3', privateAddress: '10.10.0.3' }]);
    expect((await sync(2)).neighbours).toEqual([]);
    expect(await sync(1, { meshVersion: reply.meshVersion })).not.toHaveProperty('neighbours');
  });

  it('as a full mesh has no neighbours', async () => {
    const { sync } = await admitted(2);
    await sync(1);
    expect(await sync(2)).not.toHaveProperty('neighbours');
  });

  it('notes silent peers when others fall silent, and writes nothing while they stay so', async () => {
    const { clusterId, sync } = await admitted(1);
    await sync(1);
    const silent = async (...addresses: string[]): Promise<unknown> => {
      now = plusSeconds(now, 1);
      await sync(1, {
        meshVersion: 1,
        handshakes: {
          oldestSeconds: 12,
          silent: addresses.map((overlayAddress, index) => ({ overlayAddress, ageSeconds: 181 + index })),
        },
      });
      const { silentPeers, lastSeenAt } = await node(clusterId, 1);
      return [silentPeers, lastSeenAt === now];
    };
    await sync(1, { meshVersion: 1 });
    expect(await silent()).toEqual([undefined, false]);
    expect(await silent('10.4.0.3', '10.4.0.2')).toEqual([['10.4.0.2', '10.4.0.3'], true]);
    // The same ones, in another order and with other ages.
    expect(await silent('10.4.0.2', '10.4.0.3')).toEqual([['10.4.0.2', '10.4.0.3'], false]);
    expect(await silent('10.4.0.3')).toEqual([['10.4.0.3'], true]);
    // A sync that says nothing of it changes nothing.
    await sync(1, { meshVersion: 1 });
    expect(await silent()).toEqual([[], true]);
    expect(await silent()).toEqual([[], false]);
  });
});

describe('from nothing to ready', () => {
  it('one initialises, control planes join one at a time, workers at once', async () => {
    const { clusterId, sync } = await admitted(5);
    const say = agents(sync);
    for (const number of [1, 2, 3, 4, 5]) await say(number, 'booting');
    const initNode = (await cluster(clusterId)).initNode ?? 0;
    expect(initNode).toBe(1);
    expect(await say(1, 'booting')).toBe('init');
    expect(await say(2, 'booting')).toBe('wait');
    expect(await say(4, 'booting')).toBe('wait');

    // init is done: the others still wait until it has taken the peers it was sent.
    expect(await say(1, 'joined')).toBe('run');
    expect((await cluster(clusterId)).initialisedAt).toBe(now);
    await say(1, 'ready');
    expect(await say(4, 'booting')).toBe('join');
    expect(await say(5, 'booting')).toBe('join');
    expect(await say(2, 'booting')).toBe('join');
    expect(await say(3, 'booting')).toBe('wait');
    expect(await say(2, 'joined')).toBe('run');
    // Number 2 serves now too, and has long acknowledged the version that brought number 3.
    expect(await say(3, 'booting')).toBe('join');
    await say(3, 'joined');
    for (const number of [2, 3]) await say(number, 'ready');
    expect((await cluster(clusterId)).joinNode).toBeUndefined();
    expect((await node(clusterId, 3)).phase).toBe('ready');
    expect(
      bus.said
        .filter(({ event }) => event === 'NodeJoined')
        .map(({ detail }) => (detail as { number: number }).number),
    ).toEqual([1, 2, 3]);
    expect(bus.said.filter(({ event }) => event === 'NodeReady')).toHaveLength(3);
  });

  it('gives init to one of many that ask at once', async () => {
    const { sync } = await admitted(3);
    await Promise.all([1, 2, 3].map((number) => sync(number)));
    const replies = await Promise.all([1, 2, 3].map((number) => sync(number)));
    expect(replies.filter(({ instruction }) => instruction.kind === 'init')).toHaveLength(1);
  });

  it('gives the lease to one of many that ask at once', async () => {
    const { sync } = await admitted(3);
    const say = agents(sync);
    for (const number of [1, 2, 3]) await say(number, 'booting');
    await say(1, 'joined');
    await say(1, 'joined');
    const kinds = await Promise.all([2, 3].map((number) => say(number, 'booting')));
    expect(kinds.toSorted()).toEqual(['join', 'wait']);
  });
});

describe('a machine whose attempt is over', () => {
  it('that was given up initialises nothing, however well it did in the end', async () => {
    const { clusterId, sync } = await admitted(1);
    await sync(1);
    await sync(1);
    await tests.store.nodes.recordFailure(clusterId, 1, { attempt: 1, failure: { reason: 'took too long' } });
    const reply = await sync(1, { phase: 'joined' });
    expect(reply.instruction.kind).toBe('wait');
    expect((await cluster(clusterId)).initialisedAt).toBeUndefined();
    expect((await node(clusterId, 1)).joinedAt).toBeUndefined();
    expect(bus.names()).toEqual([]);
  });

  it('that was replaced while its last sync was on its way initialises nothing', async () => {
    const { clusterId, sync } = await admitted(1);
    await sync(1);
    await sync(1);
    const { operation } = await node(clusterId, 1);
    const syncView: typeof tests.store.syncView = async (...of) => {
      const view = await tests.store.syncView(...of);
      await tests.store.nodes.beginAttempt(clusterId, 1, {
        executionArn: operation?.executionArn ?? '',
        request: {
          attempt: 2,
          offering: anOffering(),
          kubernetesVersion: '1.36',
          tokenExpiresAt: 1_900_000_000,
          requestedAt: now,
        },
      });
      return view;
    };
    const late = answerSync({
      store: { ...tests.store, syncView },
      bus,
      clock: { now: () => now },
      log: silentLog,
    })({
      clusterId,
      number: 1,
      bearer: secretOf(1),
      body: {
        phase: 'joined',
        addresses: { public: '203.0.113.1', private: '10.10.0.1' },
        wireguardPublicKey: keyOf(1),
        meshVersion: 1,
      },
    });
    await expect(late).rejects.toMatchObject({ status: 401 });
    expect((await cluster(clusterId)).initialisedAt).toBeUndefined();
    expect(bus.names()).toEqual([]);
  });
});

describe('a machine that comes to a quiet cluster', () => {
  it('is let in with the next sync of a control plane, however long nothing moved there', async () => {
    const { clusterId, sync } = await admitted(4);
    const say = agents(sync);
    for (const number of [1, 2]) await say(number, 'booting');
    await say(1, 'joined');
    await say(1, 'ready');
    await say(4, 'booting');
    await say(1, 'ready');
    now = plusSeconds(now, 3600);
    await say(1, 'ready');
    // Its time was just written, and is not again for five minutes.
    now = plusSeconds(now, 60);
    await say(1, 'ready');
    expect(await say(4, 'booting')).toBe('wait');
    expect((await cluster(clusterId)).joinerUntil).toBe(plusSeconds(now, 600));
    await say(1, 'ready');
    now = plusSeconds(now, 3);
    expect(await say(4, 'booting')).toBe('join');
    // Half an hour later it has joined, and the cluster is as quiet as before.
    now = plusSeconds(now, 1800);
    for (const given of [0, 60]) {
      now = plusSeconds(now, given);
      await say(1, 'ready');
    }
    expect((await node(clusterId, 1)).lastSeenAt).toBe(plusSeconds(now, -60));
  });
});

describe('what goes wrong on a machine', () => {
  it('is recorded once with its log, without the secrets in it, and said', async () => {
    const { clusterId, sync } = await admitted(1);
    const failure = { reason: 'kubeadm init failed', log: `token: ${'ab'.repeat(32)} was refused` };
    await sync(1, { phase: 'failed', failure });
    const reply = await sync(1, { phase: 'failed', failure });
    expect(reply.instruction).toMatchObject({ kind: 'wait' });
    const stored = (await node(clusterId, 1)).failure;
    expect(stored?.reason).toBe('kubeadm init failed');
    expect(stored?.log).not.toContain('abab');
    expect(bus.names()).toEqual(['NodeFailed']);
  });

  it('is shown to people without secrets and without what moves their terminal', async () => {
    const { clusterId, sync } = await admitted(1);
    const reason = `\u001B[2Jkubeadm\u0007 failed\nnode 2 is ready: token=${'ab'.repeat(32)}`;
    await sync(1, { phase: 'failed', failure: { reason, log: 'one\n\u001B[31mtwo\r' } });
    expect((await node(clusterId, 1)).failure).toEqual({
      reason: '[2Jkubeadm failed node 2 is ready: token=[redacted]',
      log: 'one\n[31mtwo',
    });
    expect(bus.said[0]).toMatchObject({
      detail: { reason: '[2Jkubeadm failed node 2 is ready: token=[redacted]' },
    });
  });

  it('an interruption is said once, however often it is reported, and once more when it becomes serious', async () => {
    const { sync } = await admitted(1);
    const say = agents(sync);
    await say(1, 'booting');
    for (const kind of ['rebalance', 'rebalance', 'terminate', 'terminate', 'rebalance'] as const)
      await sync(1, { phase: 'booting', interruption: { kind } });
    expect(bus.said.map(({ event, detail }) => [event, (detail as { kind?: string }).kind])).toEqual([
      ['SpotInterruption', 'rebalance'],
      ['SpotInterruption', 'terminate'],
    ]);
  });

  it('an interruption is answered with leave in the same call', async () => {
    const { sync } = await admitted(1);
    const say = agents(sync);
    await say(1, 'booting');
    await say(1, 'ready');
    const reply = await sync(1, { phase: 'ready', interruption: { kind: 'terminate' } });
    expect(reply.instruction.kind).toBe('leave');
    expect(bus.said.at(-1)).toMatchObject({
      event: 'SpotInterruption',
      detail: { number: 1, kind: 'terminate' },
    });
  });
});

describe('a control plane that is to be forgotten', () => {
  /** Two that serve, and a third that is to go. */
  const scene = async () => {
    const { clusterId, sync } = await admitted(4, { cluster: { initialisedAt: exampleTime } });
    for (const number of [1, 2, 4]) await sync(number, { phase: 'ready' });
    await tests.store.nodes.retire(clusterId, 3);
    expect(await tests.store.clusters.askToForget(clusterId, { number: 3, attempt: 1 }, now)).toBe(true);
    const told = async (number: number, given: Partial<SyncRequest> = {}) =>
      (await sync(number, { phase: 'ready', ...given })).instruction.id;
    const result = (ok: boolean, tries: number) => ({
      result: { instructionId: `forget-member-3-1-${tries}-${Date.parse(now)}`, ok },
    });
    return { clusterId, told, result };
  };

  it('is struck off by those that serve, and by nobody else', async () => {
    const { clusterId, told, result } = await scene();
    expect(await told(4)).toBe('run-4-1');
    expect([await told(1), await told(2)]).toEqual([
      `forget-member-3-1-0-${Date.parse(now)}`,
      `forget-member-3-1-0-${Date.parse(now)}`,
    ]);
    expect(await told(4, result(true, 0))).toBe('run-4-1');
    expect((await cluster(clusterId)).forgetting).toBeDefined();
    expect(await told(2, result(true, 0))).toBe('run-2-1');
    expect((await cluster(clusterId)).forgetting).toBeUndefined();
    expect((await node(clusterId, 3)).memberForgottenAt).toBe(now);
    // The other one, later: it found nobody to strike off, or was told that there is none.
    expect(await told(1, result(false, 0))).toBe('run-1-1');
    expect(await told(1, result(true, 0))).toBe('run-1-1');
  });

  it('is tried again under another name when it failed', async () => {
    const { clusterId, told, result } = await scene();
    expect(await told(1, result(false, 0))).toBe(`forget-member-3-1-1-${Date.parse(now)}`);
    expect(await told(2, result(false, 0))).toBe(`forget-member-3-1-1-${Date.parse(now)}`);
    expect((await node(clusterId, 3)).memberForgottenAt).toBeUndefined();
    expect(await told(2, result(true, 1))).toBe('run-2-1');
  });

  it('is no longer once its next machine has joined', async () => {
    const { clusterId, sync } = await admitted(2, { cluster: { initialisedAt: exampleTime } });
    for (const number of [1, 2]) await sync(number, { phase: 'ready' });
    // Somebody asked long after the machine of an earlier attempt was gone.
    await tests.store.clusters.askToForget(clusterId, { number: 2, attempt: 0 }, now);
    expect((await sync(1, { phase: 'ready' })).instruction.kind).toBe('run');
    expect((await cluster(clusterId)).forgetting).toBeUndefined();
  });
});
