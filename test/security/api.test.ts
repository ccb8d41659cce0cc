import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApp } from '../../functions/serve-api/app.ts';
import type { ProblemDocument } from '../../shared/domain/api-types.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { aCluster, exampleTime } from '../builders/cluster.ts';
import { aNode } from '../builders/node.ts';
import { recordingBus, silentLog, testClock } from '../builders/platform.ts';
import { startTestStore, type TestStore } from '../builders/store.ts';

let tests: TestStore;
const clock = testClock();
const bus = recordingBus('overcast.serve-api');
const keys = {
  writer: `oc_${'w'.repeat(43)}`,
  other: `oc_${'o'.repeat(43)}`,
  reader: `oc_${'r'.repeat(43)}`,
};
const scopes = { writer: ['write'], other: ['write'], reader: ['read'] } as const;

beforeAll(async () => {
  tests = await startTestStore({ now: clock.now });
  for (const cloud of cloudNames)
    await tests.store.accounts.put({ cloud, id: 'main', createdAt: exampleTime });
  for (const name of ['writer', 'other', 'reader'] as const)
    await tests.store.apiKeys.put({
      hash: createHash('sha256').update(keys[name]).digest('hex'),
      name,
      scopes: [...scopes[name]],
      createdAt: exampleTime,
    });
});
afterAll(() => tests.close());

const call = async (
  method: string,
  path: string,
  {
    key = keys.writer,
    body,
    type = 'application/json',
    headers = {},
  }: {
    key?: string | undefined;
    body?: string;
    type?: string;
    headers?: Record<string, string>;
  } = {},
): Promise<{ status: number; text: string; problem: ProblemDocument }> => {
  const app = createApp({ store: tests.store, bus, clock, log: silentLog, newId: randomUUID });
  const response = await app.request(`http://127.0.0.1${path}`, {
    method,
    headers: {
      ...(key === '' ? {} : { 'x-api-key': key }),
      ...(body === undefined ? {} : { 'content-type': type }),
      ...headers,
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  let problem: unknown;
  try {
    problem = JSON.parse(text);
  } catch {
    problem = undefined;
  }
  return { status: response.status, text, problem: problem as ProblemDocument };
};

const file = (change: Record<string, unknown> = {}, name = 'attacked'): Record<string, unknown> => ({
  apiVersion: 'overcast.dev/v1',
  kind: 'Cluster',
  metadata: { name },
  spec: {
    region: 'us-east',
    clouds: [{ cloud: 'aws' }],
    nodes: [{ role: 'control-plane', cloud: 'aws', shape: 'medium' }],
    ...change,
  },
});

const routes: readonly (readonly [string, string])[] = [
  ['GET', '/v1/clusters'],
  ['POST', '/v1/clusters'],
  ['PUT', '/v1/clusters/one'],
  ['GET', '/v1/clusters/one'],
  ['DELETE', '/v1/clusters/one'],
  ['GET', '/v1/clusters/one/nodes'],
  ['POST', '/v1/clusters/one/nodes'],
  ['DELETE', '/v1/clusters/one/nodes/1'],
  ['GET', '/v1/clusters/one/events'],
];

describe('nobody gets past the door', () => {
  it.each([
    ...routes,
    ['OPTIONS', '/v1/clusters'],
    ['HEAD', '/v1/clusters'],
    ['PATCH', '/v1/clusters/one'],
    ['GET', '/v1/'],
    ['GET', '/v1/no/such/route'],
    ['POST', '/v1/clusters/one/nodes/1/admit'],
    ['POST', '/v1/clusters/one/nodes/1/sync/'],
  ] as const)('%s %s without a key', async (method, path) => {
    const { status } = await call(method, path, { key: '' });
    expect(status).toBe(401);
  });

  it.each([
    ['of another form', 'hunter2'],
    ['that nobody has', `oc_${'x'.repeat(43)}`],
    ['twice in one header', `${keys.writer}, ${keys.writer}`],
    ['with something after it', `${keys.writer}x`],
    ['as its own hash', createHash('sha256').update(keys.writer).digest('hex')],
  ])('with a key %s', async (_, key) => {
    expect((await call('GET', '/v1/clusters', { key })).status).toBe(401);
  });

  it.each([
    ['in the query', `/v1/clusters?x-api-key=${keys.writer}&X-API-Key=${keys.writer}`, {}],
    ['as a bearer', '/v1/clusters', { authorization: `Bearer ${keys.writer}` }],
    ['as a cookie', '/v1/clusters', { cookie: `x-api-key=${keys.writer}` }],
  ])('with its key %s', async (_, path, headers: Record<string, string>) => {
    expect((await call('GET', path, { key: '', headers })).status).toBe(401);
  });

  it.each(routes.filter(([method]) => method !== 'GET'))(
    '%s %s with a key that may only read',
    async (method, path) => {
      expect((await call(method, path, { key: keys.reader })).status).toBe(403);
    },
  );

  it('with a method that is written into a header', async () => {
    const headers = { 'x-http-method-override': 'DELETE', 'x-original-url': '/v1/clusters/one' };
    const { status } = await call('GET', '/v1/clusters', { key: keys.reader, headers });
    expect(status).toBe(200);
  });
});

describe('a name or number that is none is not found, and nothing breaks', () => {
  it.each([
    '..%2f..%2faccounts',
    '%2e%2e',
    'a%2fb',
    '%00',
    '%',
    '%E0%A4%A',
    'constructor',
    '__proto__',
    'KEY%23abc',
    '00000000-0000-4000-8000-000000000000',
    '11111111-2222-4333-8444-55555555555Z',
    'x'.repeat(3000),
    'é'.repeat(1100),
  ])('/v1/clusters/%s', async (name) => {
    const { status, text } = await call('GET', `/v1/clusters/${name}`);
    expect([400, 404]).toContain(status);
    expect(text.length).toBeLessThan(4000);
  });

  it.each(['1e0', '0x1', '01', '+1', '%201', '1.0', '1%00', '-1', '0', 'NaN', '1e308', '99999999999'])(
    'node %s',
    async (number) => {
      const cluster = aCluster({ name: `numbers-${randomUUID()}` });
      await tests.store.clusters.create(cluster);
      await tests.store.nodes.materialise(aNode({ clusterId: cluster.id, number: 1 }));
      const { status } = await call('DELETE', `/v1/clusters/${cluster.id}/nodes/${number}`);
      expect(status).toBe(404);
    },
  );

  it.each([
    'limit=1e1',
    'limit=0x10',
    'limit=',
    'limit=-1',
    'limit=201',
    'limit=5;drop',
    'cursor=%00',
    'cursor=e30',
  ])('GET /v1/clusters?%s', async (query) => {
    expect((await call('GET', `/v1/clusters?${query}`)).status).toBe(400);
  });
});

const words = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

describe('words that mean something to JavaScript mean nothing here', () => {
  it.each(
    words.flatMap((word): [string, Record<string, unknown>][] => [
      ['spec.region', file({ region: word })],
      ['spec.clouds', file({ clouds: [{ cloud: word, account: word }] })],
      ['spec.clouds[].account', file({ clouds: [{ cloud: 'aws', account: word }] })],
      ['spec.configuration', file({ nodes: undefined, configuration: word })],
      ['spec.nodes[].shape', file({ nodes: [{ role: 'control-plane', cloud: 'aws', shape: word }] })],
      ['spec.nodes[].instanceType', file({ nodes: [{ role: word, cloud: word, instanceType: word }] })],
      ['spec.kubernetesVersion', file({ kubernetesVersion: word })],
      ['spec.vpn', file({ vpn: word })],
      ['spec.podRange', file({ podRange: word })],
    ]),
  )('%s %j', async (_, document) => {
    const { status } = await call('POST', '/v1/clusters', { body: JSON.stringify(document) });
    expect(status).toBe(422);
  });

  it.each([
    ['JSON', 'application/json', JSON.stringify(file()).replace('{', '{"__proto__":{"admin":true},')],
    [
      'JSON, deep',
      'application/json',
      JSON.stringify(file()).replace('"spec":{', '"spec":{"__proto__":{"a":1},'),
    ],
    [
      'YAML',
      'application/yaml',
      `__proto__: { admin: true }\n${JSON.stringify(file())}`.replace('\n{', '\n').replace(/}$/, ''),
    ],
    ['YAML, merged', 'application/yaml', '<<: { __proto__: { admin: true } }\nkind: Cluster\n'],
  ])('a field __proto__ in %s is no known field', async (_, type, body) => {
    const { status } = await call('POST', '/v1/clusters', { body, type });
    expect(status).toBe(400);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
  });
});

describe('a small body cannot make much work or a large answer', () => {
  const many = (count: number, text: (index: number) => string): string =>
    Array.from({ length: count }, (_, index) => text(index)).join('');

  it.each([
    [
      'aliases of aliases',
      `a: &a [x,x,x,x,x,x,x,x]\n${many(12, (i) => `b${i}: &b${i} [${many(8, () => `*${i === 0 ? 'a' : `b${i - 1}`},`)}]\n`)}`,
    ],
    [
      'one large mapping named many times',
      `x: &a {${many(9000, (i) => `k${i}: 1, `)}}\napiVersion: overcast.dev/v1\nkind: Cluster\nmetadata: { name: bomb }\nspec: { region: us-east, clouds: [{ cloud: aws }], nodes: [${many(20_000, () => '*a, ')}] }\n`,
    ],
    [
      'many aliases of one large mapping',
      `kind: &a {${many(9000, (i) => `k${i}: 1, `)}}\nspec: { nodes: [${many(39, () => '*a, ')}] }\n`,
    ],
    ['brackets in brackets', '['.repeat(100_000)],
    ['a long run of spaces', `a: "${' '.repeat(200_000)}`],
  ])('YAML: %s', async (_, body) => {
    const begin = performance.now();
    const { status, text } = await call('POST', '/v1/clusters', { body, type: 'application/yaml' });
    expect(performance.now() - begin).toBeLessThan(2000);
    expect([400, 413]).toContain(status);
    expect(text.length).toBeLessThan(20_000);
  });

  it.each([
    ['unknown fields', `{${many(20_000, (i) => `"${i}":1,`)}"a":1}`],
    ['brackets in brackets', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['wrong nodes', JSON.stringify(file({ nodes: Array.from({ length: 60_000 }, () => 1) }))],
    ['a long name', JSON.stringify(file({}, 'x'.repeat(200_000)))],
    ['too much', 'x'.repeat(300_000)],
  ])('JSON: %s', async (_, body) => {
    const begin = performance.now();
    const { status, text } = await call('POST', '/v1/clusters', { body });
    expect(performance.now() - begin).toBeLessThan(2000);
    expect([400, 413]).toContain(status);
    expect(text.length).toBeLessThan(20_000);
  });
});

describe('an Idempotency-Key', () => {
  it('is its caller’s own: another’s is another key', async () => {
    const headers = { 'idempotency-key': 'shared' };
    const one = await call('POST', '/v1/clusters', { body: JSON.stringify(file({}, 'key-one')), headers });
    const two = await call('POST', '/v1/clusters', {
      key: keys.other,
      body: JSON.stringify(file({}, 'key-two')),
      headers,
    });
    expect([one.status, two.status]).toEqual([201, 201]);
    expect((JSON.parse(two.text) as { name: string }).name).toBe('key-two');
  });

  it('cannot be made to mean another’s by what stands in it', async () => {
    const hash = createHash('sha256').update(keys.other).digest('hex');
    const headers = { 'idempotency-key': `${hash}#shared` };
    const { status } = await call('POST', '/v1/clusters', {
      body: JSON.stringify(file({}, 'key-three')),
      headers,
    });
    expect(status).toBe(201);
  });
});

it('what breaks inside says nothing of the inside', async () => {
  const app = createApp({
    store: {
      ...tests.store,
      names: {
        ...tests.store.names,
        lookUp: () => Promise.reject(new Error('table Overcast-Table-1 of account 123')),
      },
    },
    bus,
    clock,
    log: silentLog,
    newId: randomUUID,
  });
  const response = await app.request('http://127.0.0.1/v1/clusters/one', {
    headers: { 'x-api-key': keys.reader },
  });
  expect(response.status).toBe(500);
  expect(await response.text()).not.toMatch(/Overcast-Table|123|at /);
});
