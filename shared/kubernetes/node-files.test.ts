import { randomBytes, X509Certificate } from 'node:crypto';
import { loadAll } from 'js-yaml';
import { beforeAll, describe, expect, it } from 'vitest';
import type { MachineFile } from '../planning/kubeadm-config-documents.ts';
import type { KubeadmCluster, KubeadmNode } from '../planning/kubeadm-config.ts';
import { filesForControlPlaneJoin, filesForInit, filesForWorkerJoin } from './node-files.ts';
import type { Credential } from './pki/certificate.ts';
import { createClusterPki, type ClusterPki } from './pki/cluster-pki.ts';
import { issueBootstrapCredential } from './pki/issue-credentials.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const now = '2026-11-23T04:00:00.000Z';
const cluster: KubeadmCluster = {
  id: clusterId,
  name: 'four-clouds',
  kubernetesVersion: 'stable-1.36',
  podRange: '10.217.0.0/16',
  etcd: { heartbeatMilliseconds: 250, electionMilliseconds: 2500 },
  controlPlanesRunWork: false,
};
const node = (role: KubeadmNode['role']): KubeadmNode => ({
  name: 'four-clouds-7',
  role,
  overlayAddress: '10.4.0.7',
  labels: {},
  taints: [],
  reserved: { cpuMillis: 70, memoryBytes: 2 ** 30 },
});
let pki: ClusterPki;
let bootstrap: Credential;
beforeAll(async () => {
  pki = await createClusterPki({ clusterId, now, randomBytes });
  bootstrap = await issueBootstrapCredential({ authority: pki.cluster, now, randomBytes }, 'four-clouds-7');
});

const listed = (files: readonly MachineFile[]): readonly string[] =>
  files.map(({ path, mode }) => `${mode} ${path}`).sort();
const kindsIn = (files: readonly MachineFile[], path: string): readonly unknown[] =>
  (loadAll(files.find((file) => file.path === path)?.content ?? '') as { kind: string }[]).map(
    ({ kind }) => kind,
  );
const kubeadm = '/etc/overcast/kubeadm.yaml';
const authorities = [
  '0600 /etc/kubernetes/pki/ca.key',
  '0600 /etc/kubernetes/pki/etcd/ca.key',
  '0600 /etc/kubernetes/pki/front-proxy-ca.key',
  '0600 /etc/kubernetes/pki/sa.key',
  '0644 /etc/kubernetes/pki/ca.crt',
  '0644 /etc/kubernetes/pki/etcd/ca.crt',
  '0644 /etc/kubernetes/pki/front-proxy-ca.crt',
  '0644 /etc/kubernetes/pki/sa.pub',
];

describe('the files of a machine', () => {
  it('that is to init', () => {
    const files = filesForInit({ cluster, node: node('control-plane'), pki });
    expect(listed(files)).toEqual([
      '0600 /etc/kubernetes/overcast/audit-policy.yaml',
      '0600 /etc/kubernetes/overcast/encryption.yaml',
      ...authorities.filter((each) => each.startsWith('0600')),
      '0600 /etc/overcast/kubeadm.yaml',
      ...authorities.filter((each) => each.startsWith('0644')),
    ]);
    expect(kindsIn(files, kubeadm)).toEqual([
      'InitConfiguration',
      'ClusterConfiguration',
      'KubeletConfiguration',
    ]);
    expect(kindsIn(files, '/etc/kubernetes/overcast/encryption.yaml')).toEqual(['EncryptionConfiguration']);
    expect(kindsIn(files, '/etc/kubernetes/overcast/audit-policy.yaml')).toEqual(['Policy']);
  });

  it('that joins as a control plane', () => {
    const files = filesForControlPlaneJoin({ cluster, node: node('control-plane'), pki, bootstrap });
    expect(listed(files)).toEqual([
      '0600 /etc/kubernetes/bootstrap.conf',
      '0600 /etc/kubernetes/overcast/audit-policy.yaml',
      '0600 /etc/kubernetes/overcast/encryption.yaml',
      ...authorities.filter((each) => each.startsWith('0600')),
      '0600 /etc/overcast/kubeadm.yaml',
      ...authorities.filter((each) => each.startsWith('0644')),
    ]);
    expect(kindsIn(files, kubeadm)).toEqual(['JoinConfiguration']);
  });

  it('that joins as a worker: no key but its own', () => {
    const files = filesForWorkerJoin({
      cluster,
      node: node('worker'),
      caCertificatePem: pki.cluster.certificatePem,
      bootstrap,
    });
    expect(listed(files)).toEqual(['0600 /etc/kubernetes/bootstrap.conf', '0600 /etc/overcast/kubeadm.yaml']);
    const text = JSON.stringify(files);
    for (const { privateKey } of [pki.cluster, pki.etcd, pki.frontProxy, pki.serviceAccount])
      expect(text).not.toContain(btoa(privateKey.reveal()).slice(0, 200));
    const [config] = loadAll(files[0]?.content ?? '') as [
      { users: [{ user: Record<'client-certificate-data', string> }] },
    ];
    const certificate = new X509Certificate(
      Buffer.from(config.users[0].user['client-certificate-data'], 'base64'),
    );
    expect(certificate.subject).toContain('CN=system:node:four-clouds-7');
  });

  it('that inits fit one answer', () => {
    const files = filesForInit({ cluster, node: node('control-plane'), pki });
    // A Lambda answer may have 6 MB; what counts is that a shell holds it with ease.
    expect(JSON.stringify(files).length).toBeLessThan(16 * 1024);
  });
});
