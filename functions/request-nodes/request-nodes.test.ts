import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { PlannedNode } from '../../shared/domain/node.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint } from '../../test/builders/crash.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { requestNodes } from './request-nodes.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

const planned = (number: number, cloud: CloudName): PlannedNode => ({
  id: aCluster().id,
  number,
  role: 'worker',
  offering: anOffering({ cloud }),
});
const plan = (...nodes: PlannedNode[]) => ({ id: 'plan-1', nodes, reason: 'asked for' });
const all = [planned(1, 'aws'), planned(2, 'gcp'), planned(3, 'aws')];

async function cluster(given: Partial<Cluster>, standing: readonly CloudName[]): Promise<string> {
  const item = aCluster(given);
  await store.clusters.create(item);
  for (const cloud of standing) {
    await store.parts.recordNetwork(item.id, {
      cloud,
      location: { region: 'r', zone: 'z' },
      range: '10.0.0.0/16',
      subnetRange: '10.0.0.0/24',
      parts: {},
    });
  }
  return item.id;
}
const behaviour = (bus: RecordingBus, from: Store = store) =>
  requestNodes({ store: from, bus, clock: testClock(), log: silentLog });

describe('request-nodes', () => {
  it('makes items of the plan, clears it, and asks where the network stands', async () => {
    const bus = recordingBus('overcast.request-nodes');
    const clusterId = await cluster({ pendingPlan: plan(...all) }, ['aws']);
    expect(await behaviour(bus)({ clusterId, executionArn: anExecution() })).toEqual({ requested: [1, 3] });
    expect((await store.clusters.get(clusterId))?.pendingPlan).toBeUndefined();
    expect(await store.nodes.list(clusterId)).toMatchObject([
      { number: 1, phase: 'planned', desired: 'present', attempt: 0, accountId: 'main', cloud: 'aws' },
      { number: 2, cloud: 'gcp', overlayAddress: '10.4.0.2' },
      { number: 3 },
    ]);
    expect(bus.said).toEqual(
      [1, 3].map((number) => ({ event: 'NodeRequested', detail: { clusterId, number } })),
    );
  });

  it('asks for one cloud’s nodes only, when that is meant', async () => {
    const bus = recordingBus('overcast.request-nodes');
    const clusterId = await cluster({ pendingPlan: plan(...all) }, ['aws', 'gcp']);
    expect(await behaviour(bus)({ clusterId, cloud: 'gcp' })).toEqual({ requested: [2] });
    expect(await store.nodes.list(clusterId)).toHaveLength(3);
  });

  it('asks for no node that is under way, goes, or is there', async () => {
    const bus = recordingBus('overcast.request-nodes');
    const clusterId = await cluster({}, ['aws']);
    const operation = { executionArn: anExecution(), kind: 'ProvisionNode', startedAt: exampleTime } as const;
    await store.nodes.materialise(aNode({ clusterId, number: 1, operation }));
    await store.nodes.materialise(aNode({ clusterId, number: 2, desired: 'absent' }));
    await store.nodes.materialise(aNode({ clusterId, number: 3, phase: 'ready' }));
    expect(await behaviour(bus)({ clusterId })).toEqual({ requested: [] });
  });

  it.each([
    ['that goes', { desired: 'absent' as const }],
    ['that nobody knows', undefined],
  ])('does nothing for a cluster %s', async (_, given) => {
    const bus = recordingBus('overcast.request-nodes');
    const clusterId =
      given === undefined ? aCluster().id : await cluster({ ...given, pendingPlan: plan(...all) }, ['aws']);
    expect(await behaviour(bus)({ clusterId })).toEqual({ requested: [] });
    expect(await store.nodes.list(clusterId)).toEqual([]);
  });

  it('ends the same wherever it is cut', { timeout: 120_000 }, async () => {
    await atEveryCrashPoint(async (points) => {
      const bus = recordingBus('overcast.request-nodes');
      const clusterId = await cluster({ pendingPlan: plan(...all) }, ['aws']);
      const run = behaviour(points.wrap(bus), points.wrap(store));
      return {
        run: () => run({ clusterId }),
        check: async () => {
          expect((await store.nodes.list(clusterId)).map(({ id }) => id)).toEqual(all.map(({ id }) => id));
          expect((await store.clusters.get(clusterId))?.pendingPlan).toBeUndefined();
          expect(bus.said.length).toBeGreaterThanOrEqual(2);
        },
      };
    });
  });
});
