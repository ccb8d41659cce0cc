// oxlint-disable-next-line import/no-unassigned-import -- the X.509 library needs it in place, and before itself
import 'reflect-metadata';
import { createPrivateKey, randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  Pkcs10CertificateRequest,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateAuthority } from './controller.ts';

/** Clocks of machines are off: a certificate is valid from a little before it was made, as kube-controller-manager does. */
const backdatedMs = 5 * 60_000;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

export interface RequestSubject {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

/** Whom a PKCS #10 request asks for. @throws Error when it is not one. */
export function subjectOf(requestPem: string): RequestSubject {
  const { subjectName } = new Pkcs10CertificateRequest(requestPem);
  const [commonName = ''] = subjectName.getField('CN');
  return { commonName, organizations: subjectName.getField('O') };
}

/**
 * Signs a PKCS #10 request with the cluster's authority: its subject and key, and for a server its names. The certificate
 * does not outlive the authority.
 *
 * @throws Error when the request was not signed with its own key, or is not one.
 */
export async function signRequest(options: {
  readonly requestPem: string;
  readonly authority: CertificateAuthority;
  readonly use: 'client' | 'server';
  readonly validSeconds: number;
  readonly nowMs: number;
}): Promise<string> {
  const { authority, use, nowMs } = options;
  const request = new Pkcs10CertificateRequest(options.requestPem);
  if (!(await request.verify())) throw new Error('the request is not signed with its own key');
  const issuer = new X509Certificate(authority.certificatePem);
  const names = request.extensions.find((each) => each instanceof SubjectAlternativeNameExtension);
  const serial = Uint8Array.from(randomBytes(16));
  // Positive and never zero (RFC 5280 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const certificate = await X509CertificateGenerator.create({
    serialNumber: Buffer.from(serial).toString('hex'),
    subject: request.subjectName.toJSON(),
    issuer: issuer.subjectName.toJSON(),
    notBefore: new Date(nowMs - backdatedMs),
    notAfter: new Date(Math.min(nowMs + options.validSeconds * 1000, issuer.notAfter.getTime())),
    publicKey: request.publicKey,
    signingKey: await webcrypto.subtle.importKey(
      'pkcs8',
      createPrivateKey(authority.privateKeyPem).export({ type: 'pkcs8', format: 'der' }),
      algorithm,
      false,
      ['sign'],
    ),
    signingAlgorithm: { name: algorithm.name, hash: algorithm.hash },
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([
        use === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth,
      ]),
      ...(use === 'server' && names !== undefined ? [names] : []),
      await SubjectKeyIdentifierExtension.create(request.publicKey),
      await AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return `${certificate.toString('pem').trim()}\n`;
}
