import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { createClusterPki, type ClusterPki } from './cluster-pki.ts';
import { issuePlatformCredential } from './issue-credentials.ts';
import type { DataKeys, EncryptionContext } from './sealed.ts';
import type { StoredPki } from '../../domain/sealed-keys.ts';
import { openCredential, openPki, sealCredential, sealPki } from './stored-pki.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const otherId = '00000000-0000-4000-8000-000000000000';
const now = '2026-11-23T04:00:00.000Z';

/** KMS at its outermost edge: encrypts data keys bound to their context, and forgets nothing it handed out. */
class TestKms implements DataKeys {
  readonly #key = randomBytes(32);
  readonly handedOut: Uint8Array[] = [];
  readonly contexts: EncryptionContext[] = [];

  generateDataKey(context: EncryptionContext) {
    this.contexts.push(context);
    const plaintext = new Uint8Array(randomBytes(32));
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv).setAAD(Buffer.from(JSON.stringify(context)));
    const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    this.handedOut.push(plaintext);
    return Promise.resolve({ plaintext, encrypted: Buffer.concat([iv, cipher.getAuthTag(), body]) });
  }

  decrypt(encrypted: Uint8Array, context: EncryptionContext) {
    const bytes = Buffer.from(encrypted);
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12))
      .setAuthTag(bytes.subarray(12, 28))
      .setAAD(Buffer.from(JSON.stringify(context)));
    try {
      const plaintext = new Uint8Array(
        Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]),
      );
      this.handedOut.push(plaintext);
      return Promise.resolve(plaintext);
    } catch {
      return Promise.reject(new Error('InvalidCiphertextException'));
    }
  }
}

const dataKeys = new TestKms();
let pki: ClusterPki;
let stored: StoredPki;
beforeAll(async () => {
  pki = await createClusterPki({ clusterId, now, randomBytes });
  stored = await sealPki(pki, { dataKeys, randomBytes });
});

const revealed = (of: ClusterPki) => [
  of,
  [of.cluster, of.etcd, of.frontProxy, of.serviceAccount].map(({ privateKey }) => privateKey.reveal()),
  of.secretsKey.reveal(),
];

/** The same base64 with its first byte changed. */
const changed = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64');
};

describe('the stored PKI', () => {
  it('comes back whole after a journey through JSON', async () => {
    const item: unknown = JSON.parse(JSON.stringify(stored));
    expect(revealed(await openPki(item, clusterId, { dataKeys }))).toEqual(revealed(pki));
  });

  it('shows the authority’s certificate and nothing that is secret', () => {
    const text = JSON.stringify(stored);
    expect(stored.caCertificatePem).toBe(pki.cluster.certificatePem);
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).not.toContain(pki.secretsKey.reveal());
    expect(Buffer.from(stored.sealed.ciphertext, 'base64').toString('latin1')).not.toContain('BEGIN');
  });

  it('is sealed under a key of its own, bound to the cluster, that is wiped after use', async () => {
    const again = await sealPki(pki, { dataKeys, randomBytes });
    for (const field of ['dataKey', 'iv', 'ciphertext', 'tag'] as const)
      expect(again.sealed[field]).not.toBe(stored.sealed[field]);
    expect(dataKeys.contexts[0]).toEqual({ 'overcast:cluster-id': clusterId, 'overcast:purpose': 'pki' });
    await openPki(stored, clusterId, { dataKeys });
    for (const key of dataKeys.handedOut) expect(key.every((byte) => byte === 0)).toBe(true);
  });

  it.each<[string, (item: StoredPki) => unknown]>([
    [
      'its ciphertext',
      (item) => ({ ...item, sealed: { ...item.sealed, ciphertext: changed(item.sealed.ciphertext) } }),
    ],
    ['its tag', (item) => ({ ...item, sealed: { ...item.sealed, tag: changed(item.sealed.tag) } })],
    [
      'its initialisation vector',
      (item) => ({ ...item, sealed: { ...item.sealed, iv: changed(item.sealed.iv) } }),
    ],
    [
      'its data key',
      (item) => ({ ...item, sealed: { ...item.sealed, dataKey: changed(item.sealed.dataKey) } }),
    ],
    ['its certificate', (item) => ({ ...item, caCertificatePem: pki.etcd.certificatePem })],
    ['its creation time', (item) => ({ ...item, createdAt: '2026-11-23T05:00:00.000Z' })],
    ['its cluster', (item) => ({ ...item, clusterId: otherId })],
    ['its version', (item) => ({ ...item, sealed: { ...item.sealed, version: 2 } })],
    ['its shape', (item) => ({ ...item, note: 'and more' })],
    [
      'a shortened tag',
      (item) => ({ ...item, sealed: { ...item.sealed, tag: item.sealed.tag.slice(0, 8) } }),
    ],
  ])('does not open when somebody changed %s', async (_what, tamper) => {
    await expect(openPki(tamper(stored), clusterId, { dataKeys })).rejects.toThrow(
      /does not open|InvalidCiphertextException|Invalid input|Unrecognized key|Too small/,
    );
  });

  it('does not open as another cluster’s, or under another master key', async () => {
    const refused = 'InvalidCiphertextException';
    await expect(openPki({ ...stored, clusterId: otherId }, otherId, { dataKeys })).rejects.toThrow(refused);
    await expect(openPki(stored, otherId, { dataKeys })).rejects.toThrow(refused);
    await expect(openPki(stored, clusterId, { dataKeys: new TestKms() })).rejects.toThrow(refused);
  });

  it('says nothing of its content when it does not open', async () => {
    const tampered = {
      ...stored,
      sealed: { ...stored.sealed, ciphertext: changed(stored.sealed.ciphertext) },
    };
    await expect(openPki(tampered, clusterId, { dataKeys })).rejects.toMatchObject({
      name: 'SealBroken',
      message: `the pki of cluster ${clusterId} does not open: it was changed, or is not this cluster's`,
    });
  });
});

describe('the platform’s stored credential', () => {
  it('comes back whole, and does not open as a PKI does', async () => {
    const credential = await issuePlatformCredential({ authority: pki.cluster, now, randomBytes });
    const item = await sealCredential(clusterId, credential, { dataKeys, randomBytes });
    const back = await openCredential(JSON.parse(JSON.stringify(item)), clusterId, { dataKeys });
    expect(back).toEqual(credential);
    expect(back.privateKey.reveal()).toBe(credential.privateKey.reveal());
    expect(JSON.stringify(item)).not.toContain('PRIVATE KEY');
    const refused = 'InvalidCiphertextException';
    await expect(openPki({ ...stored, sealed: item.sealed }, clusterId, { dataKeys })).rejects.toThrow(
      refused,
    );
    await expect(openCredential({ ...item, sealed: stored.sealed }, clusterId, { dataKeys })).rejects.toThrow(
      refused,
    );
  });
});
