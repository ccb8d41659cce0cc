// oxlint-disable-next-line import/no-unassigned-import -- the X.509 library needs it in place, and before itself
import 'reflect-metadata';
import { createPrivateKey, generateKeyPair, randomBytes, webcrypto } from 'node:crypto';
import { promisify } from 'node:util';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  type JsonName,
  Pkcs10CertificateRequestGenerator,
  SubjectAlternativeNameExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** A certificate with its key, as kubeadm and the kubelet keep them in files. */
export interface CertificatePair {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface ServingNames {
  readonly dnsNames: readonly string[];
  readonly addresses: readonly string[];
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
/** kubeadm's own. */
const leafValidMilliseconds = 365 * 24 * 3600 * 1000;
const clockSkewMilliseconds = 300_000;

const generateEc = promisify(generateKeyPair);

interface Keys {
  readonly privateKeyPem: string;
  readonly privateKey: webcrypto.CryptoKey;
  readonly publicKey: webcrypto.CryptoKey;
}

const importPrivate = (pem: string): Promise<webcrypto.CryptoKey> =>
  webcrypto.subtle.importKey(
    'pkcs8',
    createPrivateKey(pem).export({ type: 'pkcs8', format: 'der' }),
    algorithm,
    true,
    ['sign'],
  );

async function makeKeys(): Promise<Keys> {
  const { privateKey, publicKey } = await generateEc('ec', { namedCurve: 'prime256v1' });
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return {
    privateKeyPem,
    privateKey: await importPrivate(privateKeyPem),
    publicKey: await webcrypto.subtle.importKey(
      'spki',
      publicKey.export({ type: 'spki', format: 'der' }),
      algorithm,
      true,
      ['verify'],
    ),
  };
}

const nameOf = (commonName: string, organization?: string): JsonName => [
  ...(organization === undefined ? [] : [{ O: [organization] }]),
  { CN: [commonName] },
];

/** What kubeadm signs with the authority that lies on a control plane's disk: an API server's, or a client's. */
export async function signCertificate(options: {
  readonly authority: CertificatePair;
  readonly commonName: string;
  readonly organization?: string;
  /** A server's names; absent for a client. */
  readonly serving?: ServingNames;
}): Promise<CertificatePair> {
  const { authority, serving } = options;
  const issuer = new X509Certificate(authority.certificatePem);
  const keys = await makeKeys();
  const now = Date.now();
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial.toString('hex'),
    subject: nameOf(options.commonName, options.organization),
    issuer: issuer.subject,
    notBefore: new Date(now - clockSkewMilliseconds),
    notAfter: new Date(Math.min(now + leafValidMilliseconds, issuer.notAfter.getTime())),
    publicKey: keys.publicKey,
    signingKey: await importPrivate(authority.privateKeyPem),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        serving === undefined ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
      ]),
      await AuthorityKeyIdentifierExtension.create(await issuer.publicKey.export()),
      ...(serving === undefined
        ? []
        : [
            new SubjectAlternativeNameExtension([
              ...serving.dnsNames.map((value) => ({ type: 'dns' as const, value })),
              ...serving.addresses.map((value) => ({ type: 'ip' as const, value })),
            ]),
          ]),
    ],
  });
  return { certificatePem: `${certificate.toString('pem').trim()}\n`, privateKeyPem: keys.privateKeyPem };
}

/** A key and the request for its certificate, as a kubelet makes them when it is bootstrapped. */
export async function requestCertificate(
  commonName: string,
  organization: string,
): Promise<{ readonly requestPem: string; readonly privateKeyPem: string }> {
  const keys = await makeKeys();
  const request = await Pkcs10CertificateRequestGenerator.create({
    name: nameOf(commonName, organization),
    keys: { privateKey: keys.privateKey, publicKey: keys.publicKey },
    signingAlgorithm: algorithm,
  });
  return { requestPem: `${request.toString('pem').trim()}\n`, privateKeyPem: keys.privateKeyPem };
}
