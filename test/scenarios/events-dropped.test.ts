import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ClusterDetails } from '../../shared/domain/api-types.ts';
import { clusterText } from '../../cli/output.ts';
import { startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';
import { life, type LifeStep } from './life.ts';

const name = 'by-ticks';
/** Longer than the reconciler believes that an event may still be on its way. */
const secondsBetweenTicks = 61;
/** Between two ticks on the wall: what the first one set in motion gets so far. */
const lookMilliseconds = 100;
const looksPerTick = 10;
const ticksMax = 60;

/**
 * The main job once more. Every event is accepted and lost, Step Functions' own too, but for the reconciler's: those are
 * what a tick does. Minutes pass in the table and not on the wall.
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

  async function tickUntil(id: string, isDone: LifeStep['isDone']): Promise<ClusterDetails> {
    let cluster = await platform.api.getCluster(id);
    for (let ticks = 1; ticks <= ticksMax; ticks += 1) {
      await platform.tickAfter(id, secondsBetweenTicks);
      for (let looks = 1; looks <= looksPerTick; looks += 1) {
        cluster = await platform.api.getCluster(id);
        if (isDone(cluster)) return cluster;
        await delay(lookMilliseconds);
      }
    }
    throw new Error(`not after ${ticksMax} ticks:\n${clusterText(cluster, Date.now())}`);
  }

  let id: string | undefined;
  it.each<LifeStep>(Object.values(life))('$title, by ticks alone', async ({ act, isDone, check }) => {
    const at = { platform, name };
    await act(at);
    id ??= (await platform.api.getCluster(name)).id;
    await check(at, await tickUntil(id, isDone));
  });

  it('has lost the events of all that', () => {
    for (const event of [
      'ClusterRequested',
      'NodesPlanned',
      'NodeRequested',
      'NodeJoined',
      'NodeReady',
      'NodeRetirementRequested',
      'ClusterDeletionRequested',
      'OperationSettled',
    ])
      expect(lost.get(event), event).toBeGreaterThan(0);
  });
});
