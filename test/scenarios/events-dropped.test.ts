import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';
import { life, type LifeStep } from './life.ts';

const name = 'by-ticks';

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

  let id: string | undefined;
  it.each<LifeStep>(Object.values(life))('$title, by ticks alone', async ({ act, isDone, check }) => {
    const at = { platform, name };
    await act(at);
    id ??= (await platform.api.getCluster(name)).id;
    await check(at, await platform.tickUntil(id, isDone));
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
