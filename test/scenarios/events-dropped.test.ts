import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setTimeout as delay } from 'node:timers/promises';
import { startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';

const name = 'by-ticks';
/** Longer than the reconciler believes that an event may still be on its way. */
const secondsBetweenTicks = 61;

/**
 * Every event is accepted and lost, Step Functions' own too, but for the reconciler's: those are what a tick does.
 * Minutes pass in the table and not on the wall.
 */
describe('with every event lost', { timeout: 90_000 }, () => {
  let platform: TestPlatform;
  const lost = new Map<string, number>();
  beforeAll(async () => {
    platform = await startTestPlatform({ waitSeconds: 5 });
    platform.aws.dropEvents(({ source, 'detail-type': event }) => {
      if (source === 'overcast.reconcile-cluster') return false;
      lost.set(event, (lost.get(event) ?? 0) + 1);
      return true;
    });
  });
  afterAll(() => platform.close());

  /** Ticks until it is so, once a second, each a minute after the last. */
  async function tickUntil(id: string, isDone: () => Promise<boolean>, ticksMax = 60): Promise<number> {
    for (let ticks = 1; ticks <= ticksMax; ticks += 1) {
      await platform.tickAfter(id, secondsBetweenTicks);
      await delay(1000);
      if (await isDone()) return ticks;
    }
    throw new Error(
      `not after ${ticksMax} ticks: ${JSON.stringify(await platform.api.getCluster(id), undefined, 1)}`,
    );
  }

  it('becomes ready by ticks alone', async () => {
    const { id } = await platform.apply(name);
    await tickUntil(id, async () => (await platform.api.getCluster(id)).status === 'ready');
    const cluster = await platform.api.getCluster(id);
    expect(cluster.nodes.map(({ phase }) => phase)).toEqual(cluster.nodes.map(() => 'ready'));
    expect(platform.machines()).toHaveLength(6);
    expect((await platform.store.mesh.get(id)).members).toHaveLength(6);
    for (const event of ['ClusterRequested', 'NodeJoined', 'NodeReady', 'OperationSettled'])
      expect(lost.get(event), event).toBeGreaterThan(0);
  });

  it('takes a node more by ticks alone', async () => {
    await platform.api.addNodes(name, { cloud: 'gcp', shape: 'small', count: 1 });
    const { id } = await platform.api.getCluster(name);
    await tickUntil(id, async () =>
      (await platform.api.listNodes(id)).some(({ number, phase }) => number === 7 && phase === 'ready'),
    );
    expect(platform.machines()).toHaveLength(7);
  });

  it('goes by ticks alone', async () => {
    const { id } = await platform.api.deleteCluster(name);
    await tickUntil(id, async () => (await platform.api.getCluster(id)).status === 'deleted');
    expect(platform.resources()).toEqual([]);
  });
});
