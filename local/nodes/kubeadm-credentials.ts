import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { load } from 'js-yaml';
import type { CertificatePair } from './certificates.ts';
import { KubeadmFailed, type MachineFiles } from './kubeadm-failed.ts';

/** Whom a joining machine trusts, and as whom it asks. */
export interface Discovery {
  readonly caCertificatePem: string;
  readonly bootstrap: CertificatePair;
}

const pkiFolder = '/etc/kubernetes/pki';
const nodesGroup = 'system:nodes';

function fileAt(files: MachineFiles, path: string): string {
  const content = files[path];
  if (content === undefined || content === '')
    throw new KubeadmFailed(`[certs] couldn't load ${path}: open ${path}: no such file or directory`);
  return content;
}

const certificateAt = (path: string, pem: string): X509Certificate => {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new KubeadmFailed(
      `[certs] couldn't load ${path}: data does not contain any valid RSA or ECDSA certificates`,
    );
  }
};

function checkPair(path: string, pair: CertificatePair, now: number): X509Certificate {
  const certificate = certificateAt(`${path}.crt`, pair.certificatePem);
  let isPair: boolean;
  try {
    isPair = certificate.checkPrivateKey(createPrivateKey(pair.privateKeyPem));
  } catch {
    throw new KubeadmFailed(`[certs] couldn't load ${path}.key: data does not contain a valid private key`);
  }
  if (!isPair) throw new KubeadmFailed(`[certs] ${path}: the certificate and its key do not belong together`);
  if (now < Date.parse(certificate.validFrom))
    throw new KubeadmFailed(`[certs] ${path}: the certificate is not valid yet`);
  if (now > Date.parse(certificate.validTo))
    throw new KubeadmFailed(`[certs] ${path}: the certificate has expired`);
  return certificate;
}

/** `ca`, `etcd/ca` or `front-proxy-ca`. */
export function checkAuthority(files: MachineFiles, name: string, now: number): CertificatePair {
  const path = `${pkiFolder}/${name}`;
  const pair = {
    certificatePem: fileAt(files, `${path}.crt`),
    privateKeyPem: fileAt(files, `${path}.key`),
  };
  if (!checkPair(path, pair, now).ca) throw new KubeadmFailed(`[certs] certificate ${name} is not a CA`);
  return pair;
}

export function checkServiceAccountKeys(files: MachineFiles): void {
  const publicKey = createPublicKey(fileAt(files, `${pkiFolder}/sa.pub`));
  const privateKey = createPrivateKey(fileAt(files, `${pkiFolder}/sa.key`));
  if (!createPublicKey(privateKey).equals(publicKey))
    throw new KubeadmFailed('[certs] sa.key and sa.pub do not belong together');
}

interface KubeconfigFile {
  readonly clusters?: readonly {
    readonly name: string;
    readonly cluster: { readonly server?: string; readonly 'certificate-authority-data'?: string };
  }[];
  readonly users?: readonly {
    readonly name: string;
    readonly user: { readonly 'client-certificate-data'?: string; readonly 'client-key-data'?: string };
  }[];
  readonly contexts?: readonly {
    readonly name: string;
    readonly context: { readonly cluster: string; readonly user: string };
  }[];
  readonly 'current-context'?: string;
}

const decode = (text: string | undefined): string => Buffer.from(text ?? '', 'base64').toString('utf8');

/** kubeadm's file discovery: the credential in it is embedded, chains to the authority in it, and is this node's. */
export function readDiscovery(
  files: MachineFiles,
  path: string,
  machine: { readonly clusterId: string; readonly now: number },
  nodeName: string,
): Discovery {
  const config = load(fileAt(files, path)) as KubeconfigFile;
  const context = config.contexts?.find(({ name }) => name === config['current-context'])?.context;
  const cluster = config.clusters?.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users?.find(({ name }) => name === context?.user)?.user;
  const fail = (why: string): KubeadmFailed =>
    new KubeadmFailed(`couldn't validate the identity of the API Server: ${path}: ${why}`);
  if (cluster === undefined || user === undefined) throw fail('no cluster or user in its current context');
  const server = `https://${machine.clusterId}.overcast.internal:6443`;
  if (cluster.server !== server)
    throw fail(`dial tcp: lookup ${String(cluster.server)}: no such host, hosts has ${server}`);
  const caCertificatePem = decode(cluster['certificate-authority-data']);
  const authority = certificateAt(path, caCertificatePem);
  const bootstrap = {
    certificatePem: decode(user['client-certificate-data']),
    privateKeyPem: decode(user['client-key-data']),
  };
  const client = checkPair(path, bootstrap, machine.now);
  if (!client.checkIssued(authority) || !client.verify(authority.publicKey))
    throw fail('x509: certificate signed by unknown authority');
  const subject = client.subject.split('\n');
  if (!subject.includes(`O=${nodesGroup}`) || !subject.includes(`CN=system:node:${nodeName}`))
    throw fail(`its credential is not this node's bootstrap credential: ${subject.join(', ')}`);
  return { caCertificatePem, bootstrap };
}
