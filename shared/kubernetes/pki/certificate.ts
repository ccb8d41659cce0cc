// oxlint-disable-next-line import/no-unassigned-import -- the X.509 library needs it in place, and before itself
import 'reflect-metadata';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonName,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import { plusSeconds, type Instant } from '../../domain/ids.ts';
import { generateKeyPair, signingKey, verifyingKey, type KeyPair } from './key-pair.ts';
import type { Secret } from './secret.ts';

export interface CertificateAuthority {
  readonly certificatePem: string;
  readonly privateKey: Secret;
}

/** A certificate with its key: what a client or server shows and proves. */
export interface Credential {
  readonly certificatePem: string;
  readonly privateKey: Secret;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
}

/** Gives that many random bytes. */
export type RandomBytes = (count: number) => Uint8Array;

/** Clocks of machines are off: a certificate is valid from a little before it was made. */
const clockSkewSeconds = 300;
const serialBytes = 16;

/** Positive, never zero, always of the same length (RFC 5280 4.1.2.2). */
function serialFrom(randomBytes: RandomBytes): string {
  const bytes = Uint8Array.from(randomBytes(serialBytes));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

const nameOf = (commonName: string, organizations: readonly string[]): JsonName => [
  ...organizations.map((organization) => ({ O: [organization] })),
  { CN: [commonName] },
];

interface Issue {
  readonly subject: JsonName;
  readonly publicKeyPem: string;
  readonly issuer: JsonName | string;
  readonly issuerPublicKeyPem: string;
  readonly issuerKey: Secret;
  readonly notBefore: Instant;
  readonly notAfter: Instant;
  readonly randomBytes: RandomBytes;
  readonly extensions: readonly Extension[];
}

async function sign(issue: Issue): Promise<string> {
  const publicKey = await verifyingKey(issue.publicKeyPem);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serialFrom(issue.randomBytes),
    subject: issue.subject,
    issuer: issue.issuer,
    notBefore: new Date(issue.notBefore),
    notAfter: new Date(issue.notAfter),
    publicKey,
    signingKey: await signingKey(issue.issuerKey),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      ...issue.extensions,
      await SubjectKeyIdentifierExtension.create(publicKey),
      await AuthorityKeyIdentifierExtension.create(await verifyingKey(issue.issuerPublicKeyPem)),
    ],
  });
  return `${certificate.toString('pem').trim()}\n`;
}

export interface AuthorityOptions {
  readonly commonName: string;
  readonly now: Instant;
  readonly validSeconds: number;
  readonly randomBytes: RandomBytes;
}

/** A self-signed authority that signs leaves only: a certificate it issues cannot issue others. */
export async function createAuthority(options: AuthorityOptions): Promise<CertificateAuthority> {
  const { publicKeyPem, privateKey } = await generateKeyPair();
  const name = nameOf(options.commonName, []);
  const certificatePem = await sign({
    subject: name,
    issuer: name,
    publicKeyPem,
    issuerPublicKeyPem: publicKeyPem,
    issuerKey: privateKey,
    notBefore: plusSeconds(options.now, -clockSkewSeconds),
    notAfter: plusSeconds(options.now, options.validSeconds),
    randomBytes: options.randomBytes,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(
        KeyUsageFlags.digitalSignature | KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign,
        true,
      ),
    ],
  });
  return { certificatePem, privateKey };
}

export type LeafUse =
  | { readonly for: 'client' }
  | {
      readonly for: 'server';
      readonly dnsNames: readonly string[];
      readonly addresses: readonly string[];
    };

export interface LeafOptions {
  readonly authority: CertificateAuthority;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly use: LeafUse;
  readonly now: Instant;
  readonly validSeconds: number;
  readonly randomBytes: RandomBytes;
}

/**
 * A fresh key and a certificate for it, good for one use. It never outlives its authority.
 *
 * @throws Error when the authority has expired.
 */
export async function issueLeaf(options: LeafOptions): Promise<Credential> {
  const { authority, use, now } = options;
  const issuer = new X509Certificate(authority.certificatePem);
  const authorityEnds = issuer.notAfter.toISOString();
  if (authorityEnds <= now) throw new Error(`the authority ${issuer.subject} expired at ${authorityEnds}`);
  const wantedEnd = plusSeconds(now, options.validSeconds);
  const validity = {
    notBefore: plusSeconds(now, -clockSkewSeconds),
    notAfter: wantedEnd < authorityEnds ? wantedEnd : authorityEnds,
  };
  const keys: KeyPair = await generateKeyPair();
  const certificatePem = await sign({
    ...validity,
    subject: nameOf(options.commonName, options.organizations),
    publicKeyPem: keys.publicKeyPem,
    issuer: issuer.subject,
    issuerPublicKeyPem: issuer.publicKey.toString('pem'),
    issuerKey: authority.privateKey,
    randomBytes: options.randomBytes,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        use.for === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
      ]),
      ...(use.for === 'server'
        ? [
            new SubjectAlternativeNameExtension([
              ...use.dnsNames.map((value) => ({ type: 'dns' as const, value })),
              ...use.addresses.map((value) => ({ type: 'ip' as const, value })),
            ]),
          ]
        : []),
    ],
  });
  return { certificatePem, privateKey: keys.privateKey, ...validity };
}
