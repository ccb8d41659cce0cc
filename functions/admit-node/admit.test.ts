import { createHmac, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { bootstrapTokenMessage, formatBootstrapToken } from '../../shared/planning/bootstrap-token.ts';
import type { Mac } from '../../shared/runtime/mac.ts';
import { admit } from './admit.ts';

let tests: TestStore;
beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());

const key = randomBytes(32);
const sign = (message: Uint8Array): Uint8Array => createHmac('sha256', key).update(message).digest();
/** KMS at its outermost edge; the local platform's KMS is tested with the real client. */
const mac: Mac = {
  generate: async (message) => sign(message),
  verify: async (message, given) => Buffer.from(sign(message)).equals(given),
};
const expiresAt = Math.floor(Date.parse(exampleTime) / 1000) + 3600;
const clock = testClock();
const behaviour = () => admit({ store: tests.store, mac, clock, log: silentLog });
const secret = (text: string): string => text.repeat(64).slice(0, 64);

async function aCreatingNode(): Promise<{ clusterId: string; nodeId: string; executionArn: string }> {
  const cluster = aCluster();
  const node = aNode({ clusterId: cluster.id, number: 1 });
  const executionArn = anExecution();
  await tests.store.clusters.create(cluster);
  await tests.store.nodes.materialise(node);
  await tests.store.nodes.claim(cluster.id, 1, {
    operation: { executionArn, kind: 'ProvisionNode', startedAt: exampleTime },
    expectedDesired: 'present',
  });
  await begin(cluster.id, executionArn, 1);
  return { clusterId: cluster.id, nodeId: node.id, executionArn };
}
const begin = (clusterId: string, executionArn: string, attempt: number): Promise<unknown> =>
  tests.store.nodes.beginAttempt(clusterId, 1, {
    executionArn,
    request: {
      attempt,
      offering: anOffering(),
      kubernetesVersion: '1.36',
      tokenExpiresAt: expiresAt,
      requestedAt: exampleTime,
    },
  });
const tokenFor = (nodeId: string, attempt = 1, expiry = expiresAt): string =>
  formatBootstrapToken({
    attempt,
    expiresAt: expiry,
    mac: sign(bootstrapTokenMessage({ nodeId, attempt, expiresAt: expiry })),
  });
const call = (clusterId: string, bearer: string, sessionSecret: string, attempt = 1) =>
  behaviour()({ clusterId, number: 1, bearer, body: { sessionSecret, attempt } });

describe('admission', () => {
  it('binds the machine’s secret, and again when its reply was lost', async () => {
    const { clusterId, nodeId } = await aCreatingNode();
    await expect(call(clusterId, tokenFor(nodeId), secret('a'))).resolves.toEqual({ syncAfterSeconds: 3 });
    await expect(call(clusterId, tokenFor(nodeId), secret('a'))).resolves.toEqual({ syncAfterSeconds: 3 });
    expect(JSON.stringify(await tests.store.nodes.get(clusterId, 1))).not.toContain(secret('a'));
  });

  it('refuses a second machine with the same user-data', async () => {
    const { clusterId, nodeId } = await aCreatingNode();
    await call(clusterId, tokenFor(nodeId), secret('a'));
    await expect(call(clusterId, tokenFor(nodeId), secret('b'))).rejects.toMatchObject({ status: 409 });
  });

  it('is won by one of twenty that come at once', async () => {
    const { clusterId, nodeId } = await aCreatingNode();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) =>
        call(clusterId, tokenFor(nodeId), secret((index % 10).toString() + 'c')),
      ),
    );
    const winners = new Set(
      results.flatMap((result, index) => (result.status === 'fulfilled' ? [index % 10] : [])),
    );
    expect(winners.size).toBe(1);
  });

  it.each<[string, (nodeId: string) => string]>([
    ['a token of another node', () => tokenFor('another')],
    ['a token of another attempt', (nodeId) => tokenFor(nodeId, 2)],
    ['an expired token', (nodeId) => tokenFor(nodeId, 1, expiresAt - 7200)],
    ['no token at all', () => 'nonsense'],
    ['a token whose mac was changed', (nodeId) => `${tokenFor(nodeId).slice(0, -2)}AA`],
  ])('refuses %s', async (_what, token) => {
    const { clusterId, nodeId } = await aCreatingNode();
    await expect(call(clusterId, token(nodeId), secret('a'))).rejects.toMatchObject({ status: 401 });
  });

  it('refuses the machine of an attempt that is over, also while the next has yet to begin', async () => {
    const { clusterId, nodeId, executionArn } = await aCreatingNode();
    await tests.store.nodes.endAttempt(clusterId, 1, { executionArn, attempt: 1 });
    await expect(call(clusterId, tokenFor(nodeId), secret('a'))).rejects.toMatchObject({ status: 401 });
    expect(await tests.store.nodes.get(clusterId, 1)).not.toHaveProperty('sessionHash');
  });

  it('refuses the machine of an attempt that was given up', async () => {
    const { clusterId, nodeId } = await aCreatingNode();
    await tests.store.nodes.recordFailure(clusterId, 1, { attempt: 1, failure: { reason: 'no word' } });
    await expect(call(clusterId, tokenFor(nodeId), secret('a'))).rejects.toMatchObject({ status: 401 });
  });

  it('refuses the machine of a node that is to go', async () => {
    const { clusterId, nodeId } = await aCreatingNode();
    await tests.store.nodes.retire(clusterId, 1);
    await expect(call(clusterId, tokenFor(nodeId), secret('a'))).rejects.toMatchObject({ status: 401 });
  });

  it('refuses the machine of an attempt when the next has begun', async () => {
    const { clusterId, nodeId, executionArn } = await aCreatingNode();
    await begin(clusterId, executionArn, 2);
    await expect(call(clusterId, tokenFor(nodeId, 1), secret('a'))).rejects.toMatchObject({ status: 401 });
    await expect(call(clusterId, tokenFor(nodeId, 2), secret('b'), 2)).resolves.toEqual({
      syncAfterSeconds: 3,
    });
  });
});
