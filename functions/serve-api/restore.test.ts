import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ClusterDetails, ClusterView, ProblemDocument } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, Crash } from '../../test/builders/crash.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createApp } from './app.ts';

let tests: TestStore;
let bus: RecordingBus;
const keys = { admin: `oc_${'a'.repeat(43)}`, reader: `oc_${'r'.repeat(43)}` };
const clock = testClock();
const snapshots = ['20261123T033000Z', '20261123T034500Z'] as const;
const [older, newest] = snapshots;

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
  bus = recordingBus('overcast.serve-api');
});

/** Three control planes in three clouds, two of them lost. */
async function aLostCluster(
  given: Partial<Cluster> = {},
  taken: readonly string[] = snapshots,
): Promise<Cluster> {
  const cluster = aCluster({
    status: 'failed',
    statusReason: 'quorum lost: 2 of 3 control planes',
    initialisedAt: exampleTime,
    nextNumber: 5,
    ...given,
  });
  const { store } = tests;
  await store.clusters.create(cluster);
  for (const [index, cloud] of (['aws', 'gcp', 'azure'] as const).entries())
    await store.nodes.materialise(
      aNode({
        clusterId: cluster.id,
        number: index + 1,
        role: 'control-plane',
        offering: anOffering({ cloud }),
        phase: 'ready',
      }),
    );
  for (const id of taken)
    await store.snapshots.record({ clusterId: cluster.id, id, takenAt: exampleTime, number: 1, attempt: 1 });
  await store.observations.replaceFindings(cluster.id, [
    {
      clusterId: cluster.id,
      fingerprint: 'quorum-lost',
      kind: 'quorum-lost',
      subject: cluster.id,
      message: 'quorum lost: 2 of 3 control planes',
      remedy: '',
      seenAt: exampleTime,
    },
  ]);
  return cluster;
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the API answers it
async function post<T = ClusterView>(
  { id }: Pick<Cluster, 'id'>,
  body?: unknown,
  {
    key = keys.admin,
    idempotencyKey,
    store = tests.store,
  }: { key?: string; idempotencyKey?: string; store?: Store } = {},
): Promise<{ status: number; json: T }> {
  const app = createApp({ store, bus, clock, log: silentLog, newId: randomUUID });
  const response = await app.request(`/v1/clusters/${id}/restore`, {
    method: 'POST',
    headers: {
      'x-api-key': key,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as T };
}
const stored = async ({ id }: Cluster): Promise<Cluster | undefined> => tests.store.clusters.get(id);

describe('a cluster that lost its quorum', () => {
  it('is to be restored from its newest snapshot: planned, said, and shown', async () => {
    const cluster = await aLostCluster();
    const { status, json } = await post(cluster);
    expect(status).toBe(202);
    expect(json).toMatchObject({
      status: 'restoring',
      restore: { snapshot: newest, requestedAt: clock.now(), requestedBy: 'ada', number: 5 },
    });
    expect(await stored(cluster)).toMatchObject({
      generation: 2,
      nextNumber: 6,
      pendingPlan: { nodes: [{ number: 5, role: 'control-plane', offering: { cloud: 'aws' } }] },
      restore: { followers: [{ offering: { cloud: 'gcp' } }, { offering: { cloud: 'azure' } }] },
    });
    expect(bus.said).toEqual([
      { event: 'ClusterRestoreRequested', detail: { clusterId: cluster.id, snapshot: newest, number: 5 } },
      { event: 'NodesPlanned', detail: { clusterId: cluster.id } },
    ]);
    // What is its own affair is not shown.
    expect(JSON.stringify(json)).not.toContain('followers');
  });

  it('is restored from the one that was asked for', async () => {
    const cluster = await aLostCluster();
    expect((await post(cluster, { snapshot: older })).json.restore?.snapshot).toBe(older);
  });

  it.each<[string, object | undefined, object | undefined]>([
    ['asked once more', undefined, undefined],
    ['asked by name of what is the newest', undefined, { snapshot: newest }],
    ['asked for the same older one', { snapshot: older }, { snapshot: older }],
  ])('answers the same when it is %s, and says its events again', async (_, first, second) => {
    const cluster = await aLostCluster();
    const before = await post(cluster, first);
    const after = await stored(cluster);
    bus.clear();
    expect(await post(cluster, second)).toEqual(before);
    expect(await stored(cluster)).toEqual(after);
    expect(bus.names()).toEqual(['ClusterRestoreRequested', 'NodesPlanned']);
  });

  it('of many who ask at once is restored once', async () => {
    const cluster = await aLostCluster();
    const answers = await Promise.all(Array.from({ length: 6 }, () => post(cluster)));
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.restore?.number}`))).toEqual(
      new Set(['202 5']),
    );
    expect((await stored(cluster))?.generation).toBe(2);
  });

  it('answers a repeat by its key, long after it is restored, and says nothing', async () => {
    const cluster = await aLostCluster();
    await post(cluster, {}, { idempotencyKey: 'once' });
    const { restore } = (await stored(cluster)) ?? {};
    if (restore === undefined) throw new Error('no restore');
    await tests.store.clusters.claimRestore(cluster.id, restore, 1);
    await tests.store.clusters.markRestored(cluster.id, { ...restore, attempt: 1 }, clock.now());
    await tests.store.clusters.changeStatus(cluster.id, { from: 'restoring', to: 'ready', now: clock.now() });
    bus.clear();
    const again = await post(cluster, {}, { idempotencyKey: 'once' });
    expect([again.status, again.json.restore?.restoredAt]).toEqual([202, clock.now()]);
    expect(bus.said).toEqual([]);
    const other = await post<ProblemDocument>(cluster, { snapshot: older }, { idempotencyKey: 'once' });
    expect(other.status).toBe(422);
  });

  it('waits for no plan that stays pending', async () => {
    const pendingPlan = { id: 'p', nodes: [], reason: 'more' };
    const cluster = await aLostCluster({ pendingPlan });
    const { status, json } = await post<ProblemDocument>(cluster);
    expect([status, json.detail]).toEqual([
      409,
      'another change of four-clouds is still being carried out: try again in a minute',
    ]);
    expect(new Set(bus.names())).toEqual(new Set(['NodesPlanned']));
  });

  it('is in the audit log, with the snapshot', async () => {
    const entries: { action: string; outcome: string; details?: unknown }[] = [];
    const store = {
      ...tests.store,
      audit: { record: async (entry: (typeof entries)[number]) => void entries.push(entry) },
    };
    const cluster = await aLostCluster();
    await post(cluster, { snapshot: older }, { store });
    await post(cluster, { snapshot: newest }, { store });
    expect(entries).toMatchObject([
      {
        who: 'ada',
        action: 'POST /v1/clusters/:cluster/restore',
        outcome: '202',
        details: { snapshot: older },
      },
      { who: 'ada', outcome: '409' },
    ]);
  });
});

describe('a restore is refused', () => {
  it.each<[string, Partial<Cluster>, readonly string[], object | undefined, number, string, RegExp]>([
    [
      'for a cluster that is well',
      { status: 'ready' },
      snapshots,
      undefined,
      409,
      'cluster',
      /has not lost its quorum/,
    ],
    ['without a snapshot', {}, [], undefined, 409, 'snapshot', /has no snapshot: it can only be deleted/],
    ['from one that is not there', {}, snapshots, { snapshot: 'x' }, 422, 'snapshot', /has no snapshot "x"/],
    ['from what is no text', {}, snapshots, { snapshot: 7 }, 400, 'snapshot', /must be a string/],
    [
      'with what nobody knows',
      {},
      snapshots,
      { snapshots: newest },
      400,
      'snapshots',
      /is not a known field/,
    ],
  ])('%s', async (_, given, taken, body, status, field, message) => {
    const cluster = await aLostCluster(given, taken);
    const before = await stored(cluster);
    const answer = await post<ProblemDocument>(cluster, body);
    expect([answer.status, answer.json.errors?.map((each) => each.field)]).toEqual([status, [field]]);
    expect(answer.json.errors?.[0]?.message).toMatch(message);
    expect(await stored(cluster)).toEqual(before);
    expect(bus.said).toEqual([]);
  });

  it('for a cluster that is going, from another snapshot meanwhile, and to a reader', async () => {
    const going = await post<ProblemDocument>(await aLostCluster({ deletionRequestedAt: exampleTime }));
    expect([going.status, going.json.detail]).toEqual([409, 'the cluster four-clouds is being deleted']);
    const cluster = await aLostCluster();
    await post(cluster, { snapshot: older });
    const other = await post<ProblemDocument>(cluster);
    expect([other.status, other.json.detail]).toEqual([
      409,
      `four-clouds is being restored from snapshot ${older} already`,
    ]);
    expect((await post(await aLostCluster(), undefined, { key: keys.reader })).status).toBe(403);
  });
});

it('cut anywhere and asked again with its key, it is one restore, planned once', async () => {
  const calls = await atEveryCrashPoint(async (points) => {
    const cluster = await aLostCluster();
    const said = recordingBus('overcast.serve-api');
    const app = createApp({
      store: { ...points.wrap(tests.store), apiKeys: tests.store.apiKeys, audit: { record: async () => {} } },
      bus: points.wrap(said),
      clock,
      log: silentLog,
      newId: randomUUID,
    });
    let crash: Crash | undefined;
    app.onError((error) => {
      if (!(error instanceof Crash)) throw error;
      crash = error;
      return new Response('', { status: 500 });
    });
    return {
      run: async () => {
        crash = undefined;
        const answer = await app.request(`/v1/clusters/${cluster.id}/restore`, {
          method: 'POST',
          headers: { 'x-api-key': keys.admin, 'idempotency-key': `cut-${cluster.id}` },
        });
        if (crash !== undefined) throw crash;
        expect(answer.status).toBe(202);
      },
      check: async () => {
        expect(await stored(cluster)).toMatchObject({
          status: 'restoring',
          generation: 2,
          nextNumber: 6,
          restore: { snapshot: newest, number: 5 },
        });
        expect(new Set(said.names())).toEqual(new Set(['ClusterRestoreRequested', 'NodesPlanned']));
      },
    };
  });
  expect(calls).toBeGreaterThan(8);
});

it('what became of it is shown with the cluster', async () => {
  const restore = {
    id: 'r',
    snapshot: newest,
    requestedAt: exampleTime,
    requestedBy: 'ada',
    number: 5,
    attempt: 3,
    failure: { at: exampleTime, reason: 'control plane 5: no disk' },
  };
  const cluster = await aLostCluster({ restore });
  const app = createApp({ store: tests.store, bus, clock, log: silentLog, newId: randomUUID });
  const answer = await app.request(`/v1/clusters/${cluster.id}`, { headers: { 'x-api-key': keys.reader } });
  const { id: _id, attempt: _attempt, ...shown } = restore;
  expect(((await answer.json()) as ClusterDetails).restore).toEqual(shown);
});
