import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReconcilePlan } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { lossFingerprint } from '../../shared/planning/find-losses.ts';
import { aCluster } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createApp } from './app.ts';

let tests: TestStore;
const clock = testClock();
const keys = { writer: `oc_${'w'.repeat(43)}`, reader: `oc_${'r'.repeat(43)}` };

beforeAll(async () => {
  tests = await startTestStore({ now: clock.now });
  for (const [scope, key] of [['write', keys.writer] as const, ['read', keys.reader] as const])
    await tests.store.apiKeys.put({
      hash: createHash('sha256').update(key).digest('hex'),
      name: scope,
      scopes: [scope],
      createdAt: clock.now(),
    });
});
afterAll(() => tests.close());

const stored = async (given: Partial<Cluster> = {}): Promise<Cluster> => {
  const cluster = aCluster({ pendingPlan: { id: randomUUID(), nodes: [], reason: 'a test' }, ...given });
  await tests.store.clusters.create(cluster);
  return cluster;
};
const reconcile = async (
  { id }: Pick<Cluster, 'id'>,
  query = '',
  key = keys.writer,
): Promise<{ status: number; json: ReconcilePlan }> => {
  const app = createApp({ store: tests.store, clock, log: silentLog, newId: randomUUID });
  const response = await app.request(`/v1/clusters/${id}/reconcile${query}`, {
    method: 'POST',
    headers: { 'x-api-key': key },
  });
  return { status: response.status, json: (await response.json()) as ReconcilePlan };
};

describe('reconciling a cluster', () => {
  it('makes it due now', async () => {
    const cluster = await stored({ dueAt: '2099-01-01T00:00:00.000Z' });
    expect((await reconcile(cluster)).status).toBe(202);
    expect((await tests.store.clusters.get(cluster.id))?.dueAt).toBe(clock.now());
  });

  it('prints the plan instead, and does nothing, when it is asked to', async () => {
    const cluster = await stored();
    const failure = { error: 'QuotaExceeded', message: 'no more networks', at: clock.now() };
    await tests.store.parts.recordFailure(cluster.id, 'gcp', failure);
    const before = await tests.store.clusters.get(cluster.id);
    const { status, json } = await reconcile(cluster, '?dryRun=true');
    expect(status).toBe(200);
    expect(json).toMatchObject({
      cluster: { name: cluster.name },
      findings: [{ kind: 'cloud-failed', message: 'gcp: QuotaExceeded: no more networks' }],
      actions: [
        { action: 'make the planned nodes', because: expect.stringMatching(/^a plan is pending/) as string },
      ],
      seen: [],
    });
    expect(await tests.store.clusters.get(cluster.id)).toEqual(before);
    expect(await tests.store.observations.findings(cluster.id)).toEqual([]);
  });

  it('has what looks lost replaced when somebody says that it is', async () => {
    const cluster = await stored({ dueAt: '2099-01-01T00:00:00.000Z' });
    expect((await reconcile(cluster, '?replaceLost=true&dryRun=true')).status).toBe(200);
    expect((await tests.store.clusters.get(cluster.id))?.lossesAcceptedAt).toBeUndefined();
    expect((await reconcile(cluster, '?replaceLost=true')).status).toBe(202);
    expect(await tests.store.clusters.get(cluster.id)).toMatchObject({
      lossesAcceptedAt: clock.now(),
      dueAt: clock.now(),
    });
  });

  it('foresees what would be replaced then', async () => {
    const { id } = await stored({ pendingPlan: undefined as never });
    const nodes = [1, 2, 3].map((number) =>
      aNode({
        clusterId: id,
        number,
        attempt: 1,
        phase: 'ready',
        readyAt: plusSeconds(clock.now(), -600),
        providerId: `i-${number}`,
      }),
    );
    for (const node of nodes) await tests.store.nodes.materialise(node);
    await tests.store.observations.put(
      'aws',
      { clusterId: id, machines: [], resources: [{ kind: 'vpc', id: 'v', name: '' }], strangers: [] },
      clock.now(),
    );
    await tests.store.observations.replaceFindings(
      id,
      nodes.map((node) => ({
        clusterId: id,
        cloud: 'aws',
        fingerprint: lossFingerprint({ node, kind: 'gone' }),
        kind: 'machine-missing',
        subject: '',
        message: '',
        remedy: '',
        seenAt: plusSeconds(clock.now(), -60),
      })),
    );
    const foreseen = async (query: string) =>
      (await reconcile({ id }, query)).json.actions.filter(({ action }) => action.startsWith('replace'));
    expect(await foreseen('?dryRun=true')).toEqual([]);
    expect(await foreseen('?dryRun=true&replaceLost=true')).toHaveLength(1);
  });

  it.each<[string, string, string, Partial<Cluster>, number]>([
    ['of a reader', '', keys.reader, {}, 403],
    ['with a word that says nothing', '?dryRun=perhaps', keys.writer, {}, 400],
    ['with another', '?replaceLost=yes', keys.writer, {}, 400],
    ['once it is to go', '', keys.writer, { deletionRequestedAt: clock.now() }, 409],
  ])('is refused %s', async (_, query, key, given, status) => {
    expect((await reconcile(await stored(given), query, key)).status).toBe(status);
  });

  it('of a cluster that is not there is a 404', async () => {
    expect((await reconcile({ id: randomUUID() })).status).toBe(404);
  });
});

describe('a pod is explained', () => {
  const explain = async ({ id }: Pick<Cluster, 'id'>, pod: string) => {
    const app = createApp({ store: tests.store, clock, log: silentLog, newId: randomUUID });
    const response = await app.request(`/v1/clusters/${id}/pods/${pod}/explanation`, {
      headers: { 'x-api-key': keys.reader },
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const watched = { policies: { unschedulablePods: {} }, readyAt: clock.now() };

  it('to readers, by what was last seen', async () => {
    const cluster = await stored(watched);
    const heldUp = [{ pod: 'shop/web-1', why: 'a scheduling gate holds it' }];
    const workload = { nodes: [], waiting: [], daemonSets: [], heldUp };
    await tests.store.workloads.put({ clusterId: cluster.id, at: clock.now(), workload });
    expect(await explain(cluster, 'shop/web-1')).toEqual({
      status: 200,
      json: {
        pod: 'shop/web-1',
        seenAt: clock.now(),
        state: 'held up',
        because: ['a scheduling gate holds it'],
      },
    });
    expect((await explain(cluster, 'shop/web-2')).status).toBe(404);
  });

  it('only where somebody looks', async () => {
    expect((await explain(await stored(), 'shop/web-1')).json['detail']).toMatch(
      /none of its policies needs/,
    );
    const cluster = await stored(watched);
    expect((await explain(cluster, 'shop/web-1')).json['detail']).toMatch(/nobody has looked yet/);
    await tests.store.workloads.put({ clusterId: cluster.id, at: clock.now(), failure: 'no answer' });
    const { status, json } = await explain(cluster, 'shop/web-1');
    expect([status, json['detail']]).toEqual([409, expect.stringMatching(/are not known: no answer$/)]);
  });
});
