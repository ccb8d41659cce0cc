import { randomBytes, X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { issuePlatformCredential } from '../../shared/runtime/certificates.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import type { Pending } from '../../shared/runtime/progress.ts';
import { sealCredential } from '../../shared/runtime/pki.ts';
import { aCluster, anExecution } from '../../test/builders/cluster.ts';
import { testDataKeys } from '../../test/builders/data-keys.ts';
import { aNode } from '../../test/builders/node.ts';
import { refusal, type ControlPlanes, type KubernetesAnswer } from '../../test/builders/kubernetes-api.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { aReachableCluster, ownedBy, type ReachableCluster } from '../../test/builders/reachable-cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { configureCluster } from './configure-cluster.ts';

const now = new Date().toISOString();
const day = 24 * 3600;
const executionArn = anExecution('ProvisionCluster');
const operation = ownedBy(executionArn, 'ProvisionCluster', now);
const dataKeys = testDataKeys();
const open: ControlPlanes[] = [];
let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => now });
});
afterAll(() => {
  for (const there of open) there.close();
  return table.close();
});

async function scene(given: Partial<Cluster> = {}): Promise<ReachableCluster> {
  const at = await aReachableCluster({ store: table.store, dataKeys, now }, { operation, ...given });
  open.push(at.there);
  for (const [number, role] of [
    [2, 'control-plane'],
    [4, 'worker'],
    [5, 'worker'],
  ] as const)
    await table.store.nodes.materialise(aNode({ clusterId: at.cluster.id, number, role }));
  at.there.answer = ({ what }) =>
    what.startsWith('GET /api/v1/nodes')
      ? {
          body: {
            items: [
              {
                metadata: { name: 'four-clouds-1', labels: { 'node-role.kubernetes.io/control-plane': '' } },
              },
              // It joins: kubeadm marks it at its end.
              { metadata: { name: 'four-clouds-2', labels: { zone: 'a' } } },
              { metadata: { name: 'four-clouds-4', labels: { zone: 'a' } } },
              { metadata: { name: 'four-clouds-5', labels: { 'node-role.kubernetes.io/worker': '' } } },
            ],
          },
        }
      : { body: {} };
  return at;
}
const configure = (clusterId: string, proxyUrl: string | undefined, elapsedSeconds = 0) => {
  const clock = testClock(plusSeconds(now, elapsedSeconds));
  return configureCluster({
    store: table.store,
    dataKeys,
    randomBytes,
    access: createClusterAccess({ store: table.store, dataKeys, clock, proxyUrl }),
    clock,
    log: silentLog,
  })({ clusterId, executionArn });
};
const steps = [
  'PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/overcast:admins?fieldManager=overcast&force=true',
  'PATCH /apis/rbac.authorization.k8s.io/v1/clusterrolebindings/overcast:platform?fieldManager=overcast&force=true',
  'GET /api/v1/nodes?limit=500',
  'PATCH /api/v1/nodes/four-clouds-4?fieldManager=overcast',
];

describe('a cluster that was restored from a snapshot', () => {
  const restore = { id: 'r', snapshot: 'S', requestedAt: now, requestedBy: 'ada', number: 1, attempt: 1 };

  it('is not asked before it serves', async () => {
    const { cluster, there } = await scene({ restore });
    expect(await configure(cluster.id, there.proxyUrl)).toMatchObject({
      done: false,
      waitingFor: 'the cluster to be restored',
    });
    expect(there.requests).toEqual([]);
  });

  it('forgets the nodes that the snapshot brought back and that are gone, and no others', async () => {
    const { cluster, there } = await scene({ restore: { ...restore, restoredAt: now } });
    const gone = { phase: 'deleted', desired: 'absent' } as const;
    await table.store.nodes.materialise(aNode({ clusterId: cluster.id, number: 6, ...gone }));
    const names = [1, 2, 4, 6, 70].map((number) => `four-clouds-${number}`);
    const others = ['four-clouds-big-6', 'laptop', 'four-clouds-06'];
    const answer = there.answer;
    there.answer = (request) =>
      request.what.startsWith('GET /api/v1/nodes')
        ? { body: { items: [...names, ...others].map((name) => ({ metadata: { name } })) } }
        : answer(request);
    expect(await configure(cluster.id, there.proxyUrl)).toEqual({ done: true });
    const deleted = () => there.requests.map(({ what }) => what).filter((what) => what.startsWith('DELETE'));
    expect(deleted().toSorted()).toEqual([
      'DELETE /api/v1/nodes/four-clouds-6',
      'DELETE /api/v1/nodes/four-clouds-70',
    ]);
  });
});

describe('a cluster whose API answers', () => {
  it('lets the platform in, binds the groups, and names its workers; again, and all is the same', async () => {
    const { cluster, there } = await scene();
    expect(await configure(cluster.id, there.proxyUrl)).toEqual({ done: true });
    expect(there.requests.map(({ what }) => what)).toEqual(steps);
    expect(JSON.parse(there.requests[0]?.body ?? '')).toMatchObject({
      kind: 'ClusterRoleBinding',
      roleRef: { name: 'cluster-admin' },
      subjects: [{ kind: 'Group', name: 'overcast:admins' }],
    });
    expect(JSON.parse(there.requests[3]?.body ?? '')).toEqual({
      metadata: { labels: { 'node-role.kubernetes.io/worker': '' } },
    });
    const credential = await table.store.pki.credential(cluster.id);
    expect(new X509Certificate(credential?.certificatePem ?? '').subject.split('\n').sort()).toEqual([
      'CN=overcast:platform',
      'O=kubeadm:cluster-admins',
      'O=overcast:platform',
    ]);

    there.requests.length = 0;
    expect(await configure(cluster.id, there.proxyUrl)).toEqual({ done: true });
    expect(there.requests.map(({ what }) => what)).toEqual(steps);
    expect(await table.store.pki.credential(cluster.id)).toEqual(credential);
  });

  it.each<[string, number, boolean]>([
    ['stays while a third of its life is left', 4.6 * day, false],
    ['is renewed after that', 4.7 * day, true],
  ])('a credential of a week %s', async (_, age, isRenewed) => {
    const { cluster, pki, there } = await scene();
    // As if it had been issued that long ago: the API server knows only the true time.
    const issuedAt = plusSeconds(now, -age);
    const old = await issuePlatformCredential({ authority: pki.cluster, now: issuedAt, randomBytes });
    await table.store.pki.replaceCredential(
      await sealCredential(cluster.id, old, { dataKeys, randomBytes }),
      {},
    );
    expect(await configure(cluster.id, there.proxyUrl)).toEqual({ done: true });
    const credential = await table.store.pki.credential(cluster.id);
    expect(credential?.notAfter === old.notAfter).toBe(!isRenewed);
    if (isRenewed) expect(credential?.notAfter).toBe(plusSeconds(now, 7 * day));
  });

  it('of two that issue at once, one credential stands and serves both', async () => {
    const { cluster, there } = await scene();
    const both = [configure(cluster.id, there.proxyUrl), configure(cluster.id, there.proxyUrl)];
    expect(await Promise.all(both)).toEqual([{ done: true }, { done: true }]);
    expect(await configure(cluster.id, there.proxyUrl)).toEqual({ done: true });
  });
});

describe('it waits, and says for what', () => {
  it.each<[string, KubernetesAnswer | 'hang up', string]>([
    [
      'an API server that does not know the platform yet',
      refusal(403, 'Forbidden', 'clusterrolebindings is forbidden'),
      'HTTP 403: Forbidden: clusterrolebindings is forbidden',
    ],
    [
      'an API server on its way up',
      refusal(503, 'ServiceUnavailable', 'starting'),
      'HTTP 503: ServiceUnavailable: starting',
    ],
    ['an API server that ends the connection', 'hang up', 'no answer (203.0.113.1: '],
  ])('%s', async (_, answer, why) => {
    const { cluster, there } = await scene();
    there.answer = () => answer;
    const { waitingFor, ...rest } = (await configure(cluster.id, there.proxyUrl)) as Pending;
    expect(rest).toEqual({ done: false, retryAfterSeconds: 10 });
    expect(waitingFor).toContain(`the API of cluster ${cluster.name}: PATCH /apis/rbac`);
    expect(waitingFor).toContain(why);
  });

  it('an address where nobody answers', async () => {
    const { cluster, there } = await scene();
    there.close();
    expect(await configure(cluster.id, there.proxyUrl)).toMatchObject({
      done: false,
      waitingFor: expect.stringContaining('no answer (203.0.113.1: ') as string,
    });
  });

  it('authorities that a first control plane would have brought', async () => {
    const cluster = aCluster({ initialisedAt: now, operation });
    await table.store.clusters.create(cluster);
    expect(await configure(cluster.id, undefined)).toMatchObject({
      waitingFor: expect.stringContaining('has no authorities') as string,
    });
  });

  it('the first control plane', async () => {
    const cluster = aCluster({ operation });
    await table.store.clusters.create(cluster);
    expect(await configure(cluster.id, undefined)).toMatchObject({
      waitingFor: 'the first control plane to be initialised',
    });
  });
});

describe('it fails', () => {
  it('when the API server does not take what it is given', async () => {
    const { cluster, there } = await scene();
    there.answer = () => refusal(422, 'Invalid', 'roleRef: cannot change');
    await expect(configure(cluster.id, there.proxyUrl)).rejects.toThrow('HTTP 422: Invalid: roleRef');
  });

  it('quietly when another run owns the cluster', async () => {
    const { cluster, there } = await scene({ operation: { ...operation, executionArn: 'another' } });
    await expect(configure(cluster.id, there.proxyUrl)).rejects.toMatchObject({ name: 'Superseded' });
    expect(there.requests).toEqual([]);
  });
});
