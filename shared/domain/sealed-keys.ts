import type { ClusterId, Instant } from './ids.ts';

/** What may be sealed. The purpose is part of the key's encryption context, and roles are limited by it. */
export const sealedPurposes = ['pki', 'platform-credential'] as const;
export type SealedPurpose = (typeof sealedPurposes)[number];

/** The names of the encryption context, as KMS shows them to policies and in CloudTrail. */
export const sealedContextKeys = { clusterId: 'overcast:cluster-id', purpose: 'overcast:purpose' } as const;

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
