import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster, Restore } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { labelsOnceJoined } from '../../shared/planning/node-labels.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint } from '../../test/builders/crash.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
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
    newId: randomUUID,
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

  it('tells once what is found, and once that it is mended', async () => {
    const at = await scene({ clouds, provisionedGeneration: 1, status: 'ready', readyAt: exampleTime });
    await network(at.id);
    const message = 'tcp 22 was added by hand';
    const look = async (flaws: readonly { of: 'network'; subject: string; message: string }[]) => {
      const resources = [{ kind: 'vpc', id: 'v', name: '' }];
      const seen = { clusterId: at.id, machines: [], resources, strangers: [], flaws };
      await store.observations.put('aws', seen, at.clock.now());
      await at.run();
    };
    const told = () => at.bus.said.filter(({ event }) => event.startsWith('Finding'));
    const finding = { clusterId: at.id, kind: 'network-changed', message: `aws: ${message}` };
    await look([{ of: 'network', subject: 'tcp:22', message }]);
    await look([{ of: 'network', subject: 'tcp:22', message }]);
    expect(told()).toEqual([{ event: 'FindingOpened', detail: { ...finding, remedy: 'it is put right' } }]);
    at.clock.advance(30);
    await store.parts.recordMended(at.id, 'aws', { from: at.clock.now(), at: at.clock.now() });
    at.bus.clear();
    at.clock.advance(30);
    await look([]);
    await look([]);
    expect(told()).toEqual([{ event: 'FindingClosed', detail: { ...finding, how: 'mended' } }]);
  });

  it('strikes a node that is gone off the mesh, unless the mesh has moved meanwhile', async () => {
    const at = await scene({ clouds, provisionedGeneration: 1, status: 'ready', readyAt: exampleTime });
    await network(at.id);
    const gone = aNode({ clusterId: at.id, number: 2, phase: 'deleted', desired: 'absent' });
    await store.nodes.materialise(gone);
    const member = {
      number: 2,
      role: 'worker',
      cloud: 'aws',
      overlayAddress: '10.4.0.2',
      publicKey: 'key',
      publicAddress: '203.0.113.2',
      privateAddress: '10.10.0.2',
      sinceVersion: 1,
    } as const;
    await store.mesh.replace(at.id, { versionRead: 0, members: [member], now: exampleTime });
    await at.run();
    expect(await store.mesh.get(at.id)).toMatchObject({ version: 2, members: [] });
    expect(at.bus.said).toContainEqual({
      event: 'FindingOpened',
      detail: {
        clusterId: at.id,
        number: 2,
        kind: 'mesh-changed',
        message: 'the mesh still leads to node 2, which is gone',
        remedy: 'it is put right',
      },
    });
    await at.run();
    expect((await store.mesh.get(at.id)).version).toBe(2);
    expect(at.bus.names()).toContain('FindingClosed');
  });

  it('replaces a lost node: planned first, then let go, each once', async () => {
    const at = await scene({
      clouds,
      provisionedGeneration: 1,
      status: 'ready',
      readyAt: exampleTime,
      nextNumber: 3,
    });
    await network(at.id);
    const serves = { phase: 'ready', attempt: 1, joinedAt: exampleTime, readyAt: exampleTime } as const;
    for (const number of [1, 2])
      await store.nodes.materialise(
        aNode({
          clusterId: at.id,
          number,
          role: number === 1 ? 'control-plane' : 'worker',
          lastSeenAt: plusSeconds(exampleTime, 600),
          ...serves,
          providerId: `i-${number}`,
        }),
      );
    const [kept, lost] = await store.nodes.list(at.id);
    const look = async () => {
      const machines = [
        {
          providerId: 'i-1',
          name: '',
          nodeId: kept?.id ?? '',
          state: 'running',
          createdAt: exampleTime,
        } as const,
      ];
      const resources = [{ kind: 'vpc', id: 'v', name: '' }];
      await store.observations.put(
        'aws',
        { clusterId: at.id, machines, resources, strangers: [] },
        at.clock.now(),
      );
      await at.run();
    };
    await look();
    expect((await at.cluster())?.pendingPlan).toBeUndefined();
    expect(await store.observations.findings(at.id)).toMatchObject([
      { kind: 'machine-missing', subject: 'node 2' },
    ]);
    at.clock.advance(30);
    await look();
    const reason = 'its machine is gone';
    expect(at.bus.said).toEqual([
      {
        event: 'FindingOpened',
        detail: {
          clusterId: at.id,
          number: 2,
          kind: 'machine-missing',
          message: `node 2 in aws: ${reason}`,
          remedy: 'it is replaced',
        },
      },
      { event: 'ClusterDegraded', detail: expect.anything() as unknown },
      {
        event: 'NodeRetirementRequested',
        detail: { clusterId: at.id, number: 2, reason: `node 2: ${reason}` },
      },
      { event: 'NodesPlanned', detail: { clusterId: at.id, reason: `node 2: ${reason}` } },
    ]);
    expect((await at.cluster())?.pendingPlan).toMatchObject({
      nodes: [{ number: 3, role: 'worker', replaces: lost?.id }],
      reason: 'node 2: its machine is gone',
    });
    expect(await store.nodes.get(at.id, 2)).toMatchObject({ desired: 'absent', lostAt: at.clock.now() });
    at.clock.advance(30);
    await look();
    expect((await at.cluster())?.generation).toBe(2);
  });

  it('lets a lost node go whose successor was planned before it was cut short', async () => {
    const at = await scene({ clouds, provisionedGeneration: 1, status: 'ready', readyAt: exampleTime });
    await network(at.id);
    const lost = aNode({
      clusterId: at.id,
      number: 2,
      phase: 'ready',
      attempt: 1,
      providerId: 'i-2',
      readyAt: exampleTime,
    });
    await store.nodes.materialise(lost);
    await store.nodes.materialise(
      aNode({ clusterId: at.id, number: 3, replaces: lost.id, createdAt: at.clock.now() }),
    );
    for (let look = 1; look <= 2; look += 1) {
      const seen = {
        clusterId: at.id,
        machines: [],
        resources: [{ kind: 'vpc', id: 'v', name: '' }],
        strangers: [],
      };
      await store.observations.put('aws', seen, at.clock.now());
      await at.run();
      at.clock.advance(30);
    }
    expect((await store.nodes.get(at.id, 2))?.desired).toBe('absent');
    expect((await at.cluster())?.pendingPlan).toBeUndefined();
  });
});

describe('a cluster that is restored', () => {
  const restore: Restore = {
    id: 'asked',
    snapshot: '20261123T034500Z',
    requestedAt: exampleTime,
    requestedBy: 'ada',
    number: 7,
  };
  const restored = { ...restore, attempt: 1, restoredAt: exampleTime };
  const controlPlane = (clusterId: string, number: number, given: Partial<Node> = {}) =>
    store.nodes.materialise(
      aNode({
        clusterId,
        number,
        role: 'control-plane',
        attempt: 1,
        phase: 'ready',
        joinedAt: exampleTime,
        readyAt: exampleTime,
        lastSeenAt: plusSeconds(exampleTime, 600),
        providerId: `i-${number}`,
        ...given,
      }),
    );
  const restoring = (given: Partial<Restore> = restore) =>
    scene({
      clouds,
      status: 'restoring',
      readyAt: exampleTime,
      generation: 2,
      provisionedGeneration: 2,
      nextNumber: 8,
      restore: { ...restore, ...given },
    });

  it('lets go of every control plane of before, and of no other', async () => {
    const at = await restoring();
    await network(at.id);
    for (const number of [1, 2, 7])
      await controlPlane(at.id, number, { phase: number === 7 ? 'booting' : 'ready' });
    await at.run();
    expect((await store.nodes.list(at.id)).map(({ number, desired }) => [number, desired])).toEqual([
      [1, 'absent'],
      [2, 'absent'],
      [7, 'present'],
    ]);
    expect(at.bus.said).toEqual(
      [1, 2].map((number) => ({
        event: 'NodeRetirementRequested',
        detail: {
          clusterId: at.id,
          number,
          reason: 'the cluster is restored from snapshot 20261123T034500Z, and two etcds must never serve it',
        },
      })),
    );
  });

  it('has the control planes that are missing planned once, wherever it is cut', async () => {
    const followers = [{ offering: anOffering(), shape: 'medium' as const }, { offering: anOffering() }];
    const calls = await atEveryCrashPoint(async (points) => {
      const cluster = aCluster({
        clouds,
        status: 'restoring',
        readyAt: exampleTime,
        provisionedGeneration: 1,
        nextNumber: 8,
        restore: { ...restored, followers },
      });
      await store.clusters.create(cluster);
      await network(cluster.id);
      await controlPlane(cluster.id, 7);
      const bus = recordingBus('overcast.reconcile-cluster');
      const run = reconcileCluster({
        store: points.wrap(store),
        bus: points.wrap(bus),
        states: testStates(),
        clock: testClock(plusSeconds(exampleTime, 600)),
        random: () => 0.5,
        newId: randomUUID,
        log: silentLog,
      });
      return {
        run: () => run({ clusterId: cluster.id }),
        check: async () => {
          expect(await store.clusters.get(cluster.id)).toMatchObject({
            generation: 2,
            nextNumber: 10,
            pendingPlan: {
              nodes: [
                { number: 8, role: 'control-plane', shape: 'medium' },
                { number: 9, role: 'control-plane' },
              ],
            },
            restore: restored,
          });
          expect(bus.names()).toContain('NodesPlanned');
        },
      };
    });
    expect(calls).toBeGreaterThan(8);
  });

  it('is ready, and its restore is over, once they are all there', async () => {
    const at = await restoring(restored);
    await network(at.id);
    await controlPlane(at.id, 7);
    await at.run();
    await at.run();
    expect(await at.cluster()).toMatchObject({
      status: 'ready',
      restore: { ...restored, finishedAt: at.clock.now() },
    });
    expect(at.bus.names()).toEqual(['ClusterReady']);
  });

  it('has failed when its control plane was given up, says so once, and keeps why', async () => {
    const at = await restoring({ attempt: 3 });
    await network(at.id);
    await controlPlane(at.id, 7, {
      phase: 'failed',
      failure: { reason: 'kubeadm restore failed with exit code 1', log: 'sha256' },
    });
    await at.run();
    await at.run();
    const reason = 'control plane 7: kubeadm restore failed with exit code 1';
    expect(await at.cluster()).toMatchObject({
      status: 'failed',
      statusReason: `the restore from snapshot 20261123T034500Z failed: ${reason}`,
      restore: { failure: { at: at.clock.now(), reason } },
    });
    expect(at.bus.names()).toEqual(['ClusterFailed']);
  });
});

describe('policies', () => {
  it('buy what they want, in one plan, whoever looks at the same time', async () => {
    const at = await scene({
      clouds,
      provisionedGeneration: 1,
      status: 'ready',
      readyAt: exampleTime,
      nextNumber: 7,
      policies: { unschedulablePods: {} },
    });
    await network(at.id);
    const waiting = ['a', 'b', 'c'].map((name) => ({
      name,
      namespace: 'default',
      requests: { cpuMillis: 1000, memoryBytes: 2 ** 30 },
    }));
    const sighting = { clusterId: at.id, at: at.clock.now() };
    await store.workloads.put({ ...sighting, workload: { nodes: [], waiting, heldUp: [], daemonSets: [] } });
    await Promise.all([at.run(), at.run(), at.run()]);
    const { pendingPlan, generation } = (await at.cluster()) ?? {};
    expect(generation).toBe(2);
    expect(pendingPlan?.reason).toBe('3 pods wait for room');
    expect(pendingPlan?.nodes[0]).toMatchObject({
      number: 7,
      role: 'worker',
      boughtFor: 'unschedulable-pods',
      offering: { cloud: 'aws', lifecycle: 'on-demand' },
    });
    const reason = '3 pods wait for room';
    expect(at.bus.said).toContainEqual({ event: 'NodesPlanned', detail: { clusterId: at.id, reason } });
  });

  it('let go what consolidation does without, marked and with its reason, wherever it is cut', async () => {
    const calls = await atEveryCrashPoint(async (points) => {
      const now = plusSeconds(exampleTime, 7200);
      // A minute passes before each look: what was not said by then is said again.
      const clock = testClock(plusSeconds(now, -60));
      const cluster = aCluster({
        clouds,
        provisionedGeneration: 1,
        status: 'ready',
        readyAt: exampleTime,
        nextNumber: 4,
        policies: { consolidation: { minSavingPercent: 10, nodesPerHourMax: 1 } },
      });
      const { id } = cluster;
      await store.clusters.create(cluster);
      await network(id);
      const serves = { phase: 'ready', attempt: 1, joinedAt: exampleTime, readyAt: exampleTime } as const;
      const nodes = [1, 2, 3].map((number) =>
        aNode({
          clusterId: id,
          number,
          role: number === 1 ? 'control-plane' : 'worker',
          ...serves,
          lastSeenAt: now,
        }),
      );
      for (const node of nodes) await store.nodes.materialise(node);
      const resources = [{ kind: 'vpc', id: 'v', name: '' }];
      await store.observations.put('aws', { clusterId: id, machines: [], resources, strangers: [] }, now);
      const workload = {
        nodes: nodes.map(({ number, offering }) => ({
          name: `four-clouds-${number}`,
          labels: labelsOnceJoined(offering),
          taints: [],
          allocatable: { cpuMillis: 3900, memoryBytes: 7 * 2 ** 30, pods: 110 },
          isReady: true,
          pods: [{ name: `web-${number}`, namespace: 'default', requests: { cpuMillis: 9, memoryBytes: 9 } }],
        })),
        waiting: [],
        heldUp: [],
        daemonSets: [],
        budgets: [],
      };
      await store.workloads.put({ clusterId: id, at: now, workload });
      const bus = recordingBus('overcast.reconcile-cluster');
      const run = reconcileCluster({
        store: points.wrap(store),
        bus: points.wrap(bus),
        states: testStates(),
        clock,
        random: () => 0.5,
        newId: randomUUID,
        log: silentLog,
      });
      return {
        run: () => {
          clock.advance(61);
          return run({ clusterId: id });
        },
        check: async () => {
          const going = (await store.nodes.list(id)).filter(({ desired }) => desired === 'absent');
          expect(going).toMatchObject([{ number: 2, consolidatedAt: expect.any(String) as string }]);
          const said = bus.said.filter(({ event }) => event === 'NodeRetirementRequested');
          expect(said.length).toBeGreaterThan(0);
          for (const { detail } of said) expect(detail).toMatchObject({ clusterId: id, number: 2 });
        },
      };
    });
    expect(calls).toBeGreaterThan(8);
  });
});
