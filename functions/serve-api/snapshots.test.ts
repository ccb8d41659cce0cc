import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { recordingBus, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createApp } from './app.ts';

const key = `oc_${'r'.repeat(43)}`;
const clock = testClock();
let tests: TestStore;
beforeAll(async () => {
  tests = await startTestStore({ now: clock.now });
  await tests.store.apiKeys.put({
    hash: createHash('sha256').update(key).digest('hex'),
    name: 'rea',
    scopes: ['read'],
    createdAt: exampleTime,
  });
});
afterAll(() => tests.close());

it('a reader lists a cluster’s etcd snapshots: what they are, and no way to them', async () => {
  const bus = recordingBus('overcast.serve-api');
  const app = createApp({ store: tests.store, bus, clock, log: silentLog, newId: randomUUID });
  const get = (path: string) => app.request(`/v1${path}`, { headers: { 'x-api-key': key } });
  const cluster = aCluster({ name: 'listed' });
  await tests.store.clusters.create(cluster);
  await tests.store.names.claim('listed', cluster.id);
  const ids = ['20261123T040000Z', '20261123T041500Z'];
  for (const id of ids.toReversed())
    await tests.store.snapshots.record({
      clusterId: cluster.id,
      id,
      takenAt: exampleTime,
      number: 1,
      attempt: 2,
    });
  await tests.store.snapshots.measure(cluster.id, ids[0] ?? '', 7);
  expect(await (await get('/clusters/listed/snapshots')).json()).toEqual({
    items: [
      { id: ids[0], takenAt: exampleTime, number: 1, sizeBytes: 7 },
      { id: ids[1], takenAt: exampleTime, number: 1 },
    ],
  });
  expect((await get('/clusters/nobody/snapshots')).status).toBe(404);
});
