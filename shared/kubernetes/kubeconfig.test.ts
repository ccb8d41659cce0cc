import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { buildKubeconfig, renderKubeconfig, type KubeconfigInput } from './kubeconfig.ts';
import { Secret } from './pki/secret.ts';

const clusterId = '6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d';
const input: KubeconfigInput = {
  installation: 'overcast',
  clusterId,
  clusterName: 'four-clouds',
  caCertificatePem: 'CA',
  controlPlanes: [
    { name: 'four-clouds-1', address: '203.0.113.1' },
    { name: 'four-clouds-2', address: '2001:db8::2' },
  ],
  credential: { certificatePem: 'CERTIFICATE', privateKey: new Secret('KEY') },
  user: 'ada',
};
const base64 = (text: string): string => Buffer.from(text).toString('base64');
describe('a kubeconfig', () => {
  it('dials every control plane’s address and holds it to the cluster’s name', () => {
    const extensions = [
      { name: 'overcast.dev/cluster', extension: { id: clusterId, installation: 'overcast' } },
    ];
    expect(load(renderKubeconfig(buildKubeconfig(input)))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'four-clouds',
          cluster: {
            server: 'https://203.0.113.1:6443',
            'tls-server-name': `${clusterId}.overcast.internal`,
            'certificate-authority-data': base64('CA'),
            extensions,
          },
        },
        {
          name: 'four-clouds-at-four-clouds-2',
          cluster: {
            server: 'https://[2001:db8::2]:6443',
            'tls-server-name': `${clusterId}.overcast.internal`,
            'certificate-authority-data': base64('CA'),
            extensions,
          },
        },
      ],
      users: [
        {
          name: 'four-clouds-ada',
          user: {
            'client-certificate-data': base64('CERTIFICATE'),
            'client-key-data': base64('KEY'),
            extensions,
          },
        },
      ],
      contexts: [
        { name: 'four-clouds', context: { cluster: 'four-clouds', user: 'four-clouds-ada', extensions } },
        {
          name: 'four-clouds-at-four-clouds-2',
          context: { cluster: 'four-clouds-at-four-clouds-2', user: 'four-clouds-ada', extensions },
        },
      ],
      'current-context': 'four-clouds',
    });
  });

  it('leads through a proxy where there is one', () => {
    const proxyUrl = 'http://127.0.0.1:4685';
    const { clusters } = buildKubeconfig({ ...input, proxyUrl });
    expect(clusters).toHaveLength(2);
    for (const { cluster } of clusters) expect(cluster).toMatchObject({ 'proxy-url': proxyUrl });
  });

  it('is not made for a cluster without a control plane to talk to', () => {
    expect(() => buildKubeconfig({ ...input, controlPlanes: [] })).toThrow('no control plane');
  });
});
