import { load } from 'js-yaml';
import { ingressHealth, ingressPorts } from '../../shared/domain/load-balancer.ts';
import { createClusterApi, type ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { Secret } from '../../shared/kubernetes/pki/secret.ts';
import type { TestPlatform } from './local-platform.ts';

const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString();

/** The API of a cluster that runs on the local platform, as a person with an issued kubeconfig has it. */
export async function openClusterApi(platform: TestPlatform, clusterId: string): Promise<ClusterApi> {
  const { kubeconfig } = await platform.api.issueKubeconfig(clusterId);
  const { clusters, users } = load(kubeconfig) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const user = users[0]?.user;
  return createClusterApi({
    clusterId,
    addresses: clusters.map(({ cluster }) => new URL(cluster['server'] ?? '').hostname),
    caCertificatePem: text(clusters[0]?.cluster['certificate-authority-data']),
    credential: {
      certificatePem: text(user?.['client-certificate-data']),
      privateKey: new Secret(text(user?.['client-key-data'])),
    },
    proxyUrl: platform.clusterProxyUrl,
  });
}

/** What an ingress controller is to the clouds' balancers: on each worker's own ports, with its health port. */
export const ingressDaemonSet = {
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'ingress', namespace: 'default' },
  spec: {
    selector: { matchLabels: { app: 'ingress' } },
    template: {
      metadata: { labels: { app: 'ingress' } },
      spec: {
        hostNetwork: true,
        containers: [
          {
            name: 'nginx',
            image: 'nginx/nginx-ingress:5.3.0',
            ports: [...ingressPorts, ingressHealth.port].map((containerPort) => ({ containerPort })),
          },
        ],
      },
    },
  },
} as const;
