import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { DataKeys } from '../../shared/runtime/pki.ts';

/** KMS with one key: what it encrypts is bound to its context. */
export function testDataKeys(): DataKeys {
  const key = randomBytes(32);
  return {
    async generateDataKey(context) {
      const plaintext = new Uint8Array(randomBytes(32));
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(JSON.stringify(context)));
      const body = Buffer.concat([cipher.update(plaintext), cipher.final()]);
      return { plaintext, encrypted: Buffer.concat([iv, cipher.getAuthTag(), body]) };
    },
    async decrypt(encrypted, context) {
      const bytes = Buffer.from(encrypted);
      const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
        .setAuthTag(bytes.subarray(12, 28))
        .setAAD(Buffer.from(JSON.stringify(context)));
      return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]));
    },
  };
}
