import { load } from 'js-yaml';
import { createClusterApi, type ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { Secret } from '../../shared/kubernetes/pki/secret.ts';
import type { TestPlatform } from './local-platform.ts';

/** The cluster's API, as somebody has it with a kubeconfig that was issued now. */
export async function enterCluster(platform: TestPlatform, name: string): Promise<ClusterApi> {
  const { id } = await platform.api.getCluster(name);
  const { kubeconfig } = await platform.api.issueKubeconfig(name);
  const { clusters, users } = load(kubeconfig) as {
    clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
    users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
  };
  const decoded = (text = ''): string => Buffer.from(text, 'base64').toString();
  return createClusterApi({
    clusterId: id,
    addresses: clusters.map(({ cluster: { server } }) => new URL(server).hostname),
    caCertificatePem: decoded(clusters[0]?.cluster['certificate-authority-data']),
    proxyUrl: platform.clusterProxyUrl,
    credential: {
      certificatePem: decoded(users[0]?.user['client-certificate-data']),
      privateKey: new Secret(decoded(users[0]?.user['client-key-data'])),
    },
  });
}
