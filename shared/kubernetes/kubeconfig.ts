import { dump } from 'js-yaml';
import type { ClusterId } from '../domain/ids.ts';
import { kubeconfigExtension, type Kubeconfig } from '../domain/kubeconfig.ts';
import { apiServerPort } from '../domain/network.ts';
import { controlPlaneHost } from '../planning/kubeadm-config-endpoint.ts';
import type { Credential } from './pki/certificate.ts';

export interface KubeconfigInput {
  /** Whose cluster it is: two installations may have one of the same name. */
  readonly installation: string;
  readonly clusterId: ClusterId;
  readonly clusterName: string;
  readonly caCertificatePem: string;
  /** The control planes' names and public addresses. */
  readonly controlPlanes: readonly { readonly name: string; readonly address: string }[];
  /** An HTTP proxy that leads to them, where nothing else does. */
  readonly proxyUrl?: string | undefined;
  /** From `issueAdminCredential`. */
  readonly credential: Pick<Credential, 'certificatePem' | 'privateKey'>;
  readonly user: string;
}

const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address);
const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/**
 * A person's access to one cluster, whose name is known to no DNS: each control plane is dialled by its address and held to
 * the cluster's own name. kubectl knows one server per context, so there is a context for each control plane; the first
 * one's is named as the cluster, the others are for the day it does not answer.
 *
 * @throws Error when no control plane has a public address.
 */
export function buildKubeconfig(input: KubeconfigInput): Kubeconfig {
  const { clusterId, clusterName, controlPlanes } = input;
  if (controlPlanes.length === 0) throw new Error(`cluster ${clusterName} has no control plane to talk to`);
  const user = `${clusterName}-${input.user}`;
  const named = controlPlanes.map((each, index) => ({
    ...each,
    name: index === 0 ? clusterName : `${clusterName}-at-${each.name}`,
  }));
  const extensions = [
    { name: kubeconfigExtension, extension: { id: clusterId, installation: input.installation } },
  ];
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: named.map(({ name, address }) => ({
      name,
      cluster: {
        server: `https://${hostOf(address)}:${apiServerPort}`,
        'tls-server-name': controlPlaneHost(clusterId),
        'certificate-authority-data': base64(input.caCertificatePem),
        ...(input.proxyUrl !== undefined && { 'proxy-url': input.proxyUrl }),
        extensions,
      },
    })),
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(input.credential.certificatePem),
          'client-key-data': base64(input.credential.privateKey.reveal()),
          extensions,
        },
      },
    ],
    contexts: named.map(({ name }) => ({ name, context: { cluster: name, user, extensions } })),
    'current-context': clusterName,
  };
}

/** Without anchors: kubectl reads them, people do not. */
export const renderKubeconfig = (config: Kubeconfig): string => dump(config, { lineWidth: -1, noRefs: true });
