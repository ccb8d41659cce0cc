import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { AppliedCluster, PoliciesChange, PoliciesView } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Policies } from '../../shared/domain/policy.ts';
import { aCluster } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { startPeopleApi, type PeopleApi } from '../../test/builders/people-api.ts';

let api: PeopleApi;
beforeAll(async () => {
  api = await startPeopleApi();
});
afterAll(() => api.close());
beforeEach(() => api.bus.clear());

const stored = async (given: Partial<Cluster> = {}): Promise<Cluster> => {
  const cluster = aCluster({ name: `c-${randomUUID().slice(0, 8)}`, ...given });
  await api.tests.store.clusters.create(cluster);
  await api.tests.store.names.claim(cluster.name, cluster.id);
  return cluster;
};
const read = async ({ id }: Cluster): Promise<Cluster> => {
  const cluster = await api.tests.store.clusters.get(id);
  if (cluster === undefined) throw new Error('it is gone');
  return cluster;
};
const path = ({ name }: Cluster): string => `/clusters/${name}/policies`;
const patch = (cluster: Cluster, body: unknown, headers: Record<string, string> = {}, query = '') =>
  api.call<PoliciesChange>('PATCH', `${path(cluster)}${query}`, body, {
    'content-type': 'application/merge-patch+json',
    ...headers,
  });
const put = (cluster: Cluster, body: unknown, ifMatch?: string) =>
  api.call<PoliciesChange>('PUT', path(cluster), body, ifMatch === undefined ? {} : { 'if-match': ifMatch });

describe('the policies of a cluster', () => {
  it('are read with the version that they have', async () => {
    const cluster = await stored({ policies: { spot: {} }, policiesVersion: 3 });
    const { status, json, etag } = await api.call<PoliciesView>('GET', path(cluster));
    expect(status).toBe(200);
    expect(json).toEqual({
      clusterId: cluster.id,
      cluster: cluster.name,
      policies: { spot: {} },
      version: `${cluster.id.slice(0, 8)}.3`,
    });
    expect(etag).toBe(`"${json.version}"`);
    expect((await api.call<AppliedCluster>('GET', `/clusters/${cluster.name}`)).json.policies).toEqual({
      spot: {},
    });
  });

  it('are changed field by field: written, said in words, due at once, and in the audit log', async () => {
    const cluster = await stored({ policies: { clusterLimits: { minVcpus: 4, maxVcpus: 16 } } });
    api.clock.advance(60);
    const { status, json, etag } = await patch(cluster, {
      clusterLimits: { maxVcpus: 32, minVcpus: null },
      spot: { sharePercent: 50 },
    });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      policies: { clusterLimits: { maxVcpus: 32 }, spot: { sharePercent: 50 } },
      change: 'changed',
      changes: [
        { field: 'clusterLimits.minVcpus', from: 4 },
        { field: 'clusterLimits.maxVcpus', from: 16, to: 32 },
        { field: 'spot', to: { sharePercent: 50 } },
      ],
    });
    expect(etag).toBe(`"${cluster.id.slice(0, 8)}.1"`);
    expect(await read(cluster)).toMatchObject({
      policies: json.policies,
      policiesVersion: 1,
      generation: 1,
      dueAt: api.clock.now(),
    });
    const changes =
      'clusterLimits.minVcpus is no longer set (it was 4); clusterLimits.maxVcpus is 32 instead of 16; spot is on (sharePercent 50)';
    expect(api.bus.said).toEqual([{ event: 'PolicyChanged', detail: { clusterId: cluster.id, changes } }]);
    expect(api.audit.at(-1)).toMatchObject({
      who: 'ada',
      action: 'PATCH /v1/clusters/:cluster/policies',
      outcome: '200',
      details: {
        changed: 'clusterLimits.minVcpus, clusterLimits.maxVcpus, spot',
        before: '{"clusterLimits.minVcpus":4,"clusterLimits.maxVcpus":16,"spot":null}',
        after: '{"clusterLimits.minVcpus":null,"clusterLimits.maxVcpus":32,"spot":{"sharePercent":50}}',
      },
    });
  });

  it('are not written again by what changes nothing', async () => {
    const cluster = await stored({
      policies: { purchasing: { families: ['c6i', 'c6a'] } },
      policiesVersion: 2,
    });
    const same = await patch(cluster, { purchasing: { families: ['c6a', 'c6i'] }, spot: null });
    expect([same.status, same.json.change, same.json.changes]).toEqual([200, 'unchanged', []]);
    expect((await read(cluster)).policiesVersion).toBe(2);
    expect(api.bus.said).toEqual([]);
    expect(api.audit.at(-1)?.details).toBeUndefined();
  });

  it('are only compared with `dryRun`', async () => {
    const cluster = await stored();
    const { json } = await patch(cluster, { nodeDeletion: { emptyMinutes: 5 } }, {}, '?dryRun=true');
    expect(json).toMatchObject({ change: 'changed', policies: { nodeDeletion: { emptyMinutes: 5 } } });
    expect(await read(cluster)).toMatchObject({ policies: {}, generation: 1 });
    expect(api.bus.said).toEqual([]);
    expect(api.audit.at(-1)?.details).toBeUndefined();
  });

  it('are replaced as a whole', async () => {
    const cluster = await stored({ policies: { clusterLimits: { maxVcpus: 64 }, spot: {} } });
    const { etag } = await api.call('GET', path(cluster));
    const { status, json } = await put(cluster, { spot: {}, nodeDeletion: { emptyMinutes: 5 } }, etag ?? '');
    expect([status, json.policies]).toEqual([200, { spot: {}, nodeDeletion: { emptyMinutes: 5 } }]);
    expect(json.changes.map(({ field }) => field)).toEqual(['clusterLimits.maxVcpus', 'nodeDeletion']);
  });
});

describe('two who change policies at once', () => {
  it('field by field both have their way', async () => {
    const cluster = await stored();
    const fields = [
      { clusterLimits: { maxVcpus: 64 } },
      { spot: {} },
      { nodeDeletion: { emptyMinutes: 5 } },
      { consolidation: { minSavingPercent: 10, nodesPerHourMax: 1 } },
    ];
    const answers = await Promise.all(fields.map((each) => patch(cluster, each)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect(await read(cluster)).toMatchObject({
      policies: Object.assign({}, ...fields) as Policies,
      policiesVersion: 4,
    });
  });

  it('as a whole one has to read again', async () => {
    const cluster = await stored();
    const { etag } = await api.call('GET', path(cluster));
    const answers = await Promise.all(
      [1, 2, 3].map((emptyMinutes) => put(cluster, { nodeDeletion: { emptyMinutes } }, etag ?? '')),
    );
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412, 412]);
  });

  it.each([
    ['of an earlier version', (id: string) => `"${id.slice(0, 8)}.1"`, 412],
    ['of this version', (id: string) => `"${id.slice(0, 8)}.2"`, 200],
    ['of one of several', (id: string) => `"x.1", "${id.slice(0, 8)}.2"`, 200],
    ['of another cluster', () => '"00000000.2"', 412],
    ['weak', (id: string) => `W/"${id.slice(0, 8)}.2"`, 412],
    ['for whichever there is', () => '*', 200],
  ])('with an If-Match %s', async (_, tag, status) => {
    const cluster = await stored({ policiesVersion: 2 });
    const answer = await patch(cluster, { spot: {} }, { 'if-match': tag(cluster.id) });
    expect(answer.status).toBe(status);
    expect((await read(cluster)).policiesVersion).toBe(status === 200 ? 3 : 2);
  });

  it('and one whose answer was lost hears that it was done', async () => {
    const cluster = await stored();
    const { etag } = await api.call('GET', path(cluster));
    await put(cluster, { spot: {} }, etag ?? '');
    const again = await put(cluster, { spot: {} }, etag ?? '');
    expect([again.status, again.json.change]).toEqual([200, 'unchanged']);
  });
});

describe('policies are refused, by field, before anything changes', () => {
  const there: Policies = { clusterLimits: { maxVcpus: 16 }, nodeDeletion: { emptyMinutes: 5 } };
  it.each<[string, unknown, number, string, RegExp?]>([
    [
      'a field that nobody knows',
      { spot: { sharePercnt: 50 } },
      400,
      'spot.sharePercnt',
      /did you mean sharePercent\?/,
    ],
    ['a section that nobody knows', { spto: {} }, 400, 'spto', /did you mean spot\?/],
    ['one that nobody knows, taken away', { spto: null }, 400, 'spto', /did you mean spot\?/],
    ['one that is like none', { colour: 'red' }, 400, 'colour', /^is not a known field$/],
    [
      'a word for a number',
      { clusterLimits: { maxVcpus: 'many' } },
      400,
      'clusterLimits.maxVcpus',
      /must be a number/,
    ],
    ['a number for a list', { spot: { clouds: 3 } }, 400, 'spot.clouds', /must be an array/],
    ['a word for a section', { spot: 'on' }, 400, 'spot', /must be an object/],
    ['a number out of range', { nodeDeletion: { emptyMinutes: 0 } }, 422, 'nodeDeletion.emptyMinutes'],
    [
      'a section without what it needs',
      { consolidation: { minSavingPercent: 10 } },
      422,
      'consolidation.nodesPerHourMax',
      /is required/,
    ],
    [
      'what a section needs, taken away',
      { nodeDeletion: { emptyMinutes: null } },
      422,
      'nodeDeletion.emptyMinutes',
      /is required/,
    ],
    [
      'what contradicts what is there',
      { clusterLimits: { minVcpus: 17 } },
      422,
      'clusterLimits.minVcpus',
      /more than maxVcpus, which is 16/,
    ],
  ])('%s', async (_what, body, status, field, message) => {
    const cluster = await stored({ policies: there });
    const refused = await patch(cluster, body);
    expect([refused.status, refused.json.errors?.map((error) => error.field)]).toEqual([status, [field]]);
    if (message !== undefined) expect(refused.json.errors?.[0]?.message).toMatch(message);
    expect(await read(cluster)).toEqual(cluster);
    expect(api.bus.said).toEqual([]);
  });

  it('a limit below what the cluster has, planned nodes included', async () => {
    const cluster = await stored();
    const offering = anOffering({ vcpus: 4 });
    await api.tests.store.nodes.materialise(aNode({ clusterId: cluster.id, number: 1, offering }));
    await api.tests.store.nodes.materialise(
      aNode({ clusterId: cluster.id, number: 2, offering, desired: 'absent' }),
    );
    await api.tests.store.clusters.plan(cluster.id, {
      plan: { id: 'p', nodes: [{ id: randomUUID(), number: 3, role: 'worker', offering }], reason: 'a test' },
      generationRead: 1,
      nextNumber: 4,
      now: api.clock.now(),
    });
    const refused = await patch(cluster, { clusterLimits: { maxVcpus: 7 } });
    expect([refused.status, refused.json.detail]).toEqual([
      422,
      'clusterLimits.maxVcpus: the cluster has 8 vCPUs, which is more',
    ]);
    expect((await patch(cluster, { clusterLimits: { maxVcpus: 8 } })).status).toBe(200);
    // For a while it may have more than a limit that was set before: other changes are made all the same.
    await api.tests.store.nodes.materialise(aNode({ clusterId: cluster.id, number: 4, offering }));
    expect((await patch(cluster, { spot: {} })).status).toBe(200);
  });

  it('a whole without a word of what it replaces', async () => {
    const cluster = await stored();
    const refused = await put(cluster, { spot: {} });
    expect([refused.status, refused.json.detail]).toEqual([428, expect.stringMatching(/^If-Match: /)]);
  });

  it('of a cluster that is going, or that is not there', async () => {
    const going = await stored({ deletionRequestedAt: api.clock.now() });
    expect((await patch(going, { spot: {} })).status).toBe(409);
    expect((await api.call('PATCH', '/clusters/nobody/policies', { spot: {} })).status).toBe(404);
    expect((await api.call('GET', '/clusters/nobody/policies')).status).toBe(404);
  });
});

describe('applying a file to a cluster that is there', () => {
  const file = ({ name }: Pick<Cluster, 'name'>, spec: Record<string, unknown> = {}) => ({
    apiVersion: 'overcast.dev/v1',
    kind: 'Cluster',
    metadata: { name },
    spec: {
      region: 'us-east',
      clouds: ['aws', 'gcp', 'azure', 'digitalocean'].map((cloud) => ({ cloud })),
      configuration: 'highly-available',
      ...spec,
    },
  });
  const apply = (cluster: Pick<Cluster, 'name'>, spec?: Record<string, unknown>, query = '') =>
    api.call<AppliedCluster>('PUT', `/clusters/${cluster.name}${query}`, file(cluster, spec));
  const policies: Policies = { clusterLimits: { maxVcpus: 64 }, unschedulablePods: {} };

  it('changes its policies, says so, and again changes nothing', async () => {
    const cluster = await stored({ policies: { spot: {} } });
    const one = await apply(cluster, { policies });
    expect([one.status, one.json.change]).toEqual([200, 'changed']);
    expect(one.json.changes.map(({ field }) => field)).toEqual([
      'clusterLimits.maxVcpus',
      'unschedulablePods',
      'spot',
    ]);
    expect(one.json.policies).toEqual(policies);
    expect(api.bus.names()).toEqual(['PolicyChanged']);
    expect(api.audit.at(-1)?.details?.['changed']).toBe('clusterLimits.maxVcpus, unschedulablePods, spot');
    const two = await apply(cluster, { policies });
    expect([two.status, two.json.change, two.json.changes]).toEqual([200, 'unchanged', []]);
    expect(api.bus.names()).toEqual(['PolicyChanged']);
    expect(await read(cluster)).toMatchObject({ policies, policiesVersion: 1, generation: 1 });
  });

  it('leaves the policies alone where the file is silent about them, and takes them all away where it says so', async () => {
    const cluster = await stored({ policies });
    expect((await apply(cluster)).json).toMatchObject({ change: 'unchanged', policies });
    expect((await apply(cluster, { policies: {} })).json).toMatchObject({ change: 'changed', policies: {} });
  });

  it('with `dryRun` says what would change, and changes nothing', async () => {
    const cluster = await stored();
    const { json } = await apply(cluster, { policies }, '?dryRun=true');
    expect(json).toMatchObject({
      change: 'changed',
      policies,
      changes: [
        { field: 'clusterLimits.maxVcpus', to: 64 },
        { field: 'unschedulablePods', to: {} },
      ],
    });
    expect(await read(cluster)).toEqual(cluster);
    expect(api.bus.said).toEqual([]);
  });

  it('with `dryRun` of a name that nobody has says what would be created, and creates nothing', async () => {
    const { status, json } = await apply({ name: 'foreseen' }, { policies }, '?dryRun=true');
    expect([status, json.change, json.nodes.length]).toEqual([200, 'created', 6]);
    expect(await api.tests.store.names.lookUp('foreseen')).toBeUndefined();
    const tooLarge = await apply(
      { name: 'foreseen' },
      { policies: { clusterLimits: { maxVcpus: 2 } } },
      '?dryRun=true',
    );
    expect([tooLarge.status, tooLarge.json.errors?.[0]?.field]).toEqual([
      422,
      'spec.policies.clusterLimits.maxVcpus',
    ]);
    expect(api.bus.said).toEqual([]);
  });

  it('refuses what a file cannot change by field, and changes no policy along with it', async () => {
    const cluster = await stored();
    const { status, json } = await apply(cluster, { policies, region: 'eu-central', configuration: 'basic' });
    expect([status, json.errors?.map(({ field }) => field)]).toEqual([
      409,
      ['spec.region', 'spec.configuration'],
    ]);
    expect(json.errors?.[1]?.message).toMatch(/overcast node add.*overcast node remove.*policies/);
    expect(await read(cluster)).toEqual(cluster);
  });

  it('names the policies’ fields as the file has them', async () => {
    const cluster = await stored();
    const { status, json } = await apply(cluster, { policies: { spot: { clouds: ['digitalocean'] } } });
    expect([status, json.errors?.[0]?.field]).toEqual([422, 'spec.policies.spot.clouds[0]']);
  });

  it('knows the list of nodes that it began with, however many there are by now', async () => {
    const nodes = [
      { role: 'control-plane', shape: 'medium' },
      { role: 'worker', cloud: 'aws', shape: 'small', count: 2 },
    ];
    const spec = { configuration: undefined, nodes };
    const name = `list-${randomUUID().slice(0, 8)}`;
    expect((await apply({ name }, spec)).json.change).toBe('created');
    expect((await apply({ name }, spec)).json.change).toBe('unchanged');
    const other = await apply({ name }, { ...spec, nodes: [nodes[0], { ...nodes[1], count: 3 }] });
    expect([other.status, other.json.errors?.map(({ field }) => field)]).toEqual([409, ['spec.nodes']]);
    expect(other.json.errors?.[0]?.message).toMatch(/overcast node add/);
  });
});
