import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { StoredCredential, StoredPki } from '../domain/sealed-keys.ts';

let test: TestStore;
beforeAll(async () => {
  test = await startTestStore();
});
afterAll(async () => test.close());

const sealed = { version: 1, dataKey: 'a2V5', iv: 'aXY=', tag: 'dGFn', ciphertext: 'dGV4dA==' } as const;
const pkiOf = (clusterId: string, caCertificatePem = '-----BEGIN CERTIFICATE-----'): StoredPki => ({
  clusterId,
  createdAt: exampleTime,
  caCertificatePem,
  sealed,
});
const credentialOf = (clusterId: string, notAfter: string): StoredCredential => ({
  clusterId,
  certificatePem: '-----BEGIN CERTIFICATE-----',
  notBefore: exampleTime,
  notAfter,
  sealed,
});

describe('a cluster’s authorities', () => {
  it('are those of whoever was first, and everybody is told which', async () => {
    const clusterId = randomUUID();
    expect(await test.store.pki.get(clusterId)).toBeUndefined();
    const results = await Promise.all(
      Array.from({ length: 30 }, async (_, racer) => test.store.pki.create(pkiOf(clusterId, `${racer}`))),
    );
    const stored = await test.store.pki.get(clusterId);
    expect(stored).toBeDefined();
    for (const result of results) expect(result).toEqual(stored);
  });

  it('are forgotten with the credential, and forgetting repeats', async () => {
    const [clusterId, other] = [randomUUID(), randomUUID()];
    for (const id of [clusterId, other]) {
      await test.store.pki.create(pkiOf(id));
      await test.store.pki.replaceCredential(credentialOf(id, exampleTime), {});
    }
    await test.store.pki.forget(clusterId);
    await test.store.pki.forget(clusterId);
    expect(await test.store.pki.get(clusterId)).toBeUndefined();
    expect(await test.store.pki.credential(clusterId)).toBeUndefined();
    expect(await test.store.pki.get(other)).toEqual(pkiOf(other));
    expect(await test.store.pki.credential(other)).toEqual(credentialOf(other, exampleTime));
  });
});

describe('the platform’s credential', () => {
  it('is replaced by one of many who read the same, the first time too', async () => {
    const clusterId = randomUUID();
    const [first, second] = [plusSeconds(exampleTime, 60), plusSeconds(exampleTime, 120)];
    for (const [read, next] of [
      [undefined, first],
      [first, second],
    ] as const) {
      const results = await Promise.all(
        Array.from({ length: 30 }, async () =>
          test.store.pki.replaceCredential(credentialOf(clusterId, next), {
            ...(read !== undefined && { notAfterRead: read }),
          }),
        ),
      );
      expect(results.filter(Boolean)).toHaveLength(1);
      expect((await test.store.pki.credential(clusterId))?.notAfter).toBe(next);
    }
  });
});
