import { createCipheriv, createDecipheriv } from 'node:crypto';
import * as z from 'zod/mini';
import type { ClusterId } from '../../domain/ids.ts';
import { sealedContextKeys, type Sealed, type SealedPurpose } from '../../domain/sealed-keys.ts';
import type { RandomBytes } from './certificate.ts';
import { Secret } from './secret.ts';

/** KMS as it is used here: GenerateDataKey (AES_256) and Decrypt, each bound to an encryption context. */
export interface DataKeys {
  generateDataKey(context: EncryptionContext): Promise<DataKey>;
  decrypt(encrypted: Uint8Array, context: EncryptionContext): Promise<Uint8Array>;
}
export interface DataKey {
  /** 32 bytes. Overwritten with zeros after use. */
  readonly plaintext: Uint8Array;
  readonly encrypted: Uint8Array;
}
export type EncryptionContext = Readonly<Record<string, string>>;

/** What a sealed text belongs to: opened as anything else it does not open. */
export interface SealedFor {
  readonly clusterId: ClusterId;
  readonly purpose: SealedPurpose;
}

const base64 = z.string().check(z.regex(/^[A-Za-z0-9+/]+={0,2}$/));

/** As it is stored. */
export const sealedSchema: z.ZodMiniType<Sealed> = z.strictObject({
  version: z.literal(1),
  /** The data key as KMS encrypted it. */
  dataKey: base64,
  iv: base64.check(z.length(16)),
  tag: base64.check(z.length(24)),
  ciphertext: base64,
});

const algorithm = 'aes-256-gcm';
const ivBytes = 12;
const tagBytes = 16;

export const encryptionContext = ({ clusterId, purpose }: SealedFor): EncryptionContext => ({
  [sealedContextKeys.clusterId]: clusterId,
  [sealedContextKeys.purpose]: purpose,
});

const additionalData = ({ clusterId, purpose }: SealedFor): Buffer =>
  Buffer.from(`overcast/sealed/1/${purpose}/${clusterId}`, 'utf8');

/** It was changed, or belongs to another cluster or purpose. Says nothing of its content. */
export class SealBroken extends Error {
  override readonly name = 'SealBroken';

  constructor({ clusterId, purpose }: SealedFor) {
    super(`the ${purpose} of cluster ${clusterId} does not open: it was changed, or is not this cluster's`);
  }
}

/** Encrypts under a data key of its own, so that no two texts share one; the key is bound to the same owner as the text. */
export async function seal(
  text: Secret,
  options: SealedFor & { readonly dataKeys: DataKeys; readonly randomBytes: RandomBytes },
): Promise<Sealed> {
  const dataKey = await options.dataKeys.generateDataKey(encryptionContext(options));
  try {
    const iv = options.randomBytes(ivBytes);
    const cipher = createCipheriv(algorithm, dataKey.plaintext, iv, { authTagLength: tagBytes });
    cipher.setAAD(additionalData(options));
    const ciphertext = Buffer.concat([cipher.update(text.reveal(), 'utf8'), cipher.final()]);
    return {
      version: 1,
      dataKey: Buffer.from(dataKey.encrypted).toString('base64'),
      iv: Buffer.from(iv).toString('base64'),
      tag: cipher.getAuthTag().toString('base64'),
      ciphertext: ciphertext.toString('base64'),
    };
  } finally {
    dataKey.plaintext.fill(0);
  }
}

/** @throws SealBroken when anything was changed; what KMS throws when it does not decrypt the data key. */
export async function open(
  sealed: Sealed,
  options: SealedFor & { readonly dataKeys: Pick<DataKeys, 'decrypt'> },
): Promise<Secret> {
  const key = await options.dataKeys.decrypt(
    Buffer.from(sealed.dataKey, 'base64'),
    encryptionContext(options),
  );
  try {
    const decipher = createDecipheriv(algorithm, key, Buffer.from(sealed.iv, 'base64'), {
      authTagLength: tagBytes,
    });
    decipher.setAAD(additionalData(options));
    decipher.setAuthTag(Buffer.from(sealed.tag, 'base64'));
    const ciphertext = Buffer.from(sealed.ciphertext, 'base64');
    return new Secret(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8'));
  } catch {
    throw new SealBroken(options);
  } finally {
    key.fill(0);
  }
}
