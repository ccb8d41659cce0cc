import { createHash, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { load } from 'js-yaml';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { IssuedKubeconfig, ProblemDocument } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { LogFields } from '../../shared/runtime/log.ts';
import { sealPki } from '../../shared/runtime/pki.ts';
import type { AuditEntry } from '../../shared/runtime/table.ts';
import { createClusterPki, type ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { testDataKeys } from '../../test/builders/data-keys.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { aControlPlane } from '../../test/builders/reachable-cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createApp } from './app.ts';

const clock = testClock();
const dataKeys = testDataKeys();
const keys = {
  ada: ['ada', ['admin']],
  writer: ['wri', ['read', 'write']],
  system: ['system:masters', ['admin']],
  quoted: ['ada "the admin"', ['admin']],
} as const;
const secretOf = (who: string): string => `oc_${who.padEnd(40, 'x')}`;
let table: TestStore;
let audit: AuditEntry[];
const logged: { decision: string; fields: LogFields }[] = [];

beforeAll(async () => {
  table = await startTestStore({ now: clock.now });
  for (const [who, [name, scopes]] of Object.entries(keys))
    await table.store.apiKeys.put({
      hash: createHash('sha256').update(secretOf(who)).digest('hex'),
      name,
      scopes: [...scopes],
      createdAt: exampleTime,
    });
});
afterAll(() => table.close());
beforeEach(() => {
  audit = [];
  logged.length = 0;
});

async function ask(
  nameOrId: string,
  { who = 'ada', body, proxyUrl }: { who?: string; body?: string; proxyUrl?: string } = {},
) {
  const record = (decision: string, fields: LogFields = {}): unknown => logged.push({ decision, fields });
  const app = createApp({
    store: { ...table.store, audit: { record: async (entry) => void audit.push(entry) } },
    dataKeys,
    randomBytes,
    clock,
    proxyUrl,
    installationId: 'test',
    log: { ...silentLog, info: record, error: record, warn: record },
    newId: randomUUID,
  });
  const response = await app.request(
    `/v1/clusters/${nameOrId}/kubeconfig`,
    {
      method: 'POST',
      headers: who === '' ? {} : { 'x-api-key': secretOf(who) },
      ...(body !== undefined && { body }),
    },
    { event: { requestContext: { requestId: 'request-1', http: { sourceIp: '198.51.100.9' } } } },
  );
  const text = await response.text();
  return {
    status: response.status,
    caching: response.headers.get('cache-control'),
    text,
    issued: JSON.parse(text) as IssuedKubeconfig,
    problem: JSON.parse(text) as ProblemDocument,
  };
}

const names = (function* () {
  for (let index = 1; ; index += 1) yield `cluster-${index}`;
})();
/** Three control planes, the third not joined yet. */
async function scene(
  given: Partial<Cluster> = {},
  has: { pki?: boolean; nodes?: boolean } = {},
): Promise<{ cluster: Cluster; pki: ClusterPki }> {
  const { store } = table;
  const name = names.next().value ?? '';
  const cluster = aCluster({ name, initialisedAt: exampleTime, initNode: 1, ...given });
  const pki = await createClusterPki({ clusterId: cluster.id, now: exampleTime, randomBytes });
  await store.clusters.create(cluster);
  await store.names.claim(name, cluster.id);
  if (has.pki !== false) await store.pki.create(await sealPki(pki, { dataKeys, randomBytes }));
  if (has.nodes === false) return { cluster, pki };
  const { joinedAt: _joinedAt, ...joining } = aControlPlane(cluster, exampleTime, {
    number: 3,
    phase: 'joining',
  });
  await store.nodes.materialise(aControlPlane(cluster, exampleTime));
  await store.nodes.materialise(
    aControlPlane(cluster, exampleTime, { number: 2, publicAddress: '203.0.113.2' }),
  );
  await store.nodes.materialise(joining);
  return { cluster, pki };
}

interface Kubeconfig {
  readonly clusters: readonly { readonly name: string; readonly cluster: Record<string, string> }[];
  readonly users: readonly { readonly user: Record<string, string> }[];
}
const decoded = (base64: string | undefined): string => Buffer.from(base64 ?? '', 'base64').toString('utf8');

describe('a kubeconfig', () => {
  it('is one person’s, for a day, at every control plane that joined', async () => {
    const { cluster, pki } = await scene();
    const { status, caching, issued } = await ask(cluster.name);
    expect([status, caching]).toEqual([201, 'no-store']);
    expect(issued).toEqual({
      kubeconfig: expect.any(String) as string,
      user: 'ada',
      expiresAt: plusSeconds(clock.now(), 24 * 3600),
    });
    const { clusters, users } = load(issued.kubeconfig) as Kubeconfig;
    expect(clusters.map(({ name, cluster: { server } }) => [name, server])).toEqual([
      [cluster.name, 'https://203.0.113.1:6443'],
      [`${cluster.name}-at-${cluster.name}-2`, 'https://203.0.113.2:6443'],
    ]);
    expect(clusters[0]?.cluster['tls-server-name']).toBe(`${cluster.id}.overcast.internal`);
    expect(clusters[0]?.cluster).not.toHaveProperty('proxy-url');
    const certificate = new X509Certificate(decoded(users[0]?.user['client-certificate-data']));
    expect(certificate.subject).toBe('O=overcast:admins\nCN=ada');
    expect(certificate.verify(new X509Certificate(pki.cluster.certificatePem).publicKey)).toBe(true);
    expect(decoded(clusters[0]?.cluster['certificate-authority-data'])).toBe(pki.cluster.certificatePem);
  });

  it('is another each time, by name or by id', async () => {
    const { cluster } = await scene();
    const [one, two] = [await ask(cluster.name), await ask(cluster.id, { body: ' {} ' })];
    expect([one.status, two.status]).toEqual([201, 201]);
    expect(one.issued.kubeconfig).not.toBe(two.issued.kubeconfig);
  });

  it('leads by a proxy where nothing else does', async () => {
    const { cluster } = await scene();
    const proxyUrl = 'http://127.0.0.1:4685';
    const { issued } = await ask(cluster.name, { proxyUrl });
    for (const entry of (load(issued.kubeconfig) as Kubeconfig).clusters)
      expect(entry.cluster['proxy-url']).toBe(proxyUrl);
  });
});

describe('it is refused', () => {
  it.each<[string, number, RegExp, () => Promise<string>, Parameters<typeof ask>[1]]>([
    ['to strangers', 401, /an API key of this installation/, nameOf({}), { who: '' }],
    [
      'to who may not do everything',
      403,
      /the key wri has not the scope admin/,
      nameOf({}),
      { who: 'writer' },
    ],
    [
      'to a name that Kubernetes keeps for itself',
      422,
      /does not begin with system:/,
      nameOf({}),
      { who: 'system' },
    ],
    ['to a name that a certificate cannot carry', 422, /has letters, digits/, nameOf({}), { who: 'quoted' }],
    ['with wishes', 400, /leave it empty/, nameOf({}), { body: '{"days":365}' }],
    ['for a cluster that is not there', 404, /there is no cluster nobody/, async () => 'nobody', {}],
    [
      'for a cluster that is on its way out',
      409,
      /is being deleted/,
      nameOf({ deletionRequestedAt: exampleTime }),
      {},
    ],
    ['before there is an API', 409, /has no Kubernetes API yet/, notYet, {}],
    ['without authorities', 409, /has no authority here/, nameOf({}, { pki: false }), {}],
    ['without a control plane', 409, /has no control plane at a public/, nameOf({}, { nodes: false }), {}],
  ])('%s: %i', async (_, status, detail, nameFor, options) => {
    const name = await nameFor();
    const refused = await ask(name, options);
    expect(refused.status).toBe(status);
    expect(refused.problem.detail).toMatch(detail);
    // Who asked is on record, whatever came of it; strangers leave a line in the log, and nothing that could fill a table.
    expect(JSON.stringify(logged).includes('"refused"')).toBe(status === 401);
    expect(audit.map(({ outcome, subject }) => [outcome, subject])).toEqual(
      status === 401 ? [] : [[String(status), `/v1/clusters/${name}/kubeconfig`]],
    );
  });
});

function nameOf(...given: Parameters<typeof scene>): () => Promise<string> {
  return async () => (await scene(...given)).cluster.name;
}
async function notYet(): Promise<string> {
  const cluster = aCluster({ name: names.next().value ?? '' });
  await table.store.clusters.create(cluster);
  await table.store.names.claim(cluster.name, cluster.id);
  return cluster.name;
}

describe('what stays', () => {
  it('is who, from where, which cluster and which certificate; never the key', async () => {
    const { cluster } = await scene();
    const { issued } = await ask(cluster.name);
    const { user } = (load(issued.kubeconfig) as Kubeconfig).users[0] ?? { user: {} };
    const { serialNumber } = new X509Certificate(decoded(user['client-certificate-data']));
    expect(audit).toMatchObject([
      {
        who: 'ada',
        from: '198.51.100.9',
        action: 'POST /v1/clusters/:cluster/kubeconfig',
        subject: `/v1/clusters/${cluster.name}/kubeconfig`,
        outcome: '201',
        requestId: 'request-1',
        details: { clusterId: cluster.id, serialNumber, expiresAt: issued.expiresAt },
      },
    ]);
    const kept = JSON.stringify([audit, logged]);
    expect(kept).toContain(serialNumber);
    for (const secret of [user['client-key-data'], decoded(user['client-key-data']), secretOf('ada')])
      expect(kept).not.toContain(secret);
    expect(kept).not.toContain('PRIVATE KEY');
  });

  it('is needed: what cannot be written down is not issued', async () => {
    const { cluster } = await scene();
    const app = createApp({
      store: { ...table.store, audit: { record: () => Promise.reject(new Error('no table')) } },
      dataKeys,
      randomBytes,
      clock,
      proxyUrl: undefined,
      installationId: 'test',
      log: silentLog,
      newId: randomUUID,
    });
    const response = await app.request(`/v1/clusters/${cluster.name}/kubeconfig`, {
      method: 'POST',
      headers: { 'x-api-key': secretOf('ada') },
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('kubeconfig');
  });
});
