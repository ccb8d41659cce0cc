import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPlatform, type TestPlatform } from '../builders/local-platform.ts';
import { loseEvents } from '../builders/lossy-bus.ts';
import { life, type LifeStep } from './life.ts';

const name = 'by-ticks';

/**
 * The main job once more, on ticks alone: lossy-bus.ts says what is lost, the reconciler's own events too. Minutes pass in
 * the table and not on the wall. What befalls a cluster in its life has a file of its own beside this one.
 */
describe('with every event lost', { timeout: 120_000 }, () => {
  let platform: TestPlatform;
  const bus = loseEvents();
  beforeAll(async () => {
    platform = await startTestPlatform({ waitSeconds: 5 });
    platform.aws.dropEvents(bus.filter);
  });
  afterAll(() => platform.close());

  let id: string | undefined;
  it.each<LifeStep>(Object.values(life))('$title, by ticks alone', async ({ act, isDone, check }) => {
    const at = { platform, name };
    await act(at);
    id ??= (await platform.api.getCluster(name)).id;
    await check(at, await platform.tickUntil(id, isDone));
  });

  it('has lost the events of all that, and been started by nothing but what was said again', () => {
    for (const event of [
      'ClusterRequested',
      'NodesPlanned',
      'NodeRequested',
      'NodeJoined',
      'NodeReady',
      'NodeRetirementRequested',
      'DriftFound',
      'ClusterReady',
      'ClusterDeletionRequested',
      'OperationSettled',
    ])
      expect(bus.lost.get(event), event).toBeGreaterThan(0);
    expect([...bus.carried.keys()].toSorted()).toEqual([
      'ClusterDeletionRequested',
      'DriftFound',
      'NodeRequested',
      'NodeRetirementRequested',
      'NodesPlanned',
    ]);
  });
});
