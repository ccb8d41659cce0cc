import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterView, ProblemDocument } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, Crash } from '../../test/builders/crash.ts';
import { recordingBus, silentLog, testClock, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createApp } from './app.ts';

let tests: TestStore;
let bus: RecordingBus;
const keys = { admin: `oc_${'a'.repeat(43)}`, reader: `oc_${'r'.repeat(43)}` };
const clock = testClock();

beforeAll(async () => {
  tests = await startTestStore({ now: clock.now });
  for (const [name, key] of Object.entries(keys))
    await tests.store.apiKeys.put({
      hash: createHash('sha256').update(key).digest('hex'),
      name: name === 'admin' ? 'ada' : 'rea',
      scopes: name === 'admin' ? ['read', 'write', 'admin'] : ['read'],
      createdAt: exampleTime,
    });
});
afterAll(() => tests.close());
beforeEach(() => {
  bus = recordingBus('overcast.upgrade-cluster');
});

const aReadyCluster = async (given: Partial<Cluster> = {}): Promise<Cluster> => {
  const cluster = aCluster({ status: 'ready', readyAt: exampleTime, ...given });
  await tests.store.clusters.create(cluster);
  return cluster;
};
async function post(
  { id }: Pick<Cluster, 'id'>,
  path: string,
  { body, key = keys.admin, store = tests.store }: { body?: unknown; key?: string; store?: Store } = {},
) {
  const app = createApp({ store, bus, clock, log: silentLog, newId: randomUUID });
  const response = await app.request(`/v1/clusters/${id}/${path}`, {
    method: 'POST',
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return {
    status: response.status,
    json: (await response.json()) as Omit<ClusterView, 'status'> & ProblemDocument,
  };
}
const stored = async ({ id }: Cluster) => tests.store.clusters.get(id);
const to = (minor: string, rest: object = {}) => ({ body: { to: minor, ...rest } });

describe('an upgrade that is asked for', () => {
  it('is written down with its snapshot to be taken, said, and shown without what is its own affair', async () => {
    const cluster = await aReadyCluster();
    const { status, json } = await post(cluster, 'upgrade', to('1.37', { pauseSeconds: 300 }));
    expect(status).toBe(202);
    expect(json.upgrade).toEqual({
      from: '1.36',
      to: '1.37',
      requestedAt: clock.now(),
      requestedBy: 'ada',
      pauseSeconds: 300,
    });
    expect(json.kubernetesVersion).toBe('1.36');
    expect(await stored(cluster)).toMatchObject({
      snapshotDueAt: clock.now(),
      dueAt: clock.now(),
      upgrade: { revision: 1, tries: 0 },
    });
    expect(bus.said).toEqual([{ event: 'UpgradeRequested', detail: { clusterId: cluster.id, to: '1.37' } }]);
  });

  it('is the same when it is asked for again, and its event is said once more', async () => {
    const cluster = await aReadyCluster();
    const first = await post(cluster, 'upgrade', to('1.37'));
    const after = await stored(cluster);
    expect((await post(cluster, 'upgrade', to('1.37'))).json).toEqual(first.json);
    expect(await stored(cluster)).toEqual(after);
    expect(bus.names()).toEqual(['UpgradeRequested', 'UpgradeRequested']);
  });

  it('is one when two ask at once', async () => {
    const cluster = await aReadyCluster();
    const both = await Promise.all([1, 2].map(() => post(cluster, 'upgrade', to('1.37'))));
    expect(both.map(({ status }) => status)).toEqual([202, 202]);
    expect((await stored(cluster))?.upgrade?.revision).toBe(1);
  });

  it('with dryRun changes nothing and says nothing', async () => {
    const cluster = await aReadyCluster();
    const before = await stored(cluster);
    const { status, json } = await post(cluster, 'upgrade?dryRun=true', to('1.37'));
    expect([status, json.upgrade?.to]).toEqual([202, '1.37']);
    expect((await post(cluster, 'upgrade?dryRun=true', to('1.38'))).status).toBe(422);
    expect(await stored(cluster)).toEqual(before);
    expect(bus.said).toEqual([]);
  });

  it.each<[string, number, unknown, Partial<Cluster>, string | undefined]>([
    ['names no minor', 400, {}, {}, 'to'],
    ['has a field that nobody knows', 400, { to: '1.37', force: true }, {}, undefined],
    ['is not the next minor', 422, { to: '1.38' }, {}, 'to'],
    ['has a pause of no number of seconds', 400, { to: '1.37', pauseSeconds: '5m' }, {}, 'pauseSeconds'],
    ['has a pause that is too long', 422, { to: '1.37', pauseSeconds: 86_401 }, {}, 'pauseSeconds'],
    ['is of a cluster that is being built', 409, { to: '1.37' }, { status: 'creating' }, 'cluster'],
    ['is of a cluster that goes', 409, { to: '1.37' }, { deletionRequestedAt: exampleTime }, undefined],
  ])('is refused when it %s', async (_title, status, body, given, field) => {
    const cluster = await aReadyCluster(given);
    const before = await stored(cluster);
    const refused = await post(cluster, 'upgrade', { body });
    expect(refused.status).toBe(status);
    if (field !== undefined) expect(refused.json.errors?.map((each) => each.field)).toEqual([field]);
    expect(await stored(cluster)).toEqual(before);
    expect(bus.said).toEqual([]);
  });

  it('wants the right to write', async () => {
    const cluster = await aReadyCluster();
    for (const path of ['upgrade', 'upgrade/pause', 'upgrade/resume'])
      expect((await post(cluster, path, { key: keys.reader, body: { to: '1.37' } })).status).toBe(403);
    expect((await stored(cluster))?.upgrade).toBeUndefined();
  });

  it('comes to the same wherever the call is cut, when it is asked again', async () => {
    await atEveryCrashPoint(async (points) => {
      const cluster = await aReadyCluster();
      const store = points.wrap(tests.store);
      return {
        run: async () => {
          const { status } = await post(cluster, 'upgrade', { ...to('1.37'), store });
          if (status !== 202) throw new Crash(`answered ${status}`);
        },
        check: async () => {
          points.disarm();
          expect((await stored(cluster))?.upgrade).toMatchObject({ to: '1.37', revision: 1 });
          expect(bus.names()).toContain('UpgradeRequested');
        },
      };
    });
  });
});

describe('pause and resume', () => {
  it('are written down, shown and said, each once however often they are asked for', async () => {
    const cluster = await aReadyCluster();
    await post(cluster, 'upgrade', to('1.37'));
    bus.clear();
    const paused = await post(cluster, 'upgrade/pause');
    expect([paused.status, paused.json.upgrade?.pausedAt]).toEqual([202, clock.now()]);
    expect((await post(cluster, 'upgrade/pause')).json).toEqual(paused.json);
    const resumed = await post(cluster, 'upgrade/resume');
    expect(resumed.json.upgrade?.pausedAt).toBeUndefined();
    expect((await stored(cluster))?.upgrade?.revision).toBe(3);
    expect(bus.names()).toEqual(['UpgradePaused', 'UpgradePaused', 'UpgradeResumed']);
  });

  it('are refused where nothing is upgraded', async () => {
    const cluster = await aReadyCluster();
    const { status, json } = await post(cluster, 'upgrade/pause');
    expect([status, json.detail]).toEqual([409, `no upgrade of ${cluster.name} is under way`]);
  });
});
