import * as z from 'zod/mini';
import type { ClusterId } from '../../domain/ids.ts';
import type { StoredCredential, StoredPki } from '../../domain/sealed-keys.ts';
import type { Credential, RandomBytes } from './certificate.ts';
import type { ClusterPki } from './cluster-pki.ts';
import { open, seal, SealBroken, sealedSchema, type DataKeys, type SealedFor } from './sealed.ts';
import { Secret } from './secret.ts';

const instant = z.string().check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/));
const pem = z.string().check(z.startsWith('-----BEGIN '));

/** The item `C#<cluster>` / `PKI`. Written once. The certificate stands beside the seal for those who only verify. */
export const storedPkiSchema: z.ZodMiniType<StoredPki> = z.strictObject({
  clusterId: z.uuid(),
  createdAt: instant,
  caCertificatePem: pem,
  sealed: sealedSchema,
});

/** The platform's own client credential for one cluster; replaced when `needsRotation` says so. */
export const storedCredentialSchema: z.ZodMiniType<StoredCredential> = z.strictObject({
  clusterId: z.uuid(),
  certificatePem: pem,
  notBefore: instant,
  notAfter: instant,
  sealed: sealedSchema,
});

const keySchema = z.strictObject({ certificatePem: pem, privateKeyPem: pem });
/** Inside the seal. */
const contentSchema = z.strictObject({
  clusterId: z.uuid(),
  createdAt: instant,
  cluster: keySchema,
  etcd: keySchema,
  frontProxy: keySchema,
  serviceAccount: z.strictObject({ publicKeyPem: pem, privateKeyPem: pem }),
  secretsKey: z.string().check(z.length(44)),
});

type Sealing = { readonly dataKeys: DataKeys; readonly randomBytes: RandomBytes };
type Opening = { readonly dataKeys: Pick<DataKeys, 'decrypt'> };

export async function sealPki(pki: ClusterPki, sealing: Sealing): Promise<StoredPki> {
  const { clusterId, createdAt, cluster, etcd, frontProxy, serviceAccount } = pki;
  const authority = ({ certificatePem, privateKey }: ClusterPki['cluster']) => ({
    certificatePem,
    privateKeyPem: privateKey.reveal(),
  });
  const content: z.output<typeof contentSchema> = {
    clusterId,
    createdAt,
    cluster: authority(cluster),
    etcd: authority(etcd),
    frontProxy: authority(frontProxy),
    serviceAccount: {
      publicKeyPem: serviceAccount.publicKeyPem,
      privateKeyPem: serviceAccount.privateKey.reveal(),
    },
    secretsKey: pki.secretsKey.reveal(),
  };
  const sealed = await seal(new Secret(JSON.stringify(content)), { ...sealing, clusterId, purpose: 'pki' });
  return { clusterId, createdAt, caCertificatePem: cluster.certificatePem, sealed };
}

/** Errors of parsing would quote what they found: they are replaced. */
function contentOf(text: Secret, owner: SealedFor): z.output<typeof contentSchema> {
  try {
    return z.parse(contentSchema, JSON.parse(text.reveal()));
  } catch {
    throw new SealBroken(owner);
  }
}

/**
 * @param clusterId whose it must be: an item that was moved to another cluster does not open.
 * @throws SealBroken; a ZodError for an item that is none; what KMS throws.
 */
export async function openPki(item: unknown, clusterId: ClusterId, opening: Opening): Promise<ClusterPki> {
  const stored = z.parse(storedPkiSchema, item);
  const owner: SealedFor = { clusterId, purpose: 'pki' };
  const content = contentOf(await open(stored.sealed, { ...opening, ...owner }), owner);
  const isWhole =
    content.clusterId === clusterId &&
    stored.clusterId === clusterId &&
    content.createdAt === stored.createdAt &&
    content.cluster.certificatePem === stored.caCertificatePem;
  if (!isWhole) throw new SealBroken(owner);
  const authority = (key: z.output<typeof keySchema>): ClusterPki['cluster'] => ({
    certificatePem: key.certificatePem,
    privateKey: new Secret(key.privateKeyPem),
  });
  return {
    clusterId,
    createdAt: content.createdAt,
    cluster: authority(content.cluster),
    etcd: authority(content.etcd),
    frontProxy: authority(content.frontProxy),
    serviceAccount: {
      publicKeyPem: content.serviceAccount.publicKeyPem,
      privateKey: new Secret(content.serviceAccount.privateKeyPem),
    },
    secretsKey: new Secret(content.secretsKey),
  };
}

export async function sealCredential(
  clusterId: ClusterId,
  credential: Credential,
  sealing: Sealing,
): Promise<StoredCredential> {
  const { certificatePem, notBefore, notAfter, privateKey } = credential;
  const sealed = await seal(privateKey, { ...sealing, clusterId, purpose: 'platform-credential' });
  return { clusterId, certificatePem, notBefore, notAfter, sealed };
}

/** @throws SealBroken; a ZodError for an item that is none; what KMS throws. */
export async function openCredential(
  item: unknown,
  clusterId: ClusterId,
  opening: Opening,
): Promise<Credential> {
  const { certificatePem, notBefore, notAfter, sealed } = z.parse(storedCredentialSchema, item);
  const privateKey = await open(sealed, { ...opening, clusterId, purpose: 'platform-credential' });
  return { certificatePem, notBefore, notAfter, privateKey };
}
