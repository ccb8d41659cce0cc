import { discoveryKubeconfig, discoveryPath } from '../planning/kubeadm-config-discovery.ts';
import { renderDocuments, type MachineFile } from '../planning/kubeadm-config-documents.ts';
import {
  auditPolicy,
  auditPolicyPath,
  encryptionConfiguration,
  encryptionConfigPath,
} from '../planning/kubeadm-config-security.ts';
import {
  initDocuments,
  joinDocuments,
  kubeadmConfigPath,
  type KubeadmCluster,
  type KubeadmNode,
} from '../planning/kubeadm-config.ts';
import type { Credential } from './pki/certificate.ts';
import type { ClusterPki } from './pki/cluster-pki.ts';

const pkiFolder = '/etc/kubernetes/pki';

/** Where kubeadm looks for authorities that are already there. */
export function pkiFiles(pki: ClusterPki): readonly MachineFile[] {
  const open = (path: string, content: string): MachineFile => ({
    path: `${pkiFolder}/${path}`,
    mode: '0644',
    content,
  });
  const closed = (path: string, content: string): MachineFile => ({
    path: `${pkiFolder}/${path}`,
    mode: '0600',
    content,
  });
  return [
    open('ca.crt', pki.cluster.certificatePem),
    closed('ca.key', pki.cluster.privateKey.reveal()),
    open('etcd/ca.crt', pki.etcd.certificatePem),
    closed('etcd/ca.key', pki.etcd.privateKey.reveal()),
    open('front-proxy-ca.crt', pki.frontProxy.certificatePem),
    closed('front-proxy-ca.key', pki.frontProxy.privateKey.reveal()),
    open('sa.pub', pki.serviceAccount.publicKeyPem),
    closed('sa.key', pki.serviceAccount.privateKey.reveal()),
  ];
}

/** Every control plane's API server reads them, so each has them. */
const apiServerFiles = (pki: ClusterPki): readonly MachineFile[] => [
  { path: auditPolicyPath, mode: '0600', content: renderDocuments([auditPolicy()]) },
  {
    path: encryptionConfigPath,
    mode: '0600',
    content: renderDocuments([encryptionConfiguration({ name: 'key1', secret: pki.secretsKey.reveal() })]),
  },
];

const discoveryFile = (clusterId: string, caCertificatePem: string, bootstrap: Credential): MachineFile => ({
  path: discoveryPath,
  mode: '0600',
  content: renderDocuments([
    discoveryKubeconfig(clusterId, {
      caCertificatePem,
      clientCertificatePem: bootstrap.certificatePem,
      clientKeyPem: bootstrap.privateKey.reveal(),
    }),
  ]),
});

const kubeadmFile = (content: string): MachineFile => ({ path: kubeadmConfigPath, mode: '0600', content });

/** For the one control plane that holds the init claim, and for no other machine. */
export const filesForInit = (input: {
  readonly cluster: KubeadmCluster;
  readonly node: KubeadmNode;
  readonly pki: ClusterPki;
}): readonly MachineFile[] => [
  ...pkiFiles(input.pki),
  ...apiServerFiles(input.pki),
  kubeadmFile(renderDocuments(initDocuments(input.cluster, input.node))),
];

/** Where the agent finds the way to the snapshot. */
const snapshotUrlPath = '/etc/overcast/snapshot.url';

/** For the one control plane that restores the cluster, and for no other machine: kubeadm begins on what the snapshot held. */
export const filesForRestore = (
  input: Parameters<typeof filesForInit>[0] & { readonly snapshotUrl: string },
): readonly MachineFile[] => [
  ...filesForInit(input),
  { path: snapshotUrlPath, mode: '0600', content: input.snapshotUrl },
];

/** For the one control plane that holds the join lease, and for no other machine. */
export const filesForControlPlaneJoin = (input: {
  readonly cluster: KubeadmCluster;
  readonly node: KubeadmNode;
  readonly pki: ClusterPki;
  readonly bootstrap: Credential;
}): readonly MachineFile[] => [
  ...pkiFiles(input.pki),
  ...apiServerFiles(input.pki),
  discoveryFile(input.cluster.id, input.pki.cluster.certificatePem, input.bootstrap),
  kubeadmFile(renderDocuments(joinDocuments(input.cluster, input.node))),
];

/** A worker gets its own short-lived credential and no authority's key. */
export const filesForWorkerJoin = (input: {
  readonly cluster: Pick<KubeadmCluster, 'id' | 'controlPlanesRunWork'>;
  readonly node: KubeadmNode;
  readonly caCertificatePem: string;
  readonly bootstrap: Credential;
}): readonly MachineFile[] => [
  discoveryFile(input.cluster.id, input.caCertificatePem, input.bootstrap),
  kubeadmFile(renderDocuments(joinDocuments(input.cluster, input.node))),
];
