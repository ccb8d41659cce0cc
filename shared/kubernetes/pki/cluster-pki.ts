import type { ClusterId, Instant } from '../../domain/ids.ts';
import { createAuthority, type CertificateAuthority, type RandomBytes } from './certificate.ts';
import { generateKeyPair, type KeyPair } from './key-pair.ts';
import { Secret } from './secret.ts';

/** All that a cluster's trust rests on. Made once, by the platform; a control plane gets a copy when it may init or join. */
export interface ClusterPki {
  readonly clusterId: ClusterId;
  readonly createdAt: Instant;
  /** Signs API servers, kubelets and every client. */
  readonly cluster: CertificateAuthority;
  readonly etcd: CertificateAuthority;
  /** Signs what aggregated API servers trust. */
  readonly frontProxy: CertificateAuthority;
  /** Signs service accounts' tokens. */
  readonly serviceAccount: KeyPair;
  /** 32 bytes, base64: encrypts Secrets on their way to etcd. */
  readonly secretsKey: Secret;
}

/** As long as kubeadm's own authorities. */
const authorityValidSeconds = 10 * 365 * 24 * 3600;
const secretsKeyBytes = 32;

/** The names are kubeadm's own. */
export async function createClusterPki(input: {
  readonly clusterId: ClusterId;
  readonly now: Instant;
  readonly randomBytes: RandomBytes;
}): Promise<ClusterPki> {
  const { clusterId, now, randomBytes } = input;
  const authority = (commonName: string): Promise<CertificateAuthority> =>
    createAuthority({ commonName, now, validSeconds: authorityValidSeconds, randomBytes });
  const [cluster, etcd, frontProxy, serviceAccount] = await Promise.all([
    authority('kubernetes'),
    authority('etcd-ca'),
    authority('front-proxy-ca'),
    generateKeyPair(),
  ]);
  const secretsKey = new Secret(Buffer.from(randomBytes(secretsKeyBytes)).toString('base64'));
  return { clusterId, createdAt: now, cluster, etcd, frontProxy, serviceAccount, secretsKey };
}
