import type { ClusterId, Instant } from './ids.ts';

/** Encrypted under a data key that KMS encrypted. Everything is base64 of what its name says, and none of it secret. */
export interface Sealed {
  readonly version: 1;
  readonly dataKey: string;
  readonly iv: string;
  readonly tag: string;
  readonly ciphertext: string;
}

/** A cluster's authorities and service-account key. Written once; the certificate stands beside the seal for those who only verify. */
export interface StoredPki {
  readonly clusterId: ClusterId;
  readonly createdAt: Instant;
  readonly caCertificatePem: string;
  readonly sealed: Sealed;
}

/** The platform's own client credential for one cluster. */
export interface StoredCredential {
  readonly clusterId: ClusterId;
  readonly certificatePem: string;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly sealed: Sealed;
}
