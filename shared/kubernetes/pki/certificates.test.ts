import { execFileSync } from 'node:child_process';
import { randomBytes, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate, type TLSSocket } from 'node:tls';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusSeconds } from '../../domain/ids.ts';
import type { Credential } from './certificate.ts';
import { createClusterPki, type ClusterPki } from './cluster-pki.ts';
import {
  issueAdminCredential,
  issueBootstrapCredential,
  issuePlatformCredential,
  issueServingCredential,
} from './issue-credentials.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
// TLS reads the machine's own clock.
const now = new Date().toISOString();
let pki: ClusterPki;
let other: ClusterPki;
const folder = mkdtempSync(join(tmpdir(), 'overcast-pki-'));

beforeAll(async () => {
  pki = await createClusterPki({ clusterId, now, randomBytes });
  other = await createClusterPki({ clusterId: crypto.randomUUID(), now, randomBytes });
});
afterAll(() => rmSync(folder, { recursive: true }));

const issuer = (of: ClusterPki = pki, at = now) => ({ authority: of.cluster, now: at, randomBytes });
const serving = (of: ClusterPki = pki) =>
  issueServingCredential(issuer(of), {
    clusterId,
    addresses: ['127.0.0.1', '10.96.0.1'],
    validSeconds: 3600,
  });

function openssl(pem: string, ...args: readonly string[]): string {
  return execFileSync('openssl', args, { input: pem, encoding: 'utf8' });
}
function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

describe('the authorities', () => {
  it.each([
    ['cluster', 'kubernetes'],
    ['etcd', 'etcd-ca'],
    ['frontProxy', 'front-proxy-ca'],
  ] as const)('of %s is called %s, lasts ten years and signs leaves only', (part, name) => {
    const text = openssl(pki[part].certificatePem, 'x509', '-noout', '-text');
    expect(text).toContain(`Subject: CN = ${name}`.replaceAll(' = ', text.includes('CN = ') ? ' = ' : '='));
    expect(text).toMatch(/CA:TRUE, pathlen:0/);
    expect(text).toMatch(/Key Usage: critical\s+Digital Signature, Certificate Sign, CRL Sign/);
    expect(text).toContain('ecdsa-with-SHA256');
    const certificate = new X509Certificate(pki[part].certificatePem);
    expect(Date.parse(certificate.validTo) - Date.parse(now)).toBeGreaterThan(3649 * 86_400_000);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(Date.parse(now));
  });

  it('verify themselves with openssl, each only itself', () => {
    const paths = (['cluster', 'etcd', 'frontProxy'] as const).map((part) =>
      write(`${part}.crt`, pki[part].certificatePem),
    );
    for (const path of paths) {
      expect(openssl('', 'verify', '-x509_strict', '-CAfile', path, path)).toContain('OK');
    }
    expect(() =>
      execFileSync('openssl', ['verify', '-CAfile', paths[0]!, paths[1]!], { stdio: 'pipe' }),
    ).toThrow('verification failed');
  });

  it('have keys that openssl reads, with the certificates’ public halves', () => {
    const fromKey = openssl(pki.cluster.privateKey.reveal(), 'pkey', '-pubout');
    expect(fromKey).toBe(openssl(pki.cluster.certificatePem, 'x509', '-noout', '-pubkey'));
    expect(openssl(pki.serviceAccount.privateKey.reveal(), 'pkey', '-pubout')).toBe(
      pki.serviceAccount.publicKeyPem,
    );
  });

  it('have serial numbers of their own, made from the randomness that was given', async () => {
    const serials = [pki, other].flatMap(({ cluster, etcd, frontProxy }) =>
      [cluster, etcd, frontProxy].map(
        ({ certificatePem }) => new X509Certificate(certificatePem).serialNumber,
      ),
    );
    expect(new Set(serials).size).toBe(6);
    const fixed = await createClusterPki({ clusterId, now, randomBytes: (count) => new Uint8Array(count) });
    expect(new X509Certificate(fixed.cluster.certificatePem).serialNumber).toBe(`40${'00'.repeat(15)}`);
  });
});

const lifeSeconds = ({ notAfter }: Credential): number => (Date.parse(notAfter) - Date.parse(now)) / 1000;

describe('a credential', () => {
  it.each([
    [
      'of a joiner',
      () => issueBootstrapCredential(issuer(), 'four-clouds-7'),
      'system:node:four-clouds-7',
      ['system:nodes'],
      1800,
    ],
    [
      'of a person',
      () => issueAdminCredential(issuer(), 'ada@example.com'),
      'ada@example.com',
      ['overcast:admins'],
      86_400,
    ],
    [
      'of the platform',
      () => issuePlatformCredential(issuer()),
      'overcast:platform',
      ['kubeadm:cluster-admins', 'overcast:platform'],
      7 * 86_400,
    ],
  ] as const)(
    '%s is for clients, for its time, and verifies',
    async (_what, issue, commonName, groups, seconds) => {
      const credential = await issue();
      const text = openssl(credential.certificatePem, 'x509', '-noout', '-text');
      expect(text).toMatch(/Key Usage: critical\s+Digital Signature\n/);
      expect(text).toMatch(/Extended Key Usage:[^\n]*\s+TLS Web Client Authentication\n/);
      expect(text).toMatch(/CA:FALSE/);
      const { subject, ca } = new X509Certificate(credential.certificatePem);
      expect(subject).toBe([...groups.map((group) => `O=${group}`), `CN=${commonName}`].join('\n'));
      expect(ca).toBe(false);
      expect(lifeSeconds(credential)).toBe(seconds);
      const caPath = write('ca.crt', pki.cluster.certificatePem);
      const path = write('leaf.crt', credential.certificatePem);
      expect(
        openssl('', 'verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', caPath, path),
      ).toContain('OK');
      expect(() =>
        execFileSync('openssl', ['verify', '-purpose', 'sslserver', '-CAfile', caPath, path], {
          stdio: 'pipe',
        }),
      ).toThrow(/unsuitable certificate purpose|unsupported certificate purpose/);
    },
  );

  it.each([
    ['system:kube-controller-manager'],
    ['System:admin'],
    ['overcast:platform'],
    [''],
    ['a\nb'],
    ['#0500'],
    ['"system:admin"'],
    ['a\\,b'],
    [' ada'],
    ['ada '],
    ['x'.repeat(129)],
  ])('is not issued to a person who is called %j', async (user) => {
    await expect(issueAdminCredential(issuer(), user)).rejects.toThrow('a user');
  });

  it.each([
    ['O=system:masters'],
    ['ada,O=system:masters'],
    ['ada+O=system:masters'],
    ['日本語'],
    ['auth0|5f7'],
    ['key/ci 1'],
  ])('issued to %j has that for a name and no other group', async (user) => {
    const { certificatePem } = await issueAdminCredential(issuer(), user);
    const legacy = new X509Certificate(certificatePem).toLegacyObject();
    expect(legacy.subject).toMatchObject({ CN: user, O: 'overcast:admins' });
  });

  it('names a person exactly as it was asked to, or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }), async (user) => {
        const issued = await issueAdminCredential(issuer(), user).catch(() => undefined);
        if (issued === undefined) return;
        const { subject } = new X509Certificate(issued.certificatePem).toLegacyObject();
        expect(subject).toEqual(expect.objectContaining({ CN: user, O: 'overcast:admins' }));
      }),
      { numRuns: 100 },
    );
  });

  it('never outlives its authority, and is not issued by an expired one', async () => {
    const end = new Date(new X509Certificate(pki.cluster.certificatePem).validTo).toISOString();
    const late = await issueAdminCredential(issuer(pki, plusSeconds(end, -60)), 'ada');
    expect(late.notAfter).toBe(end);
    await expect(issueAdminCredential(issuer(pki, end), 'ada')).rejects.toThrow('expired');
  });
});

/** What the server saw of its client; rejects when either side refuses the other. */
async function handshake(options: {
  server: Credential;
  client?: Credential;
  name?: string;
}): Promise<PeerCertificate['subject']> {
  const server = createServer({
    cert: options.server.certificatePem,
    key: options.server.privateKey.reveal(),
    ca: pki.cluster.certificatePem,
    requestCert: true,
    // It refuses below, where it can say why.
    rejectUnauthorized: false,
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let socket: TLSSocket | undefined;
  try {
    const accepted = new Promise<PeerCertificate['subject']>((resolve, reject) => {
      server.once('secureConnection', (peer) => {
        peer.on('error', () => undefined);
        if (peer.authorized) resolve(peer.getPeerCertificate().subject);
        else reject(new Error(String(peer.authorizationError)));
      });
      server.once('tlsClientError', reject);
    });
    socket = connect({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      ca: pki.cluster.certificatePem,
      servername: options.name ?? `${clusterId}.overcast.internal`,
      ...(options.client && {
        cert: options.client.certificatePem,
        key: options.client.privateKey.reveal(),
      }),
    });
    const failed = once(socket, 'error').then(([error]) => {
      throw error;
    });
    const secured = once(socket, 'secureConnect');
    failed.catch(() => undefined);
    accepted.catch(() => undefined);
    await Promise.race([secured, failed]);
    return await accepted;
  } finally {
    socket?.destroy();
    server.close();
  }
}

describe('over TLS', () => {
  it('an issued client and the cluster’s server know each other by the cluster’s name', async () => {
    const client = await issueAdminCredential(issuer(), 'ada');
    await expect(handshake({ server: await serving(), client })).resolves.toMatchObject({
      CN: 'ada',
      O: 'overcast:admins',
    });
  });

  it.each([
    [
      'of another cluster',
      () => issueAdminCredential(issuer(other), 'ada'),
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    [
      'that expired',
      () => issueAdminCredential(issuer(pki, plusSeconds(now, -86_500)), 'ada'),
      'CERT_HAS_EXPIRED',
    ],
    ['that has a server’s certificate', () => serving(), 'INVALID_PURPOSE'],
  ] as const)('the server refuses a client %s', async (_what, client, reason) => {
    await expect(handshake({ server: await serving(), client: await client() })).rejects.toThrow(reason);
  });

  it('the server refuses a client that shows nothing', async () => {
    await expect(handshake({ server: await serving() })).rejects.toThrow('UNABLE_TO_GET_ISSUER_CERT');
  });

  it.each([
    ['of another cluster', () => serving(other), clusterId, 'unable to verify the first certificate'],
    ['under another name', () => serving(), 'other', 'does not match certificate'],
    [
      'that has a client’s certificate',
      () => issueAdminCredential(issuer(), 'ada'),
      clusterId,
      'unsuitable certificate purpose',
    ],
  ] as const)('the client refuses a server %s', async (_what, server, name, reason) => {
    const client = await issueAdminCredential(issuer(), 'ada');
    const met = handshake({ client, server: await server(), name: `${name}.overcast.internal` });
    await expect(met).rejects.toThrow(reason);
  });
});

describe('a private key', () => {
  it('is not shown by whatever prints or serialises what holds it', async () => {
    const credential = await issuePlatformCredential(issuer());
    for (const holder of [pki, credential]) {
      const shown = [
        JSON.stringify(holder),
        inspect(holder, { depth: 9, showHidden: true }),
        Object.values(holder).join(' '),
        JSON.stringify(structuredClone(JSON.parse(JSON.stringify(holder)))),
      ].join('\n');
      expect(shown).not.toContain('PRIVATE KEY');
      expect(shown).not.toContain(pki.secretsKey.reveal());
    }
    expect(credential.privateKey.toString()).toBe('[secret]');
  });
});
