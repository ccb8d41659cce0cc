import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createMemoryCloud, damage } from '../../shared/clouds/memory/index.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { planNetwork } from '../../shared/planning/plan-network.ts';
import { eachMessage } from '../../shared/runtime/batch.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingQueue, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { observe } from './observe.ts';

let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
});
afterAll(() => table.close());

function scene() {
  const clock = testClock();
  const cloud = createMemoryCloud({ name: 'aws', now: clock.now });
  const reconcileQueue = recordingQueue();
  const ownQueue = recordingQueue();
  const look = observe({
    cloud: 'aws',
    connect: async () => cloud,
    store: table.store,
    reconcileQueue,
    ownQueue,
    clock,
    log: silentLog,
    installationId: 'test',
  });
  /** As the tick sends them; an account of its own each time, so that no test takes another's calls. */
  const accountId = randomUUID();
  const ask = (body: { clusterIds: readonly string[]; askedAt?: string }) =>
    look({ accountId, region: 'us-east', askedAt: clock.now(), ...body });
  return { cloud, clock, reconcileQueue, ownQueue, accountId, look, ask };
}

const record = (messageId: string, body: unknown) => ({ messageId, body: JSON.stringify(body) });

describe('observe-cloud', () => {
  it('stores what it saw of each cluster, also of one that has nothing, and wakes the reconciler', async () => {
    const at = scene();
    const [one, two] = [aCluster(), aCluster()];
    await at.cloud.ensureNetwork(planNetwork({ cluster: one, cloud: 'aws', installation: 'test' }));
    const body = { clusterIds: [one.id, two.id] };
    await at.ask(body);
    await at.ask(body);
    const seen = await table.store.observations.list(one.id);
    expect(seen).toMatchObject([{ cloud: 'aws', at: exampleTime }]);
    expect(seen[0]?.observation.resources.length).toBeGreaterThan(0);
    expect((await table.store.observations.list(two.id))[0]?.observation.resources).toEqual([]);
    expect(at.reconcileQueue.sent).toContainEqual({ clusterId: two.id });
  });

  it('says what should be there of a cluster whose network stands, and stores every difference', async () => {
    const at = scene();
    const cluster = aCluster();
    const { clusters, parts, nodes, observations } = table.store;
    await clusters.create(cluster);
    const message = { clusterIds: [cluster.id] };
    const flaws = async () =>
      (await observations.list(cluster.id))[0]?.observation.flaws?.map(({ subject }) => subject);
    const look = async () => {
      at.clock.advance(60);
      await at.ask(message);
      return flaws();
    };
    const built = await at.cloud.ensureNetwork(planNetwork({ cluster, cloud: 'aws', installation: 'test' }));
    if (!built.done) throw new Error('networks are built at once');
    damage(at.cloud.world, 'remove-route', { networkId: built.value.parts['networkId'] ?? '' });
    // While it is being built only the run that builds it knows what is missing.
    expect(await look()).toEqual([]);
    await parts.recordNetwork(cluster.id, built.value);
    expect(await look()).toEqual(['route:missing']);
    const node = aNode({ clusterId: cluster.id, phase: 'ready', attempt: 1 });
    const machine = at.cloud.world.launch({
      name: `${cluster.name}-1`,
      networkId: built.value.parts['networkId'] ?? '',
      location: built.value.location,
      userData: '',
      diskGib: 50,
      offering: { instanceType: 'c6a.xlarge', lifecycle: 'on-demand', vcpus: 4 },
    });
    await nodes.materialise({ ...node, providerId: machine.providerId });
    expect(await look()).toEqual(['route:missing', 'tags', 'firewall']);
    expect((await observations.list(cluster.id))[0]?.observation.machines).toMatchObject([
      { nodeId: node.id },
    ]);
  });

  it('stores of a crowd only as many as an item can hold', async () => {
    const at = scene();
    const cluster = aCluster();
    await at.cloud.ensureNetwork(planNetwork({ cluster, cloud: 'aws', installation: 'test' }));
    const [network] = at.cloud.world.networks();
    for (let index = 0; index < 4000; index += 1)
      at.cloud.world.addStranger({ networkId: network?.id ?? '', name: `somebody-else-${'s'.repeat(60)}` });
    await at.ask({ clusterIds: [cluster.id] });
    const [seen] = await table.store.observations.list(cluster.id);
    expect(seen?.observation.strangers).toHaveLength(100);
  });

  it('gives back only the messages that failed', async () => {
    const at = scene();
    const { accountId, clock } = at;
    const good = { accountId, region: 'us-east', clusterIds: [aCluster().id], askedAt: clock.now() };
    const answer = await eachMessage(
      silentLog,
      at.look,
    )({
      Records: [record('bad', { accountId: 'main' }), record('good', good)],
    } as Parameters<ReturnType<typeof eachMessage>>[0]);
    expect(answer).toEqual({ batchItemFailures: [{ itemIdentifier: 'bad' }] });
    at.cloud.world.addFault({ effect: 'credentials' });
    await expect(at.look(good)).rejects.toMatchObject({ name: 'CredentialsRejected' });
  });

  it('puts a look off while the account’s calls are used up, and leaves one that is too old to the next tick', async () => {
    const at = scene();
    const message = { clusterIds: [aCluster().id] };
    const looks = () => at.cloud.world.calls.listMachines ?? 0;
    // Sixty calls at once, twelve a look, and twelve more each second.
    for (let look = 1; look <= 6; look += 1) await at.ask(message);
    expect(looks()).toBe(5);
    expect(at.ownQueue.sent).toMatchObject([{ accountId: at.accountId, ...message }]);
    await at.ask({ ...message, askedAt: plusSeconds(at.clock.now(), -121) });
    expect(at.ownQueue.sent).toHaveLength(1);
    at.clock.advance(1);
    await at.look(at.ownQueue.sent[0]);
    expect(looks()).toBe(6);
  });

  it('lets nobody look while the cloud has had enough', async () => {
    const at = scene();
    const message = { clusterIds: [aCluster().id] };
    // The driver itself tries some more.
    at.cloud.world.addFault({ effect: 'throttle', seconds: 20, times: at.cloud.world.retriesMax + 1 });
    await at.ask(message);
    await at.ask(message);
    expect(at.ownQueue.sent).toHaveLength(2);
    expect(at.reconcileQueue.sent).toEqual([]);
    at.clock.advance(30);
    await at.ask(message);
    expect(at.reconcileQueue.sent).toHaveLength(1);
  });
});
