import { createPrivateKey, createPublicKey, generateKeyPair as generate, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import { Secret } from './secret.ts';

/** Everything is signed with ECDSA on P-256: kubeadm takes it, and making a key costs a millisecond, not the 100 of RSA. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface KeyPair {
  /** PEM, PKCS #8. */
  readonly privateKey: Secret;
  /** PEM, SubjectPublicKeyInfo. */
  readonly publicKeyPem: string;
}

const generateEc = promisify(generate);

/** Its randomness is the system's own: the one thing here that no caller can give. */
export async function generateKeyPair(): Promise<KeyPair> {
  const { privateKey, publicKey } = await generateEc('ec', { namedCurve: 'prime256v1' });
  return {
    privateKey: new Secret(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()),
    publicKeyPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  };
}

/** Node's own webcrypto types, of which the X.509 library's are a copy. */
export const signingKey = (key: Secret): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(key.reveal()).export({ type: 'pkcs8', format: 'der' }),
    keyAlgorithm,
    false,
    ['sign'],
  );

export const verifyingKey = (publicKeyPem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey(
    'spki',
    createPublicKey(publicKeyPem).export({ type: 'spki', format: 'der' }),
    keyAlgorithm,
    true,
    ['verify'],
  );
