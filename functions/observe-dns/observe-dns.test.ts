import { randomUUID } from 'node:crypto';
import {
  ChangeResourceRecordSetsCommand,
  DeleteHealthCheckCommand,
  ListResourceRecordSetsCommand,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { clusterNames } from '../../shared/domain/dns.ts';
import { compareDns } from '../../shared/planning/compare-dns.ts';
import { planDns } from '../../shared/planning/plan-dns.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingQueue, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestRoute53, testZone, type TestRoute53 } from '../../test/builders/route53.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { observeDns } from './observe-dns.ts';

let table: TestStore;
let at: TestRoute53;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  at = await startTestRoute53();
});
afterAll(async () => {
  await at.close();
  await table.close();
});

const queue = recordingQueue();
const clock = testClock(plusSeconds(exampleTime, 60));
const look = (time = clock) =>
  observeDns({ store: table.store, dns: at.dns, reconcileQueue: queue, clock: time, log: silentLog })();

/** A cluster of two control planes whose names are in the zone, as publishing leaves them. */
async function published() {
  const cluster = aCluster({ name: `c${randomUUID().slice(0, 8)}` });
  const { id: clusterId, name } = cluster;
  await table.store.clusters.create(cluster);
  const nodes = [1, 2].map((number) =>
    aNode({
      clusterId,
      number,
      role: 'control-plane',
      phase: 'ready',
      joinedAt: exampleTime,
      publicAddress: `203.0.113.${number}`,
    }),
  );
  const records = planDns({ cluster, nodes, parts: [], zone: testZone });
  for (const { check } of records)
    if (check !== undefined) await at.dns.createCheck(check, `${clusterId}/${check.address}`);
  const names = clusterNames(name, testZone.name);
  const { step } = compareDns({ clusterId, names, wanted: records, seen: await at.dns.look(name) });
  if (step?.kind === 'change-records') await at.dns.change(step.changes);
  await table.store.dns.recordPublished(clusterId, {
    clusterName: name,
    records,
    flaws: [],
    at: exampleTime,
  });
  return { clusterId, names, flaws: async () => (await table.store.dns.get(clusterId))?.flaws };
}

const recordsAt = async (name: string): Promise<readonly ResourceRecordSet[]> => {
  const { ResourceRecordSets = [] } = await at.client.send(
    new ListResourceRecordSetsCommand({ HostedZoneId: testZone.id }),
  );
  return ResourceRecordSets.filter(({ Name }) => Name === `${name}.`);
};
const byHand = (Action: 'UPSERT' | 'DELETE', ResourceRecordSet: ResourceRecordSet) =>
  at.client.send(
    new ChangeResourceRecordSetsCommand({
      HostedZoneId: testZone.id,
      ChangeBatch: { Changes: [{ Action, ResourceRecordSet }] },
    }),
  );

describe('a look at the zone', () => {
  it('finds nothing where all is as it was published, and wakes nobody', async () => {
    const { flaws } = await published();
    queue.sent.length = 0;
    await look();
    expect(await flaws()).toEqual([]);
    expect(queue.sent).toEqual([]);
  });

  it('tells once what was changed by hand, of the cluster whose it is, and once that it is over', async () => {
    const [one, other] = [await published(), await published()];
    const [first, second] = (await recordsAt(one.names.api)) as [ResourceRecordSet, ResourceRecordSet];
    await byHand('UPSERT', { ...first, ResourceRecords: [{ Value: '192.0.2.66' }] });
    await byHand('DELETE', second);
    queue.sent.length = 0;
    await look();
    await look();
    expect((await one.flaws())?.map(({ message }) => message)).toEqual([
      expect.stringContaining('leads to 192.0.2.66 and not to 203.0.113.1') as string,
      expect.stringContaining('node-2 is missing') as string,
    ]);
    expect(await other.flaws()).toEqual([]);
    expect(queue.sent).toEqual([{ clusterId: one.clusterId }]);
    await byHand('UPSERT', first);
    await byHand('UPSERT', second);
    await look();
    expect(await one.flaws()).toEqual([]);
    expect(queue.sent).toHaveLength(2);
  });

  it('misses a health check that was deleted by hand', async () => {
    const { flaws, clusterId } = await published();
    const { checks } = await at.dns.look();
    const own = checks.find(({ callerReference }) => callerReference.startsWith(clusterId));
    await at.client.send(new DeleteHealthCheckCommand({ HealthCheckId: own?.id }));
    await look();
    expect((await flaws())?.map(({ subject }) => subject)).toContain(
      `check:${own?.target?.address ?? ''}:6443`,
    );
  });

  it('says nothing of what was published after it began', async () => {
    const { names, flaws } = await published();
    const [first] = (await recordsAt(names.api)) as [ResourceRecordSet];
    await byHand('DELETE', first);
    await look(testClock(exampleTime));
    expect(await flaws()).toEqual([]);
  });

  it('is none without a zone, and fails as Route 53 does', async () => {
    const without = { store: table.store, reconcileQueue: queue, clock, log: silentLog };
    at.calls.length = 0;
    await observeDns({ ...without, dns: undefined })();
    expect(at.calls).toEqual([]);
    at.strike('throttle', 'throttle', 'throttle');
    await expect(look()).rejects.toMatchObject({ name: 'Throttled' });
  });
});
