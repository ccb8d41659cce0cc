import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock, testStates } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { reconcileCluster } from './reconcile-cluster.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

async function scene(given: Partial<Cluster> = {}, running: readonly string[] = []) {
  const cluster = aCluster(given);
  await store.clusters.create(cluster);
  const bus = recordingBus('overcast.reconcile-cluster');
  const clock = testClock(plusSeconds(exampleTime, 600));
  const run = reconcileCluster({
    store,
    bus,
    states: testStates(running),
    clock,
    random: () => 0.5,
    log: silentLog,
  });
  return {
    id: cluster.id,
    bus,
    clock,
    run: (body: unknown = { clusterId: cluster.id }) => run(body),
    cluster: () => store.clusters.get(cluster.id),
  };
}

const clouds = [{ cloud: 'aws', accountId: 'main' }] as const;
const network = (clusterId: string) =>
  store.parts.recordNetwork(clusterId, {
    cloud: 'aws',
    location: { region: 'us-east-1', zone: 'us-east-1a' },
    range: '10.10.0.0/16',
    subnetRange: '10.10.0.0/24',
    parts: {},
  });

const operation = (executionArn: string) => ({
  executionArn,
  kind: 'ProvisionNode' as const,
  startedAt: exampleTime,
});

describe('reconcile-cluster carries out what is decided', () => {
  it('says a drift once, and again only after its backoff', async () => {
    const at = await scene({ clouds });
    await at.run();
    await at.run();
    expect(at.bus.names()).toEqual(['DriftFound']);
    at.clock.advance(61);
    await at.run();
    expect(at.bus.names()).toEqual(['DriftFound', 'DriftFound']);
  });

  it('writes a status before it says it, and says it once', async () => {
    const at = await scene({ clouds, generation: 1, provisionedGeneration: 1 });
    await network(at.id);
    await store.nodes.materialise(
      aNode({ clusterId: at.id, phase: 'ready', readyAt: exampleTime, lastSeenAt: exampleTime }),
    );
    await at.run();
    await at.run();
    expect(await at.cluster()).toMatchObject({ status: 'ready', readyAt: at.clock.now() });
    expect(at.bus.names()).toEqual(['ClusterReady']);
  });

  it('asks again for nodes that nobody builds or retires', async () => {
    const at = await scene({ clouds, provisionedGeneration: 1 });
    await network(at.id);
    await store.nodes.materialise(aNode({ clusterId: at.id, number: 1 }));
    await store.nodes.materialise(aNode({ clusterId: at.id, number: 2, phase: 'ready', desired: 'absent' }));
    await at.run();
    expect(at.bus.said).toEqual([
      { event: 'NodeRequested', detail: { clusterId: at.id, number: 1 } },
      { event: 'NodeRetirementRequested', detail: { clusterId: at.id, number: 2 } },
    ]);
  });

  it('releases owners that are dead, and leaves the living alone', async () => {
    const [dead, alive] = [anExecution(), anExecution()];
    const at = await scene({ clouds, operation: { ...operation(dead), kind: 'ProvisionCluster' } }, [alive]);
    await store.nodes.materialise(aNode({ clusterId: at.id, number: 1, operation: operation(dead) }));
    await store.nodes.materialise(aNode({ clusterId: at.id, number: 2, operation: operation(alive) }));
    await at.run();
    const nodes = await store.nodes.list(at.id);
    expect((await at.cluster())?.operation).toBeUndefined();
    expect(nodes.map((node) => node.operation?.executionArn)).toEqual([undefined, alive]);
    // Due at once, and not put off by this very decision.
    expect((await at.cluster())?.dueAt).toBe(at.clock.now());
  });

  it('says when to look again', async () => {
    const at = await scene({ clouds });
    await at.run();
    expect((await at.cluster())?.dueAt).toBe(plusSeconds(at.clock.now(), 15));
  });

  it('takes whole events, and nothing for a cluster that is gone', async () => {
    const at = await scene({ clouds });
    await at.run({ 'detail-type': 'OperationSettled', detail: { clusterId: at.id, kind: 'RetireNode' } });
    expect(at.bus.names()).toEqual(['DriftFound']);
    await at.run({ clusterId: aCluster().id });
    await expect(at.run({ nothing: true })).rejects.toMatchObject({ name: 'InvalidPayload' });
  });
});
