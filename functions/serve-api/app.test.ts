import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type {
  AppliedCluster,
  ClusterDetails,
  ListOf,
  NodeView,
  ProblemDocument,
} from '../../shared/domain/api-types.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { describePolicyChange } from '../../shared/domain/policy-change.ts';
import { exampleTime } from '../../test/builders/cluster.ts';
import { recordingBus, silentLog, testClock, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { materialiseNode } from '../../shared/planning/plan-cluster.ts';
import type { DnsFlaw, HostedZone } from '../../shared/domain/dns.ts';
import { createApp } from './app.ts';

let tests: TestStore;
let bus: RecordingBus;
const keys = {
  admin: `oc_${'a'.repeat(43)}`,
  reader: `oc_${'r'.repeat(43)}`,
  expired: `oc_${'e'.repeat(43)}`,
};
const clock = testClock();

beforeAll(async () => {
  tests = await startTestStore({ now: clock.now });
  for (const cloud of cloudNames)
    await tests.store.accounts.put({ cloud, id: 'main', createdAt: exampleTime });
  const put = (key: string, name: string, scopes: ('read' | 'write' | 'admin')[], expiresAt?: string) =>
    tests.store.apiKeys.put({
      hash: createHash('sha256').update(key).digest('hex'),
      name,
      scopes,
      createdAt: exampleTime,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    });
  await put(keys.admin, 'ada', ['read', 'write', 'admin']);
  await put(keys.reader, 'rea', ['read']);
  await put(keys.expired, 'old', ['admin'], '2026-01-01T00:00:00.000Z');
});
afterAll(() => tests.close());
beforeEach(() => {
  bus = recordingBus('overcast.serve-api');
});

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  readonly text?: string;
  readonly type?: string;
  readonly key?: string;
  readonly idempotencyKey?: string;
  readonly zone?: HostedZone;
}
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows what the API answers it
const send = async <T>({
  method = 'GET',
  path,
  body,
  text,
  type,
  key = keys.admin,
  idempotencyKey,
  zone,
}: Call): Promise<{ status: number; json: T }> => {
  const app = createApp({ store: tests.store, bus, clock, log: silentLog, newId: randomUUID, zone });
  const response = await app.request(`/v1${path}`, {
    method,
    headers: {
      'x-api-key': key,
      ...(body !== undefined || text !== undefined ? { 'content-type': type ?? 'application/json' } : {}),
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    },
    ...(text !== undefined ? { body: text } : body !== undefined ? { body: JSON.stringify(body) } : {}),
  });
  return { status: response.status, json: (await response.json()) as T };
};

const names = (function* () {
  for (let index = 1; ; index += 1) yield `cluster-${index}`;
})();
const file = (
  spec: Record<string, unknown> = {},
  name: string = names.next().value ?? '',
): Record<string, unknown> => ({
  apiVersion: 'overcast.dev/v1',
  kind: 'Cluster',
  metadata: { name },
  spec: {
    region: 'us-east',
    clouds: cloudNames.map((cloud) => ({ cloud, account: 'main' })),
    configuration: 'highly-available',
    ...spec,
  },
});
const create = async (spec: Record<string, unknown> = {}): Promise<ClusterDetails> =>
  (await send<ClusterDetails>({ method: 'POST', path: '/clusters', body: file(spec) })).json;

describe('who may call', () => {
  it.each([
    ['nobody', '', 401],
    ['somebody with a key that nobody issued', `oc_${'x'.repeat(43)}`, 401],
    ['somebody whose key has expired', keys.expired, 401],
    ['a reader', keys.reader, 200],
  ])('%s lists clusters: %s → %i', async (_who, key, status) => {
    expect((await send({ path: '/clusters', key })).status).toBe(status);
  });
  it('a reader changes nothing', async () => {
    const { status } = await send({ method: 'POST', path: '/clusters', body: file(), key: keys.reader });
    expect(status).toBe(403);
  });
});

describe('creating a cluster', () => {
  it('plans three control planes in three clouds and three workers, and says so', async () => {
    const { status, json } = await send<ClusterDetails>({ method: 'POST', path: '/clusters', body: file() });
    expect(status).toBe(201);
    const controlPlanes = json.nodes.filter(({ role }) => role === 'control-plane');
    expect(new Set(controlPlanes.map(({ cloud }) => cloud)).size).toBe(3);
    expect(json.nodes.filter(({ role }) => role === 'worker')).toHaveLength(3);
    expect(bus.said).toEqual([{ event: 'ClusterRequested', detail: { clusterId: json.id } }]);
    expect((await tests.store.clusters.get(json.id))?.pendingPlan?.nodes).toHaveLength(6);
  });

  it('twice with one Idempotency-Key makes one', async () => {
    const body = file();
    const one = await send<ClusterDetails>({
      method: 'POST',
      path: '/clusters',
      body,
      idempotencyKey: 'k-1',
    });
    const two = await send<ClusterDetails>({
      method: 'POST',
      path: '/clusters',
      body,
      idempotencyKey: 'k-1',
    });
    expect([one.status, two.status]).toEqual([201, 200]);
    expect(two.json.id).toBe(one.json.id);
    const other = await send<ProblemDocument>({
      method: 'POST',
      path: '/clusters',
      body: file(),
      idempotencyKey: 'k-1',
    });
    expect(other.status).toBe(422);
  });

  it('whose first try died between its name and its item can be asked for again', async () => {
    const body = file();
    const { name } = body['metadata'] as { name: string };
    const cut = randomUUID();
    expect(await tests.store.names.claim(name, cut)).toBe(true);
    const created = await send<ClusterDetails>({ method: 'PUT', path: `/clusters/${name}`, body });
    expect(created.status).toBe(201);
    // The name leads to what was made, and the try that was cut makes no second one of the name.
    expect((await send<ClusterDetails>({ path: `/clusters/${name}` })).json.id).toBe(created.json.id);
    expect(created.json.id).toBe(cut);
    const again = await send<ProblemDocument>({ method: 'POST', path: '/clusters', body });
    expect(again.status).toBe(409);
  });

  it('of one name by two at once after such a death makes one, and the other is told', async () => {
    const body = file();
    const { name } = body['metadata'] as { name: string };
    await tests.store.names.claim(name, randomUUID());
    const tries = await Promise.all([1, 2, 3].map(() => send({ method: 'POST', path: '/clusters', body })));
    expect(tries.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409, 409]);
  });

  it('repeated after its cluster was deleted does not take the name for the dead', async () => {
    const body = file();
    const { name } = body['metadata'] as { name: string };
    const idempotencyKey = 'late';
    const { json } = await send<ClusterDetails>({ method: 'POST', path: '/clusters', body, idempotencyKey });
    const operation = { executionArn: 'me', kind: 'CleanupCluster', startedAt: exampleTime } as const;
    await tests.store.clusters.requestDeletion(json.id, { by: 'test', now: exampleTime });
    await tests.store.clusters.fence(json.id, operation);
    await tests.store.names.release(name, json.id);
    await tests.store.clusters.bury(json.id, 'me', exampleTime);
    bus.clear();
    const late = await send<ClusterDetails>({ method: 'POST', path: '/clusters', body, idempotencyKey });
    expect(late).toMatchObject({ status: 200, json: { id: json.id, status: 'deleted' } });
    expect(bus.said).toEqual([]);
    expect(await tests.store.names.lookUp(name)).toBeUndefined();
    expect((await send({ method: 'POST', path: '/clusters', body })).status).toBe(201);
  });

  it('leaves alone what cools off', async () => {
    const nodes = [{ role: 'control-plane', cloud: 'aws', shape: 'medium', count: 1 }];
    const spec = { clouds: [{ cloud: 'aws' }], configuration: undefined, nodes };
    const typeOf = async (id: string) =>
      (await tests.store.clusters.get(id))?.pendingPlan?.nodes[0]?.offering;
    const usual = await typeOf((await create(spec)).id);
    if (usual === undefined) throw new Error('nothing was planned');
    await tests.store.coolOffs.put({ ...usual, until: '2027-01-01T00:00:00.000Z', reason: 'no capacity' });
    const other = await typeOf((await create(spec)).id);
    expect(other?.instanceType).not.toBe(usual.instanceType);
    await tests.store.coolOffs.put({ ...usual, until: '2027-01-01T00:00:00.001Z', reason: 'no capacity' });
  });

  it('warns when losing one of two clouds loses the quorum', async () => {
    const details = await create({ clouds: [{ cloud: 'aws' }, { cloud: 'gcp' }] });
    expect(details.warnings?.join()).toMatch(/losing it loses the quorum/);
  });

  it('takes YAML as well', async () => {
    const text = `apiVersion: overcast.dev/v1\nkind: Cluster\nmetadata: { name: from-yaml }\nspec:\n  region: us-east\n  clouds: [{ cloud: aws }]\n  configuration: starter\n`;
    const { status, json } = await send<ClusterDetails>({
      method: 'POST',
      path: '/clusters',
      text,
      type: 'application/yaml',
    });
    expect([status, json.name]).toEqual([201, 'from-yaml']);
  });
});

describe('load balancers', () => {
  it('are off unless they are asked for', async () => {
    const made = await create();
    expect(made.ingress).toEqual({ loadBalancers: false });
    expect((await tests.store.clusters.get(made.id))?.ingress).toEqual({ loadBalancers: false });
  });

  it('are shown with where they are reached, or why they are not', async () => {
    const clouds = [{ cloud: 'aws' }];
    const made = await create({ clouds, ingress: { loadBalancers: true } });
    expect(made.ingress).toEqual({ loadBalancers: true });
    const read = async () => (await send<ClusterDetails>({ path: `/clusters/${made.id}` })).json.cloudParts;
    expect(await read()).toEqual([{ cloud: 'aws' }]);
    const loadBalancer = {
      cloud: 'aws',
      dnsName: 'it.elb.example',
      addresses: [],
      parts: { arn: 'a' },
    } as const;
    await tests.store.parts.recordLoadBalancer(made.id, loadBalancer, exampleTime);
    expect(await read()).toEqual([
      { cloud: 'aws', loadBalancer: { dnsName: 'it.elb.example', addresses: [] } },
    ]);
    const loadBalancerFailure = { error: 'QuotaExceeded', message: 'aws: no more', at: exampleTime };
    await tests.store.parts.recordLoadBalancerFailure(made.id, 'aws', loadBalancerFailure);
    expect(await read()).toMatchObject([{ loadBalancerFailure }]);
  });
});

describe('names', () => {
  const zone = { id: 'Z1', name: 'example.org' };
  const namesOf = async (id: string, given?: typeof zone) =>
    (await send<ClusterDetails>({ path: `/clusters/${id}`, ...(given && { zone: given }) })).json.names;

  it('are missing without a hosted zone, and the API says how to have one', async () => {
    const made = await create();
    expect(made.names).toEqual({ missing: [expect.stringContaining('hostedZoneId') as string] });
    expect(await namesOf(made.id)).toEqual(made.names);
  });

  it('are shown once they are published; before that, and where nothing could answer, it is said why', async () => {
    const made = await create();
    const [api, ingress] = [`api.${made.name}.example.org`, `${made.name}.example.org`];
    const off = `${ingress}: it leads to load balancers, and \`spec.ingress.loadBalancers\` is off`;
    expect(await namesOf(made.id, zone)).toEqual({
      zone: 'example.org',
      missing: [`${api}: no control plane is published yet`, off],
    });
    const record = {
      name: api,
      setIdentifier: 'x',
      routing: 'multivalue',
      target: { addresses: ['203.0.113.1'] },
    } as const;
    const publish = (flaws: readonly DnsFlaw[] = []) =>
      tests.store.dns.recordPublished(made.id, {
        clusterName: made.name,
        records: [record],
        flaws,
        at: exampleTime,
      });
    await publish();
    expect(await namesOf(made.id, zone)).toEqual({ zone: 'example.org', api, missing: [off] });
    await publish([{ kind: 'taken', subject: api, message: 'it is taken' }]);
    expect((await namesOf(made.id, zone)).missing[0]).toBe(`${api}: somebody else has a record of that name`);
    const failure = { error: 'QuotaExceeded', message: 'aws: no more health checks', at: exampleTime };
    await tests.store.dns.recordFailure(made.id, failure);
    expect(await namesOf(made.id, zone)).toMatchObject({ failure });
  });

  it('of its load balancers wait for one', async () => {
    const made = await create({ clouds: [{ cloud: 'aws' }], ingress: { loadBalancers: true } });
    expect((await namesOf(made.id, zone)).missing[1]).toMatch(/no load balancer takes traffic yet$/);
  });
});

describe('bad input is refused with the field and what is allowed, before anything changes', () => {
  const group = { role: 'worker', cloud: 'aws', shape: 'small', count: 1 };
  const one = { role: 'control-plane', cloud: 'aws', shape: 'medium', count: 1 };
  it.each<[string, Record<string, unknown>, number, string, string | undefined]>([
    ['an unknown region', file({ region: 'mars' }), 422, 'spec.region', 'us-east'],
    ['an unknown cloud', file({ clouds: [{ cloud: 'oracle' }] }), 422, 'spec.clouds[0].cloud', 'aws'],
    [
      'a cloud without an account',
      file({ clouds: [{ cloud: 'aws', account: 'other' }] }),
      422,
      'spec.clouds[0].account',
      'main',
    ],
    ['a name that is too long', file({}, 'a'.repeat(51)), 422, 'metadata.name', undefined],
    [
      'two control planes',
      file({ configuration: undefined, nodes: [{ ...one, count: 2 }, group] }),
      422,
      'spec.nodes',
      undefined,
    ],
    [
      'a pod range that overlaps the services',
      file({ podRange: '10.96.0.0/16' }),
      422,
      'spec.podRange',
      undefined,
    ],
    [
      'a count of 0',
      file({ configuration: undefined, nodes: [one, { ...group, count: 0 }] }),
      422,
      'spec.nodes[1].count',
      undefined,
    ],
    [
      'a count of 21',
      file({ configuration: undefined, nodes: [one, { ...group, count: 21 }] }),
      422,
      'spec.nodes[1].count',
      undefined,
    ],
    ['an unknown field', file({ colour: 'red' }), 400, 'spec.colour', undefined],
    ['a missing field', { ...file(), metadata: {} }, 400, 'metadata.name', undefined],
    [
      'a limit below what it begins with',
      file({ policies: { clusterLimits: { maxVcpus: 2 } } }),
      422,
      'spec.policies.clusterLimits.maxVcpus',
      undefined,
    ],
    [
      'limits that contradict each other',
      file({ policies: { clusterLimits: { minVcpus: 9, maxVcpus: 8 } } }),
      422,
      'spec.policies.clusterLimits.minVcpus',
      undefined,
    ],
    [
      'half a vCPU',
      file({ policies: { clusterLimits: { minVcpus: 0.5 } } }),
      422,
      'spec.policies.clusterLimits.minVcpus',
      undefined,
    ],
    [
      'load balancers that are neither wanted nor not',
      file({ ingress: { loadBalancers: 'perhaps' } }),
      400,
      'spec.ingress.loadBalancers',
      undefined,
    ],
    ['cloud-vpn', file({ vpn: 'cloud-vpn' }), 422, 'spec.vpn', 'wireguard-full-mesh'],
  ])('%s', async (_what, body, status, field, allowed) => {
    const before = (await tests.store.clusters.list({ limit: 200 })).items.length;
    const refused = await send<ProblemDocument>({ method: 'POST', path: '/clusters', body });
    expect(refused.status).toBe(status);
    const error = refused.json.errors?.find((each) => each.field.startsWith(field));
    expect(error, JSON.stringify(refused.json)).toBeDefined();
    if (allowed !== undefined) expect(error?.allowed).toContain(allowed);
    expect((await tests.store.clusters.list({ limit: 200 })).items).toHaveLength(before);
    expect(bus.said).toEqual([]);
  });

  it('a name that is taken', async () => {
    const { name } = await create();
    const { status, json } = await send<ProblemDocument>({
      method: 'POST',
      path: '/clusters',
      body: file({}, name),
    });
    expect([status, json.errors?.[0]?.field]).toEqual([409, 'metadata.name']);
  });

  it('malformed YAML, with line and column', async () => {
    const { status, json } = await send<ProblemDocument>({
      method: 'POST',
      path: '/clusters',
      text: 'kind: Cluster\nmetadata: { name: x\n',
      type: 'application/yaml',
    });
    expect(status).toBe(400);
    expect(json.detail).toMatch(/line \d+, column \d+/);
  });

  it('malformed JSON, and a content type that nobody reads', async () => {
    expect((await send({ method: 'POST', path: '/clusters', text: '{' })).status).toBe(400);
    expect(
      (await send({ method: 'POST', path: '/clusters', text: '<a/>', type: 'application/xml' })).status,
    ).toBe(415);
  });
});

describe('applying a file', () => {
  it('creates, and then finds nothing to do', async () => {
    const body = file({}, 'applied');
    const one = await send<{ change: string }>({ method: 'PUT', path: '/clusters/applied', body });
    const two = await send<{ change: string }>({ method: 'PUT', path: '/clusters/applied', body });
    expect([one.status, one.json.change, two.status, two.json.change]).toEqual([
      201,
      'created',
      200,
      'unchanged',
    ]);
  });
  it('refuses what a file cannot change, by field', async () => {
    const { status, json } = await send<ProblemDocument>({
      method: 'PUT',
      path: '/clusters/applied',
      body: file({ region: 'eu-central' }, 'applied'),
    });
    expect([status, json.errors?.map(({ field }) => field)]).toEqual([409, ['spec.region']]);
  });
  it('asks for load balancers, and takes them back, as a new generation; a file that is silent leaves them', async () => {
    const put = async (ingress: Record<string, unknown>, query = '') => {
      const path = `/clusters/balanced${query}`;
      const { json } = await send<AppliedCluster>({ method: 'PUT', path, body: file(ingress, 'balanced') });
      const cluster = await tests.store.clusters.get(json.id);
      return [json.change, json.changes.map(describePolicyChange), cluster?.ingress, cluster?.generation];
    };
    const [off, on] = [{ loadBalancers: false }, { loadBalancers: true }];
    await put({});
    const change = 'ingress.loadBalancers is true instead of false';
    expect(await put({ ingress: on }, '?dryRun=true')).toEqual(['changed', [change], off, 1]);
    expect(bus.names().filter((event) => event === 'IngressChanged')).toEqual([]);
    expect(await put({ ingress: on })).toEqual(['changed', [change], on, 2]);
    expect(await put({ ingress: on })).toEqual(['unchanged', [], on, 2]);
    expect(await put({})).toEqual(['unchanged', [], on, 2]);
    expect(await put({ ingress: off })).toEqual([
      'changed',
      ['ingress.loadBalancers is false instead of true'],
      off,
      3,
    ]);
    expect(bus.names().filter((event) => event === 'IngressChanged')).toEqual([
      'IngressChanged',
      'IngressChanged',
    ]);
  });
  it('changes no ingress of a cluster that goes', async () => {
    const { name, id } = await create();
    await tests.store.clusters.requestDeletion(id, { by: 'somebody', now: exampleTime });
    const body = file({ ingress: { loadBalancers: true } }, name);
    expect((await send({ method: 'PUT', path: `/clusters/${name}`, body })).status).toBe(409);
    expect((await tests.store.clusters.get(id))?.ingress).toEqual({ loadBalancers: false });
  });
  it('refuses a file of another name', async () => {
    expect((await send({ method: 'PUT', path: '/clusters/applied', body: file({}, 'another') })).status).toBe(
      400,
    );
  });
});

describe('nodes', () => {
  const materialised = async (): Promise<ClusterDetails> => {
    const details = await create();
    const cluster = await tests.store.clusters.get(details.id);
    await tests.store.clusters.clearPlan(details.id, cluster?.pendingPlan?.id ?? '');
    return details;
  };
  const add = (id: string, body: unknown, idempotencyKey?: string) =>
    send<ListOf<NodeView> & ProblemDocument>({
      method: 'POST',
      path: `/clusters/${id}/nodes`,
      body,
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
    });

  it('are added with the next numbers', async () => {
    const { id } = await materialised();
    const { status, json } = await add(id, { cloud: 'gcp', shape: 'small', count: 2 });
    expect(status).toBe(202);
    expect(json.items.map(({ number, cloud, role }) => [number, cloud, role])).toEqual([
      [7, 'gcp', 'worker'],
      [8, 'gcp', 'worker'],
    ]);
  });
  it('are added once for one Idempotency-Key', async () => {
    const { id } = await materialised();
    const one = await add(id, { cloud: 'gcp', shape: 'small' }, 'add-1');
    const two = await add(id, { cloud: 'gcp', shape: 'small' }, 'add-1');
    expect(two.json.items.map((node) => node.id)).toEqual(one.json.items.map((node) => node.id));
    expect((await tests.store.clusters.get(id))?.generation).toBe(2);
  });
  it.each<[string, unknown, string]>([
    ['0 of them', { cloud: 'gcp', shape: 'small', count: 0 }, 'count'],
    ['21 of them', { cloud: 'gcp', shape: 'small', count: 21 }, 'count'],
    ['an unknown shape', { cloud: 'gcp', shape: 'huge' }, 'shape'],
    ['a cloud of no cluster', { cloud: 'oracle', shape: 'small' }, 'cloud'],
    ['spot in DigitalOcean', { cloud: 'digitalocean', shape: 'small', lifecycle: 'spot' }, 'lifecycle'],
    ['a field that nobody knows', { cloud: 'gcp', shape: 'small', colour: 'red' }, 'colour'],
  ])('%s are refused', async (_what, body, field) => {
    const { id } = await materialised();
    const { status, json } = await add(id, body);
    expect([400, 422]).toContain(status);
    expect(json.errors?.map((error) => error.field)).toContain(field);
  });
  it('beyond the limit on vCPUs are refused', async () => {
    const details = await create({ policies: { clusterLimits: { maxVcpus: 18 } } });
    const cluster = await tests.store.clusters.get(details.id);
    for (const planned of cluster?.pendingPlan?.nodes ?? [])
      await tests.store.nodes.materialise(materialiseNode({ cluster: cluster!, planned, now: exampleTime }));
    await tests.store.clusters.clearPlan(details.id, cluster?.pendingPlan?.id ?? '');
    const { status, json } = await add(details.id, { cloud: 'gcp', shape: 'small' });
    expect([status, json.detail]).toEqual([
      422,
      "count: there would be 20 vCPUs, and the cluster's limit is 18",
    ]);
  });
  it('below the limit on vCPUs are not removed', async () => {
    const details = await create({ policies: { clusterLimits: { minVcpus: 18 } } });
    const cluster = await tests.store.clusters.get(details.id);
    for (const planned of cluster?.pendingPlan?.nodes ?? [])
      await tests.store.nodes.materialise(materialiseNode({ cluster: cluster!, planned, now: exampleTime }));
    const { status } = await send({ method: 'DELETE', path: `/clusters/${details.id}/nodes/5` });
    expect(status).toBe(409);
    expect((await tests.store.nodes.get(details.id, 5))?.desired).toBe('present');
  });
  it('of an unknown number, or a control plane of a cluster that is still being created, are not removed', async () => {
    const details = await create();
    for (const node of (await tests.store.clusters.get(details.id))?.pendingPlan?.nodes ?? [])
      await tests.store.nodes.materialise(
        materialiseNode({
          cluster: (await tests.store.clusters.get(details.id))!,
          planned: node,
          now: exampleTime,
        }),
      );
    const remove = (number: number) =>
      send({ method: 'DELETE', path: `/clusters/${details.id}/nodes/${number}` });
    expect([(await remove(99)).status, (await remove(1)).status, (await remove(5)).status]).toEqual([
      404, 409, 202,
    ]);
    expect((await tests.store.nodes.get(details.id, 5))?.desired).toBe('absent');
    expect(bus.names()).toContain('NodeRetirementRequested');
  });
});

describe('deleting a cluster', () => {
  it('records the request before it is said, and again changes nothing', async () => {
    const { name, id } = await create();
    const one = await send<ClusterDetails>({ method: 'DELETE', path: `/clusters/${name}` });
    expect(one.status).toBe(202);
    expect(one.json.deletionRequestedAt).toBe(clock.now());
    expect((await send({ method: 'DELETE', path: `/clusters/${name}` })).status).toBe(202);
    expect(bus.said.filter(({ event }) => event === 'ClusterDeletionRequested')).toHaveLength(2);
    expect((await tests.store.clusters.get(id))?.deletionRequestedBy).toBe('ada');
  });
  it('of a cluster that is not there is a 404', async () => {
    expect((await send({ method: 'DELETE', path: '/clusters/nobody' })).status).toBe(404);
  });
});

describe('lists', () => {
  it('page by cursor, and refuse one that is not theirs', async () => {
    for (let index = 0; index < 3; index += 1) await create();
    const seen = new Set<string>();
    let cursor: string | undefined;
    do {
      const page: ListOf<ClusterDetails> = (
        await send<ListOf<ClusterDetails>>({
          path: `/clusters?limit=2${cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
        })
      ).json;
      for (const { id } of page.items) {
        expect(seen.has(id)).toBe(false);
        seen.add(id);
      }
      ({ cursor } = page);
    } while (cursor !== undefined);
    expect(seen.size).toBeGreaterThan(3);
    expect((await send({ path: '/clusters?cursor=nonsense' })).status).toBe(400);
    expect((await send({ path: '/clusters?limit=0' })).status).toBe(400);
  });
});
