import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import { issuePlatformCredential } from '../../shared/runtime/certificates.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { sealCredential } from '../../shared/runtime/pki.ts';
import { aCluster, anExecution } from '../../test/builders/cluster.ts';
import { testDataKeys } from '../../test/builders/data-keys.ts';
import { refusal, type ControlPlanes } from '../../test/builders/kubernetes-api.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { aReachableCluster, ownedBy } from '../../test/builders/reachable-cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { forgetNode } from './forget-node.ts';

const now = new Date().toISOString();
const executionArn = anExecution('RetireNode');
const dataKeys = testDataKeys();
const anAttempt = {
  attempt: 1,
  offering: anOffering(),
  kubernetesVersion: '1.36',
  tokenExpiresAt: 1_900_000_000,
  requestedAt: now,
} as const;
const open: ControlPlanes[] = [];
let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => now });
});
afterAll(() => {
  for (const there of open) there.close();
  return table.close();
});

/** Node 7 of a cluster with one control plane is going. */
async function scene(
  given: { cluster?: Partial<Cluster>; node?: Partial<Node>; isConfigured?: boolean } = {},
) {
  const { store } = table;
  const at = await aReachableCluster({ store, dataKeys, now }, given.cluster);
  open.push(at.there);
  await store.nodes.materialise(
    aNode({
      clusterId: at.cluster.id,
      number: 7,
      desired: 'absent',
      phase: 'deleting',
      operation: ownedBy(executionArn, 'RetireNode', now),
      ...given.node,
    }),
  );
  if (given.isConfigured !== false) {
    const credential = await issuePlatformCredential({ authority: at.pki.cluster, now, randomBytes });
    await store.pki.replaceCredential(
      await sealCredential(at.cluster.id, credential, { dataKeys, randomBytes }),
      {},
    );
  }
  const warnings: string[] = [];
  const forget = (isLastTry = false) => {
    const clock = testClock(now);
    return forgetNode({
      store,
      access: createClusterAccess({ store, dataKeys, clock, proxyUrl: at.there.proxyUrl }),
      log: { ...silentLog, warn: (decision) => warnings.push(decision) },
    })({ clusterId: at.cluster.id, number: 7, executionArn, isLastTry });
  };
  return { ...at, forget, warnings };
}

describe('a node whose machine is gone', () => {
  it('is removed from its cluster, once or twice', async () => {
    const { there, forget } = await scene();
    expect(await forget()).toEqual({ done: true });
    there.answer = () => refusal(404, 'NotFound', 'nodes "four-clouds-7" not found');
    expect(await forget()).toEqual({ done: true });
    expect(there.requests.map(({ what }) => what)).toEqual(
      Array.from({ length: 2 }, () => 'DELETE /api/v1/nodes/four-clouds-7'),
    );
  });

  it('of a cluster that goes as a whole is nobody’s to remember', async () => {
    const { there, forget } = await scene({ cluster: { desired: 'absent' } });
    expect(await forget()).toEqual({ done: true });
    expect(there.requests).toEqual([]);
  });

  it('of a cluster that is being restored is forgotten with the others, once it serves', async () => {
    const restore = { id: 'r', snapshot: 'S', requestedAt: now, requestedBy: 'ada', number: 9 };
    const { there, forget } = await scene({ cluster: { restore } });
    expect(await forget()).toEqual({ done: true });
    expect(there.requests).toEqual([]);
    const restored = await scene({ cluster: { restore: { ...restore, restoredAt: now } } });
    await restored.forget();
    expect(restored.there.requests).toHaveLength(1);
  });

  it('of a cluster that never began neither', async () => {
    const cluster = aCluster();
    await table.store.clusters.create(cluster);
    const operation = ownedBy(executionArn, 'RetireNode', now);
    await table.store.nodes.materialise(aNode({ clusterId: cluster.id, desired: 'absent', operation }));
    const forget = forgetNode({
      store: table.store,
      access: () => Promise.reject(new Error('not to be asked for')),
      log: silentLog,
    });
    const request = { clusterId: cluster.id, number: 1, executionArn, isLastTry: false };
    expect(await forget(request)).toEqual({ done: true });
  });
});

it('a node between two attempts is removed: its next machine joins under the same name', async () => {
  const { there, forget } = await scene({ node: { desired: 'present' } });
  expect(await forget()).toEqual({ done: true });
  expect(there.requests.map(({ what }) => what)).toEqual(['DELETE /api/v1/nodes/four-clouds-7']);
});

describe('a cluster that does not answer', () => {
  it.each<[string, (at: Awaited<ReturnType<typeof scene>>) => void, { isConfigured?: boolean }]>([
    ['because nobody is there', ({ there }) => there.close(), {}],
    [
      'because it is busy',
      ({ there }) => {
        there.answer = () => refusal(429, 'TooManyRequests', 'later');
      },
      {},
    ],
    ['because the platform has no credential yet', () => undefined, { isConfigured: false }],
  ])('%s is asked again, and after the last try left alone', async (_, happen, given) => {
    const at = await scene(given);
    happen(at);
    expect(await at.forget()).toMatchObject({
      done: false,
      retryAfterSeconds: 10,
      waitingFor: expect.stringContaining('the cluster to forget four-clouds-7: ') as string,
    });
    expect(at.warnings).toEqual([]);
    expect(await at.forget(true)).toEqual({ done: true });
    expect(at.warnings).toEqual(['node is still in its cluster']);
  });
});

it.each<[string, Partial<Node>]>([
  ['that is to stay', { desired: 'present', createRequest: anAttempt }],
  ['of another run', { operation: ownedBy('another', 'RetireNode', now) }],
])('a node %s is left alone', async (_, node) => {
  const { there, forget } = await scene({ node });
  await expect(forget()).rejects.toMatchObject({ name: 'Superseded' });
  expect(there.requests).toEqual([]);
});

it('what the API server refuses for good is an error', async () => {
  const { there, forget } = await scene();
  there.answer = () => refusal(400, 'BadRequest', 'no');
  await expect(forget()).rejects.toThrow('HTTP 400: BadRequest: no');
});
