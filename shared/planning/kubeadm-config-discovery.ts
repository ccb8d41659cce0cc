import type { ClusterId } from '../domain/ids.ts';
import { controlPlaneEndpoint } from './kubeadm-config-endpoint.ts';

export const discoveryPath = '/etc/kubernetes/bootstrap.conf';

export interface BootstrapCredential {
  readonly caCertificatePem: string;
  /** Signed for this node alone, for half an hour: kubeadm joins with it and the kubelet asks for its own certificate. */
  readonly clientCertificatePem: string;
  readonly clientKeyPem: string;
}

/** The kubeconfig that kubeadm's file discovery reads: whom to trust, where, and as whom. */
export const discoveryKubeconfig = (clusterId: ClusterId, credential: BootstrapCredential) => ({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [
    {
      name: 'overcast',
      cluster: {
        server: `https://${controlPlaneEndpoint(clusterId)}`,
        'certificate-authority-data': btoa(credential.caCertificatePem),
      },
    },
  ],
  users: [
    {
      name: 'bootstrap',
      user: {
        'client-certificate-data': btoa(credential.clientCertificatePem),
        'client-key-data': btoa(credential.clientKeyPem),
      },
    },
  ],
  contexts: [{ name: 'bootstrap', context: { cluster: 'overcast', user: 'bootstrap' } }],
  'current-context': 'bootstrap',
});
