import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { recordingQueue, silentLog, testClock, type RecordingQueue } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { onReconcileTick } from './on-reconcile-tick.ts';

let table: TestStore;
beforeEach(async () => {
  table = await startTestStore({ now: () => exampleTime });
});
afterEach(() => table.close());

async function cluster(given: Partial<Cluster> = {}): Promise<string> {
  const item = aCluster(given);
  await table.store.clusters.create(item);
  return item.id;
}

function scene() {
  const observeQueues = Object.fromEntries(cloudNames.map((cloud) => [cloud, recordingQueue()])) as Record<
    CloudName,
    RecordingQueue
  >;
  const [observePodsQueue, reconcileQueue] = [recordingQueue(), recordingQueue()];
  const tick = onReconcileTick({
    store: table.store,
    observeQueues,
    observePodsQueue,
    reconcileQueue,
    clock: testClock(),
    log: silentLog,
  });
  return { observeQueues, observePodsQueue, reconcileQueue, tick };
}

const main = (cloud: CloudName) => ({ cloud, accountId: 'main' });

describe('a tick', () => {
  it('sends every due cluster, one message per account and region, and advances them', async () => {
    const one = await cluster({ clouds: [main('aws'), main('gcp')] });
    const two = await cluster({ clouds: [main('aws')] });
    const three = await cluster({ clouds: [main('aws')], region: 'eu-central' });
    const later = await cluster({ dueAt: plusSeconds(exampleTime, 60) });
    const at = scene();
    await at.tick();
    const sent = at.observeQueues.aws.sent as { region: string; clusterIds: string[] }[];
    expect(sent.map(({ region, clusterIds }) => [region, clusterIds.toSorted()])).toEqual(
      expect.arrayContaining([
        ['us-east', [one, two].toSorted()],
        ['eu-central', [three]],
      ]),
    );
    expect(at.observeQueues.gcp.sent).toEqual([
      { accountId: 'main', region: 'us-east', clusterIds: [one], askedAt: exampleTime },
    ]);
    expect(at.observeQueues.digitalocean.sent).toEqual([]);
    const reconciled = at.reconcileQueue.sent.map((body) => (body as { clusterId: string }).clusterId);
    expect(reconciled.toSorted()).toEqual([one, two, three].toSorted());
    expect(reconciled).not.toContain(later);

    const again = scene();
    await again.tick();
    expect(again.reconcileQueue.sent).toEqual([]);
  });

  it('has the pods looked at of clusters whose policies need it, and of no others', async () => {
    const ready = { readyAt: exampleTime };
    const policies = { unschedulablePods: {} };
    const one = await cluster({ ...ready, policies });
    const two = await cluster({ ...ready, policies: { nodeDeletion: { emptyMinutes: 5 } } });
    await cluster({ ...ready, policies: { clusterLimits: { maxVcpus: 64 }, spot: {} } });
    await cluster({ policies });
    await cluster({ ...ready, policies, deletionRequestedAt: exampleTime });
    const at = scene();
    await at.tick();
    const sent = at.observePodsQueue.sent.map((body) => (body as { clusterId: string }).clusterId);
    expect(sent.toSorted()).toEqual([one, two].toSorted());
  });

  it('leaves them due when it is cut short, and a quicker decision as it is', async () => {
    const id = await cluster();
    const at = scene();
    at.reconcileQueue.send = async () => {
      throw new Error('the queue does not answer');
    };
    await expect(at.tick()).rejects.toThrow('does not answer');
    expect((await table.store.clusters.get(id))?.dueAt).toBe(exampleTime);

    const quick = scene();
    quick.reconcileQueue.send = async () => {
      await table.store.clusters.advanceDue(id, exampleTime, plusSeconds(exampleTime, 300));
    };
    await quick.tick();
    expect((await table.store.clusters.get(id))?.dueAt).toBe(plusSeconds(exampleTime, 300));
  });

  it('one cloud whose queue does not answer keeps nobody else from being looked at', async () => {
    const id = await cluster();
    const at = scene();
    at.observeQueues.aws.send = async () => {
      throw new Error('the queue does not answer');
    };
    await expect(at.tick()).rejects.toThrow('does not answer');
    expect(at.observeQueues.gcp.sent).toHaveLength(1);
    expect(at.reconcileQueue.sent).toEqual([{ clusterId: id }]);
  });

  it('splits an account with many clusters', async () => {
    for (let made = 0; made < 60; made += 1) await cluster({ clouds: [main('aws')] });
    const at = scene();
    await at.tick();
    const sizes = at.observeQueues.aws.sent.map(
      (body) => (body as { clusterIds: string[] }).clusterIds.length,
    );
    expect(sizes).toEqual([50, 10]);
  });
});
