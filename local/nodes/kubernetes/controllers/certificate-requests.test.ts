import { randomBytes, X509Certificate } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createAuthority } from '../../../../shared/kubernetes/pki/certificate.ts';
import { openManualCluster, type ManualCluster } from '../../../../test/builders/manual-cluster.ts';
import { requestCertificate } from '../../certificates.ts';
import { isKubeletsOwn, signers, type SigningRequest } from './certificate-requests.ts';
import type { CertificateAuthority } from './controller.ts';

const testAuthority = async (): Promise<CertificateAuthority> => {
  const { certificatePem, privateKey } = await createAuthority({
    commonName: 'kubernetes',
    now: '2025-12-31T00:00:00.000Z',
    validSeconds: 30 * 24 * 3600,
    randomBytes: (count) => randomBytes(count),
  });
  return { certificatePem, privateKeyPem: privateKey.reveal() };
};

const request = async (
  change: {
    commonName?: string;
    organization?: string;
    spec?: Partial<SigningRequest['spec']>;
  } = {},
): Promise<SigningRequest> => {
  const { requestPem } = await requestCertificate(
    change.commonName ?? 'system:node:n1',
    change.organization ?? 'system:nodes',
  );
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: 'csr-1' },
    spec: {
      request: Buffer.from(requestPem).toString('base64'),
      signerName: signers.kubeletClient,
      usages: ['digital signature', 'client auth'],
      username: 'system:bootstrap:n1',
      groups: ['system:bootstrappers:kubeadm:default-node-token', 'system:authenticated'],
      ...change.spec,
    },
  };
};

describe('a request that is approved by itself', () => {
  it.each<[string, Parameters<typeof request>[0], boolean]>([
    ['of a machine that joins', {}, true],
    ['of a node for itself', { spec: { username: 'system:node:n1', groups: ['system:nodes'] } }, true],
    ['of a node for another', { spec: { username: 'system:node:n2', groups: ['system:nodes'] } }, false],
    ['of anybody else', { spec: { username: 'eve', groups: ['system:authenticated'] } }, false],
    ['for somebody who is no node', { commonName: 'admin' }, false],
    ['for another group', { organization: 'system:masters' }, false],
    ['for a server', { spec: { usages: ['digital signature', 'server auth'] } }, false],
    ['of another signer', { spec: { signerName: signers.client } }, false],
  ])('%s', async (_case, change, expected) => {
    expect(isKubeletsOwn(await request(change))).toBe(expected);
  });
});

describe('signing', () => {
  let cluster: ManualCluster;
  afterEach(() => cluster.close());
  const stored = (): SigningRequest | undefined =>
    cluster.objects.get('certificatesigningrequests', 'csr-1') as SigningRequest | undefined;

  it('gives a kubelet its certificate', async () => {
    const authority = await testAuthority();
    cluster = openManualCluster(authority);
    cluster.objects.create('certificatesigningrequests', await request());
    cluster.settle();
    await vi.waitFor(() => expect(stored()?.status?.certificate).toBeDefined());
    const certificate = new X509Certificate(Buffer.from(stored()?.status?.certificate ?? '', 'base64'));
    expect(certificate.subject).toBe('O=system:nodes\nCN=system:node:n1');
    expect(certificate.verify(new X509Certificate(authority.certificatePem).publicKey)).toBe(true);
    expect(stored()?.status?.conditions?.map(({ type, reason }) => [type, reason])).toEqual([
      ['Approved', 'AutoApproved'],
    ]);
  });

  it('leaves others to be approved, then signs them', async () => {
    cluster = openManualCluster(await testAuthority());
    cluster.objects.create(
      'certificatesigningrequests',
      await request({ commonName: 'jane', organization: 'team', spec: { signerName: signers.client } }),
    );
    cluster.settle();
    expect(stored()?.status).toBeUndefined();
    cluster.objects.change('certificatesigningrequests', 'csr-1', undefined, (object) => ({
      ...object,
      status: { conditions: [{ type: 'Approved', status: 'True' }] },
    }));
    cluster.settle();
    await vi.waitFor(() => expect(stored()?.status?.certificate).toBeDefined());
  });
});
