import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryCloud, damage, type MemoryCloud } from '../../shared/clouds/memory/index.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Finding } from '../../shared/domain/finding.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import { planNetwork } from '../../shared/planning/plan-network.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, type CrashPoints } from '../../test/builders/crash.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog, testClock, type TestClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { drive, type DriveRequest } from './drive.ts';
import type { DriveParts } from './parts.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  // What expires does so by the tests' own time, which hardly moves.
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

const installationId = 'test-installation';
const mac = {
  generate: async (message: Uint8Array) => createHmac('sha256', 'key').update(message).digest(),
};

interface Scene {
  readonly cloud: MemoryCloud;
  readonly clock: TestClock;
  readonly clusterId: string;
  readonly me: string;
  /** The node as it is now. */
  node(): Promise<Node>;
  call(request: Partial<DriveRequest> & Pick<DriveRequest, 'verb'>): Promise<Record<string, unknown>>;
  /** Repeats a call, as the state machines do, until it is done. */
  until(request: Partial<DriveRequest> & Pick<DriveRequest, 'verb'>): Promise<Record<string, unknown>>;
}

const pollsMax = 20;
/** Some fifty small worlds in one test: seconds alone, and a minute while everything else runs. */
const crashTimeoutMs = 120_000;

/** One cluster in one cloud with its network standing, and one node that this execution owns. */
async function scene(
  options: { node?: Partial<Node>; cluster?: Partial<Cluster>; points?: CrashPoints; network?: boolean } = {},
): Promise<Scene> {
  const clock = testClock();
  const me = anExecution();
  const cloud = createMemoryCloud({ name: 'aws', now: clock.now, bootSeconds: 4, deleteSeconds: 2 });
  const operation = (kind: 'ProvisionCluster' | 'ProvisionNode') => ({
    executionArn: me,
    kind,
    startedAt: exampleTime,
  });
  const cluster = aCluster({ operation: operation('ProvisionCluster'), ...options.cluster });
  await store.clusters.create(cluster);
  const item = aNode({ clusterId: cluster.id, operation: operation('ProvisionNode'), ...options.node });
  await store.nodes.materialise(item);
  if (options.network !== false) {
    const network = await cloud.ensureNetwork(
      planNetwork({ cluster, cloud: 'aws', installation: installationId }),
    );
    if (network.done) await store.parts.recordNetwork(cluster.id, network.value);
  }
  const points = options.points;
  const parts: DriveParts = {
    cloud: 'aws',
    connect: async () => (points === undefined ? cloud : points.wrap(cloud)),
    store: points === undefined ? store : points.wrap(store),
    mac: points === undefined ? mac : points.wrap(mac),
    clock,
    log: silentLog,
    installationId,
    apiUrl: 'https://api.example.com',
  };
  // As ProvisionNode has it forgotten before it asks for another machine.
  let forgotten = 0;
  const call: Scene['call'] = async (request) => {
    const outcome = (await drive(parts)({
      clusterId: cluster.id,
      executionArn: me,
      number: 1,
      reason: 'CapacityUnavailable: aws: no c6a.xlarge is left',
      forgotten,
      ...request,
    } as unknown as DriveRequest)) as Record<string, unknown>;
    if (outcome['isLost'] === true || outcome['next'] === 'retry') forgotten = Number(outcome['attempt']);
    return outcome;
  };
  return {
    cloud,
    clock,
    clusterId: cluster.id,
    me,
    call,
    async node() {
      const node = await store.nodes.get(cluster.id, 1);
      if (node === undefined) throw new Error('the node is not there');
      return node;
    },
    async until(request) {
      for (let poll = 0; poll < pollsMax; poll += 1) {
        const outcome = await call(request);
        if (outcome['done'] === true) return outcome;
        clock.advance(Number(outcome['retryAfterSeconds']));
      }
      throw new Error(`${request.verb} was not done after ${pollsMax} polls`);
    },
  };
}

/** The machines that are there and do not go. */
const standing = ({ cloud }: Scene) =>
  cloud.world.machines().filter(({ stoppingAt }) => stoppingAt === undefined);

describe('ensureNetwork', () => {
  it('builds it, stores what stands, and does nothing more when repeated', async () => {
    const at = await scene({ network: false });
    expect(await at.until({ verb: 'ensureNetwork' })).toEqual({ done: true });
    const first = await store.parts.get(at.clusterId, 'aws');
    expect(first?.network).toMatchObject({ cloud: 'aws', range: '10.10.0.0/16' });
    await at.until({ verb: 'ensureNetwork' });
    expect(at.cloud.world.calls.createNetwork).toBe(1);
    expect(await store.parts.get(at.clusterId, 'aws')).toEqual(first);
  });

  it('keeps why it failed, and forgets it once it stands', async () => {
    const at = await scene({ network: false });
    at.cloud.world.addFault({ effect: 'credentials' });
    await expect(at.call({ verb: 'ensureNetwork' })).rejects.toMatchObject({ name: 'CredentialsRejected' });
    expect((await store.parts.get(at.clusterId, 'aws'))?.failure?.error).toBe('CredentialsRejected');
    await at.until({ verb: 'ensureNetwork' });
    expect((await store.parts.get(at.clusterId, 'aws'))?.failure).toBeUndefined();
  });

  it('is nobody’s who does not own the cluster', async () => {
    const at = await scene({ network: false });
    await expect(at.call({ verb: 'ensureNetwork', executionArn: anExecution() })).rejects.toMatchObject({
      name: 'Superseded',
    });
    expect(at.cloud.world.networks()).toEqual([]);
  });

  it('ends the same wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ network: false, points });
      return {
        run: () => at.until({ verb: 'ensureNetwork' }),
        check: async () => {
          expect(at.cloud.world.networks()).toHaveLength(1);
          expect((await store.parts.get(at.clusterId, 'aws'))?.network).toBeDefined();
        },
      };
    });
  });
});

describe('a change that its cloud throttles', () => {
  it('lets the looks in its account wait, so that it goes first when it is tried again', async () => {
    const at = await scene({ network: false });
    const budget = () => store.callBudgets.get({ cloud: 'aws', accountId: 'main', scope: 'us-east' });
    expect(await budget()).toBeUndefined();
    at.cloud.world.addFault({ effect: 'throttle', seconds: 20, times: at.cloud.world.retriesMax + 1 });
    await expect(at.call({ verb: 'ensureNetwork' })).rejects.toMatchObject({ name: 'Throttled' });
    expect(await budget()).toMatchObject({ left: [0], pausedUntil: plusSeconds(exampleTime, 20) });
    await at.until({ verb: 'ensureNetwork' });
  });
});

describe('createMachine', () => {
  it('begins an attempt, and is done when the machine runs and is recorded', async () => {
    const at = await scene();
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ done: false, attempt: 1 });
    expect(await at.until({ verb: 'createMachine' })).toMatchObject({ done: true, attempt: 1 });
    const [machine] = standing(at);
    const node = await at.node();
    expect(node).toMatchObject({
      phase: 'creating',
      attempt: 1,
      providerId: machine?.providerId,
      publicAddress: machine?.publicAddress,
    });
    expect(machine?.tags?.nodeId).toBe(node.id);
    expect(machine?.userData).toMatch(/OVERCAST_TOKEN='v1\.1\.\d{10}\.[\w-]{43}'/);
  });

  it('sends the same bytes when it is repeated', async () => {
    const at = await scene();
    at.cloud.world.addFault({ effect: 'lose-reply', operation: 'createMachine' });
    await expect(at.call({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'CloudUnavailable' });
    const [first] = standing(at);
    at.clock.advance(7);
    await at.until({ verb: 'createMachine' });
    expect(standing(at).map(({ token, userData, providerId }) => ({ token, userData, providerId }))).toEqual([
      { token: first?.token, userData: first?.userData, providerId: first?.providerId },
    ]);
  });

  it('waits for the network without beginning an attempt', async () => {
    const at = await scene({ network: false });
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ done: false, attempt: 0 });
    expect((await at.node()).createRequest).toBeUndefined();
  });

  it.each([
    ['its node is to go', { node: { desired: 'absent' as const } }],
    ['its cluster is to go', { cluster: { desired: 'absent' as const } }],
    [
      'another owns the node',
      {
        node: {
          operation: { executionArn: 'other', kind: 'ProvisionNode' as const, startedAt: exampleTime },
        },
      },
    ],
  ])('creates nothing when %s', async (_, given) => {
    const at = await scene(given);
    await expect(at.call({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'Superseded' });
    expect(standing(at)).toEqual([]);
  });

  it('takes the machine down again when the node was to go while it was made', async () => {
    const at = await scene();
    const create = at.cloud.createMachine.bind(at.cloud);
    Object.assign(at.cloud, {
      createMachine: async (request: Parameters<typeof create>[0]) => {
        const progress = await create(request);
        await store.nodes.retire(at.clusterId, 1);
        return progress;
      },
    });
    await expect(at.call({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'Superseded' });
    expect(standing(at)).toEqual([]);
  });

  it('takes the machine down again when its cluster was fenced while it was made, whatever the node’s mark says yet', async () => {
    const at = await scene({ cluster: { deletionRequestedAt: exampleTime } });
    const create = at.cloud.createMachine.bind(at.cloud);
    Object.assign(at.cloud, {
      createMachine: async (request: Parameters<typeof create>[0]) => {
        const progress = await create(request);
        const operation = { executionArn: 'c', kind: 'CleanupCluster', startedAt: exampleTime } as const;
        await store.clusters.fence(at.clusterId, operation);
        return progress;
      },
    });
    await expect(at.call({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'Superseded' });
    expect((await at.node()).desired).toBe('present');
    expect(standing(at)).toEqual([]);
  });

  it('deletes a machine that comes beside the recorded one', async () => {
    const at = await scene();
    at.cloud.world.bootSeconds = 0;
    const create = at.cloud.createMachine.bind(at.cloud);
    Object.assign(at.cloud, {
      createMachine: async (request: Parameters<typeof create>[0]) => {
        const progress = await create(request);
        // Another call of the same run has recorded its machine in between.
        await store.nodes.recordMachine(at.clusterId, 1, {
          attempt: 1,
          providerId: 'aws-other',
          publicAddress: '',
          privateAddress: '',
        });
        return progress;
      },
    });
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ done: false, attempt: 1 });
    expect(standing(at)).toEqual([]);
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ done: true, providerId: 'aws-other' });
  });

  it('passes on what the cloud refuses', async () => {
    const at = await scene();
    at.cloud.world.soldOut.add('c6a.xlarge');
    await expect(at.call({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'CapacityUnavailable' });
    expect(await at.node()).toMatchObject({ attempt: 1, phase: 'creating' });
  });

  it('makes no second machine for a node that is heard of, however late it is asked', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await store.nodes.admit(at.clusterId, 1, { attempt: 1, sessionHash: 'h', now: at.clock.now() });
    at.clock.advance(3600);
    await store.nodes.recordSync(at.clusterId, 1, { sessionHash: 'h', lastSeenAt: at.clock.now() });
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ done: true, attempt: 1 });
    expect(at.cloud.world.calls.createMachine).toBe(2);
  });

  it('begins a new attempt for a machine that vanished after it ran', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    const [lost] = standing(at);
    at.cloud.world.kill(lost?.providerId ?? '');
    at.clock.advance(600);
    // Until the cluster has forgotten the one that is gone, whose Node would be taken for the next one's.
    for (let repeats = 1; repeats <= 2; repeats += 1)
      expect(await at.call({ verb: 'createMachine', forgotten: 0 })).toMatchObject({
        done: false,
        attempt: 1,
        isLost: true,
      });
    expect(await at.node()).toMatchObject({ attempt: 1 });
    expect((await at.node()).createRequest).toBeUndefined();
    expect(await at.until({ verb: 'createMachine' })).toMatchObject({ done: true, attempt: 2 });
    const node = await at.node();
    expect(node.sessionHash).toBeUndefined();
    expect(standing(at).map(({ providerId }) => providerId)).toEqual([node.providerId]);
    expect(standing(at)[0]?.token).not.toBe(lost?.token);
  });

  it('sweeps a failed attempt before it begins the next', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await store.nodes.recordFailure(at.clusterId, 1, { attempt: 1, failure: { reason: 'kubeadm failed' } });
    const between = await at.call({ verb: 'createMachine' });
    expect(between).toMatchObject({ done: false, attempt: 1 });
    expect(await at.until({ verb: 'createMachine' })).toMatchObject({ attempt: 2 });
    expect(standing(at)).toHaveLength(1);
  });

  it('gives up after the last attempt', async () => {
    const at = await scene({ node: { attempt: 3 } });
    await expect(at.until({ verb: 'createMachine' })).rejects.toMatchObject({ name: 'AttemptsExhausted' });
  });

  it('makes one machine and records it, wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    const calls = await atEveryCrashPoint(async (points) => {
      const at = await scene({ points });
      return {
        run: () => at.until({ verb: 'createMachine' }),
        check: async () => {
          const node = await at.node();
          expect(standing(at).map(({ providerId }) => providerId)).toEqual([node.providerId]);
          expect(node.attempt).toBe(1);
        },
      };
    });
    expect(calls).toBeGreaterThan(10);
  });
});

describe('abandonAttempt', () => {
  it('deletes a machine that nobody recorded, cools the offering off and moves to the next', async () => {
    const at = await scene();
    at.cloud.world.addFault({ effect: 'lose-reply', operation: 'createMachine' });
    await expect(at.call({ verb: 'createMachine' })).rejects.toThrow('connection was cut');
    const before = await at.node();
    expect(await at.until({ verb: 'abandonAttempt' })).toEqual({
      done: true,
      next: 'retry',
      cloud: 'aws',
      attempt: 1,
    });
    const after = await at.node();
    expect(standing(at)).toEqual([]);
    expect(after.createRequest).toBeUndefined();
    expect(after.offering.instanceType).not.toBe(before.offering.instanceType);
    const cooling = await store.coolOffs.list('aws', 'us-east-1', at.clock.now());
    expect(cooling.map(({ instanceType }) => instanceType)).toContain(before.offering.instanceType);
    expect(await at.call({ verb: 'createMachine' })).toMatchObject({ attempt: 2 });
  });

  it('leaves a machine alone that has joined after all: its news was lost, not the node', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await store.nodes.admit(at.clusterId, 1, { attempt: 1, sessionHash: 'h', now: at.clock.now() });
    await store.nodes.markJoined(at.clusterId, 1, { attempt: 1, now: at.clock.now() });
    expect(await at.call({ verb: 'abandonAttempt' })).toEqual({ done: true, next: 'joined' });
    expect(standing(at)).toHaveLength(1);
    expect((await at.node()).failure).toBeUndefined();
  });

  it('says the same when it is repeated', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    const first = await at.until({ verb: 'abandonAttempt' });
    const after = await at.node();
    expect(await at.call({ verb: 'abandonAttempt' })).toEqual(first);
    expect(await at.node()).toEqual(after);
  });

  it('keeps the offering of a machine that called back', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await store.nodes.admit(at.clusterId, 1, { attempt: 1, sessionHash: 'h', now: at.clock.now() });
    await store.nodes.recordFailure(at.clusterId, 1, { attempt: 1, failure: { reason: 'kubeadm failed' } });
    const { offering } = await at.node();
    expect(await at.until({ verb: 'abandonAttempt' })).toMatchObject({ next: 'retry' });
    expect((await at.node()).offering).toEqual(offering);
  });

  it('gives up after the third', async () => {
    const at = await scene({ node: { attempt: 2 } });
    await at.until({ verb: 'createMachine' });
    expect(await at.until({ verb: 'abandonAttempt' })).toEqual({ done: true, next: 'give-up' });
  });

  it('ends the same wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ points });
      await at.until({ verb: 'createMachine' });
      return {
        run: () => at.until({ verb: 'abandonAttempt' }),
        check: async () => {
          expect(standing(at)).toEqual([]);
          const node = await at.node();
          expect(node.createRequest).toBeUndefined();
          expect(node.attempt).toBe(1);
          expect(node.failure).toBeDefined();
        },
      };
    });
  });
});

const retiring = async (points?: CrashPoints): Promise<Scene> => {
  const at = await scene(points === undefined ? {} : { points });
  await at.until({ verb: 'createMachine' });
  await store.nodes.retire(at.clusterId, 1);
  return at;
};

describe('deleteMachine', () => {
  it('deletes it, and a repeat finds it gone', async () => {
    const at = await retiring();
    expect(await at.until({ verb: 'deleteMachine' })).toEqual({ done: true });
    expect(await at.call({ verb: 'deleteMachine' })).toEqual({ done: true });
    expect(at.cloud.world.machines()).toEqual([]);
    expect((await at.node()).phase).toBe('deleting');
  });

  it('never one of a node that is to stay', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await expect(at.call({ verb: 'deleteMachine' })).rejects.toMatchObject({ name: 'Superseded' });
    expect(standing(at)).toHaveLength(1);
  });

  it('ends the same wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await retiring(points);
      return {
        run: () => at.until({ verb: 'deleteMachine' }),
        check: async () => expect(at.cloud.world.machines()).toEqual([]),
      };
    });
  });
});

describe('guard, collapse, verifyGone', () => {
  const going = { desired: 'absent', deletionRequestedAt: exampleTime } as const;

  it('the guard names strangers and changes nothing', async () => {
    const at = await scene({ cluster: { deletionRequestedAt: exampleTime } });
    const [network] = at.cloud.world.networks();
    at.cloud.world.addStranger({ networkId: network?.id ?? '', name: 'db-1' });
    expect(await at.call({ verb: 'guard' })).toMatchObject({
      done: true,
      strangers: [{ cloud: 'aws', kind: 'machine', name: 'db-1' }],
    });
    expect(at.cloud.world.calls.deleteMachine).toBeUndefined();
  });

  it('the guard names no more strangers than a state machine can carry', async () => {
    const at = await scene({ cluster: { deletionRequestedAt: exampleTime } });
    const [network] = at.cloud.world.networks();
    for (let index = 0; index < 120; index += 1)
      at.cloud.world.addStranger({ networkId: network?.id ?? '', name: `db-${index}` });
    const { strangers } = await at.call({ verb: 'guard' });
    expect(strangers).toHaveLength(50);
  });

  it('the guard looks only where a deletion was asked for', async () => {
    const at = await scene();
    await expect(at.call({ verb: 'guard' })).rejects.toMatchObject({ name: 'Superseded' });
  });

  it('takes everything down, and then nothing is left', async () => {
    const at = await scene();
    await at.until({ verb: 'createMachine' });
    await store.clusters.requestDeletion(at.clusterId, { by: 'test', now: at.clock.now() });
    await store.clusters.fence(at.clusterId, {
      executionArn: at.me,
      kind: 'CleanupCluster',
      startedAt: at.clock.now(),
    });
    expect(await at.call({ verb: 'verifyGone' })).toMatchObject({ done: false });
    expect(await at.until({ verb: 'collapse' })).toEqual({ done: true });
    expect(await at.call({ verb: 'collapse' })).toEqual({ done: true });
    expect(await at.call({ verb: 'verifyGone' })).toEqual({ done: true });
    expect(await store.parts.get(at.clusterId, 'aws')).toBeUndefined();
  });

  it('names whoever came after the guard had looked, and goes on once they have left', async () => {
    const at = await scene({ cluster: going });
    const [network] = at.cloud.world.networks();
    const stranger = at.cloud.world.addStranger({ networkId: network?.id ?? '', name: 'db-1' });
    const failure = async () => (await store.parts.get(at.clusterId, 'aws'))?.failure;
    const answer = await at.call({ verb: 'collapse' });
    const said = await failure();
    expect(said).toMatchObject({ error: 'Blocked', at: exampleTime });
    expect(said?.message).toContain(`aws: machine ${stranger.providerId} (db-1) in overcast-${at.clusterId}`);
    expect(answer['waitingFor']).toBe(said?.message);
    at.clock.advance(30);
    await at.call({ verb: 'collapse' });
    // Since when, and not when it was last looked at.
    expect(await failure()).toEqual(said);
    at.cloud.world.kill(stranger.providerId);
    await at.call({ verb: 'collapse' });
    expect(await failure()).toBeUndefined();
    await at.until({ verb: 'collapse' });
  });

  it('never takes down a cluster that is to stay', async () => {
    const at = await scene();
    await expect(at.call({ verb: 'collapse' })).rejects.toMatchObject({ name: 'Superseded' });
    expect(at.cloud.world.networks()).toHaveLength(1);
  });

  it('ends the same wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ cluster: going, points });
      return {
        run: () => at.until({ verb: 'collapse' }),
        check: async () => {
          expect(at.cloud.world.networks()).toEqual([]);
          expect(await store.parts.get(at.clusterId, 'aws')).toBeUndefined();
        },
      };
    });
  });
});

describe('repair', () => {
  const finding = (fingerprint: string, kind: Finding['kind'], clusterId: string): Finding => ({
    clusterId,
    cloud: 'aws',
    fingerprint,
    kind,
    subject: '',
    message: '',
    remedy: '',
    seenAt: plusSeconds(exampleTime, -3600),
  });
  /** A machine that runs, with everything that can happen to it. */
  const broken = async (points?: CrashPoints) => {
    const at = await scene(points && { points });
    const { providerId } = (await at.until({ verb: 'createMachine' })) as { providerId: string };
    await store.nodes.admit(at.clusterId, 1, { attempt: 1, sessionHash: 'x', now: exampleTime });
    await store.nodes.release(at.clusterId, 1, at.me);
    const { world } = at.cloud;
    const spare = damage(world, 'add-spare-disk', { machineId: providerId }) ?? '';
    damage(world, 'remove-tags', { machineId: providerId });
    damage(world, 'move-firewall', { machineId: providerId });
    const own = {
      owner: { installation: installationId, clusterId: at.clusterId },
      nodeId: 'gone',
      role: 'worker',
    } as const;
    const [network] = world.networks();
    const like = { networkId: network?.id ?? '', location: network?.location ?? { region: '', zone: '' } };
    const stray = world.launch({
      name: 'stray',
      ...like,
      tags: own,
      userData: '',
      diskGib: 50,
      offering: { instanceType: 'c6a.xlarge', lifecycle: 'on-demand', vcpus: 4 },
    }).providerId;
    at.clock.advance(1200);
    const found = (kind: Finding['kind'], fingerprint: string) => finding(fingerprint, kind, at.clusterId);
    const findings = [
      found('machine-changed', `machine-changed:${providerId}:tags`),
      found('stray-machine', `stray-machine:${stray}`),
      found('stray-resource', `stray-resource:disk:${spare}`),
    ];
    return { at, world, providerId, spare, stray, findings };
  };

  it('puts machines right and removes what was found left over long ago', async () => {
    const { at, world, providerId, stray, findings } = await broken();
    await store.observations.replaceFindings(at.clusterId, findings);
    await at.until({ verb: 'repair' });
    expect(world.machine(providerId)).toMatchObject({
      tags: { nodeId: (await at.node()).id },
      firewall: 'worker',
    });
    expect(world.machine(stray)).toBeUndefined();
    expect(world.spares()).toEqual([]);
    expect((await store.parts.get(at.clusterId, 'aws'))?.mendedAt).toBe(at.clock.now());
  });

  it('removes the machine of a create that was carried out after its attempt had been given up', async () => {
    const { at, world, providerId } = await broken();
    const { runningAt: _, ...like } = world.machine(providerId)!;
    const { id: nodeId } = await at.node();
    const late = world.launch({
      ...like,
      token: 'the first attempt',
      tags: { owner: { installation: installationId, clusterId: at.clusterId }, nodeId, role: 'worker' },
    }).providerId;
    await store.observations.replaceFindings(at.clusterId, [
      finding(`surplus-machine:${late}`, 'surplus-machine', at.clusterId),
    ]);
    await at.until({ verb: 'repair' });
    expect(world.machine(late)).toBeUndefined();
    expect(world.machine(providerId)).toBeDefined();
  });

  it('removes nothing that the sweeps have not found, and looks at nothing when they found nothing', async () => {
    const { at, world, stray, findings } = await broken();
    const before = world.calls.listMachines;
    await at.until({ verb: 'repair' });
    expect(world.calls.listMachines).toBe(before);
    await store.observations.replaceFindings(at.clusterId, findings.slice(0, 1));
    await at.until({ verb: 'repair' });
    expect(world.machine(stray)).toBeDefined();
    expect(world.spares()).toHaveLength(1);
  });

  it('goes on beside what is refused: another owner’s machine stays as it is', async () => {
    const { at, world, providerId, stray, findings } = await broken();
    const theirs = {
      owner: { installation: 'neighbour', clusterId: at.clusterId },
      nodeId: 'x',
      role: 'worker',
    } as const;
    world.changeMachine(providerId, { tags: theirs });
    await store.observations.replaceFindings(at.clusterId, findings);
    await at.until({ verb: 'repair' });
    expect(world.machine(providerId)?.tags).toEqual(theirs);
    expect(world.machine(stray)).toBeUndefined();
  });

  it('calls nothing mended while one of it was refused', async () => {
    const { at, world, providerId, findings } = await broken();
    const theirs = { installation: 'neighbour', clusterId: at.clusterId };
    const real = at.cloud.repairMachine.bind(at.cloud);
    Object.assign(at.cloud, {
      repairMachine: (...given: Parameters<typeof real>) => {
        // Somebody made it theirs since the look.
        world.changeMachine(providerId, { tags: { owner: theirs, nodeId: 'x', role: 'worker' } });
        return real(...given);
      },
    });
    await store.observations.replaceFindings(at.clusterId, findings.slice(0, 1));
    await at.until({ verb: 'repair' });
    expect(world.machine(providerId)?.tags?.owner).toEqual(theirs);
    expect((await store.parts.get(at.clusterId, 'aws'))?.mendedAt).toBeUndefined();
  });

  it('is nobody’s who does not own the cluster', async () => {
    const { at, findings, world, stray } = await broken();
    await store.observations.replaceFindings(at.clusterId, findings);
    await expect(at.call({ verb: 'repair', executionArn: anExecution() })).rejects.toMatchObject({
      name: 'Superseded',
    });
    expect(world.machine(stray)).toBeDefined();
  });

  it('ends the same wherever it is cut', { timeout: crashTimeoutMs }, async () => {
    await atEveryCrashPoint(async (points) => {
      const { at, world, providerId, stray, findings } = await broken(points);
      await store.observations.replaceFindings(at.clusterId, findings);
      return {
        run: () => at.until({ verb: 'repair' }),
        check: async () => {
          // A deletion that began before the cut ends by itself.
          at.clock.advance(5);
          expect(world.machine(providerId)?.tags?.nodeId).toBe((await at.node()).id);
          expect([world.machine(stray), world.spares()]).toEqual([undefined, []]);
        },
      };
    });
  });
});

describe('a control plane’s attempt that ends', () => {
  it('asks those that serve to forget it, one after the other', async () => {
    const failure = { reason: 'kubeadm join failed' };
    const at = await scene({
      node: { role: 'control-plane' },
      cluster: { initialisedAt: exampleTime },
    });
    await store.nodes.materialise(
      aNode({
        clusterId: at.clusterId,
        number: 2,
        role: 'control-plane',
        phase: 'ready',
        joinedAt: exampleTime,
        lastSeenAt: exampleTime,
      }),
    );
    await at.until({ verb: 'createMachine' });
    await store.nodes.admit(at.clusterId, 1, { attempt: 1, sessionHash: 'x', now: exampleTime });
    await store.nodes.recordFailure(at.clusterId, 1, { attempt: 1, failure });
    await store.clusters.askToForget(at.clusterId, { number: 9, attempt: 1 }, exampleTime);
    for (let poll = 0; poll < 5; poll += 1) {
      at.clock.advance(5);
      expect(await at.call({ verb: 'abandonAttempt' })).toMatchObject({ done: false });
    }
    await store.clusters.doneForgetting(at.clusterId, { number: 9, attempt: 1 });
    expect(await at.until({ verb: 'abandonAttempt' })).toMatchObject({ next: 'retry' });
    expect((await store.clusters.get(at.clusterId))?.forgetting).toMatchObject({ number: 1, attempt: 1 });
  });
});
