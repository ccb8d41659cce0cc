import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloudNames } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { onSpotInterruption } from './on-spot-interruption.ts';

let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
});
afterAll(() => table.close());

const offering = anOffering({ instanceType: 'c7i.xlarge', lifecycle: 'spot' });

async function scene(given: { cluster?: Partial<Cluster>; node?: Partial<Node>; numbers?: number[] } = {}) {
  const { store } = table;
  const cluster = aCluster({ nextNumber: 20, ...given.cluster });
  await store.clusters.create(cluster);
  for (const cloud of cloudNames)
    await store.parts.recordNetwork(cluster.id, {
      cloud,
      location: locationOf('us-east', cloud),
      range: '',
      subnetRange: '',
      parts: {},
    });
  for (const number of given.numbers ?? [7])
    await store.nodes.materialise(
      aNode({
        clusterId: cluster.id,
        number,
        id: `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
        attempt: 1,
        phase: 'ready',
        offering,
        createRequest: {
          attempt: 1,
          offering,
          kubernetesVersion: '1.36',
          tokenExpiresAt: 0,
          requestedAt: exampleTime,
        },
        ...given.node,
      }),
    );
  const bus = recordingBus('overcast.replace-interrupted-node');
  const clock = testClock();
  const pauses: number[] = [];
  let onPause: () => Promise<unknown> = async () => undefined;
  const react = onSpotInterruption({
    store,
    bus,
    clock,
    newId: randomUUID,
    log: silentLog,
    pause: async (milliseconds) => {
      pauses.push(milliseconds);
      await onPause();
    },
  });
  return {
    bus,
    clock,
    pauses,
    id: cluster.id,
    whilePausing: (act: () => Promise<unknown>) => {
      onPause = act;
    },
    interrupt: (number = 7, attempt = 1, kind: 'terminate' | 'rebalance' = 'terminate') =>
      react({ clusterId: cluster.id, number, attempt, kind }),
    cluster: () => store.clusters.get(cluster.id),
    node: (number: number) => store.nodes.get(cluster.id, number),
    plannedFor: async () =>
      (await store.clusters.get(cluster.id))?.pendingPlan?.nodes.map(({ replaces }) =>
        Number(replaces?.slice(-12)),
      ),
  };
}

describe('a node that its cloud takes back', () => {
  it('has another planned in its place, of another offering, while it still stands', async () => {
    const at = await scene();
    await at.interrupt();
    const cluster = await at.cluster();
    expect(cluster).toMatchObject({ generation: 2, nextNumber: 21, dueAt: at.clock.now() });
    expect(cluster?.pendingPlan?.nodes).toMatchObject([
      {
        number: 20,
        role: 'worker',
        offering: { cloud: 'aws', lifecycle: 'spot', instanceType: 'c6a.xlarge' },
      },
    ]);
    expect(await at.plannedFor()).toEqual([7]);
    expect(await at.node(7)).toMatchObject({ desired: 'present', interruption: 'terminate' });
    const reason = 'taken back by their clouds: node 7';
    expect(at.bus.said).toEqual([{ event: 'NodesPlanned', detail: { clusterId: at.id, reason } }]);
  });

  it('leaves its offering to cool off', async () => {
    const at = await scene();
    await at.interrupt();
    const until = plusSeconds(at.clock.now(), 15 * 60);
    expect(await table.store.coolOffs.list('aws', 'us-east-1', at.clock.now())).toContainEqual(
      expect.objectContaining({
        instanceType: 'c7i.xlarge',
        lifecycle: 'spot',
        until,
        reason: 'Interrupted: node 7',
      }),
    );
  });

  it('is planned for once, however often it is said, by however many at once', async () => {
    const at = await scene();
    await Promise.all([at.interrupt(), at.interrupt(), at.interrupt()]);
    await at.interrupt();
    expect((await at.cluster())?.generation).toBe(2);
  });

  it('is planned for together with the others that are taken back', async () => {
    const at = await scene({ numbers: [7, 8, 9] });
    for (const number of [8, 9])
      await table.store.nodes.noteInterruption(at.id, number, { attempt: 1, kind: 'terminate' });
    await at.interrupt(7);
    expect(await at.plannedFor()).toEqual([7, 8, 9]);
    const types = (await at.cluster())?.pendingPlan?.nodes.map(({ offering }) => offering.instanceType);
    expect(new Set(types).size).toBe(2);
  });

  it('waits for another plan to be carried out, and asks for that once more', async () => {
    const at = await scene({ cluster: { pendingPlan: { id: 'other', nodes: [], reason: 'by hand' } } });
    at.whilePausing(() => table.store.clusters.clearPlan(at.id, 'other'));
    await at.interrupt();
    expect(await at.plannedFor()).toEqual([7]);
    expect(at.pauses).toEqual([100]);
    expect(at.bus.names()).toEqual(['NodesPlanned', 'NodesPlanned']);
  });

  it('leaves it to the reconciler when a plan stays in the way', async () => {
    const at = await scene({
      cluster: {
        pendingPlan: { id: 'other', nodes: [], reason: 'by hand' },
        dueAt: plusSeconds(exampleTime, 300),
      },
    });
    await at.interrupt();
    expect(await at.cluster()).toMatchObject({ pendingPlan: { id: 'other' }, dueAt: at.clock.now() });
    expect((await at.node(7))?.interruption).toBe('terminate');
    expect(at.bus.names()).toEqual(['NodesPlanned']);
  });

  it.each<[string, Parameters<typeof scene>[0], [number, number, ('terminate' | 'rebalance')?]]>([
    ['a warning that it may be', {}, [7, 1, 'rebalance']],
    ['its machine before', { node: { attempt: 2 } }, [7, 1]],
    ['one that is to go', { node: { desired: 'absent' } }, [7, 1]],
    ['a control plane', { node: { role: 'control-plane' } }, [7, 1]],
    ['nobody that is known', {}, [8, 1]],
    ['one of a cluster that is to go', { cluster: { deletionRequestedAt: exampleTime } }, [7, 1]],
  ])('plans nothing for %s', async (_, given, said) => {
    const at = await scene(given);
    await at.interrupt(...said);
    expect(await at.cluster()).toMatchObject({ generation: 1 });
    expect(at.bus.said).toEqual([]);
  });
});
