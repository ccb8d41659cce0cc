import { randomBytes } from 'node:crypto';
import { DecryptCommand, GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import type { RandomBytes } from '../kubernetes/pki/certificate.ts';
import type { DataKeys } from '../kubernetes/pki/sealed.ts';

// Whoever only opens what is sealed need not carry the X.509 library: what signs is in certificates.ts.
export type { ClusterPki } from '../kubernetes/pki/cluster-pki.ts';
export type { Credential, RandomBytes } from '../kubernetes/pki/certificate.ts';
export type { DataKeys } from '../kubernetes/pki/sealed.ts';
export { openCredential, openPki, sealCredential, sealPki } from '../kubernetes/pki/stored-pki.ts';

/** Data keys of a symmetric KMS key. What KMS refuses is thrown as it is: nobody here can mend it. */
export const createDataKeys = (options: {
  readonly client: Pick<KMSClient, 'send'>;
  readonly keyId: string;
}): DataKeys => ({
  async generateDataKey(context) {
    const { Plaintext: plaintext, CiphertextBlob: encrypted } = await options.client.send(
      new GenerateDataKeyCommand({
        KeyId: options.keyId,
        KeySpec: 'AES_256',
        EncryptionContext: { ...context },
      }),
    );
    if (plaintext === undefined || encrypted === undefined)
      throw new Error('KMS answered without a data key');
    return { plaintext, encrypted };
  },

  async decrypt(encrypted, context) {
    const { Plaintext: plaintext } = await options.client.send(
      // The key is named, so that a data key of another key is refused and not opened.
      new DecryptCommand({
        KeyId: options.keyId,
        CiphertextBlob: encrypted,
        EncryptionContext: { ...context },
      }),
    );
    if (plaintext === undefined) throw new Error('KMS answered without a plaintext');
    return plaintext;
  },
});

export const createKmsClient = (): KMSClient => new KMSClient({});

/** The system's randomness. */
export const systemRandomBytes: RandomBytes = (count) => new Uint8Array(randomBytes(count));
