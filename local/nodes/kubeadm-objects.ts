import { dump } from 'js-yaml';
import type { ClusterConfiguration } from './kubeadm-files.ts';
import type { ClusterObjects } from './kubernetes/model.ts';

/** The configuration that kubeadm init leaves for those who join. Its roles and bindings come with the API server. */
export function createKubeadmObjects(
  objects: ClusterObjects,
  cluster: ClusterConfiguration,
  kubelet: Readonly<Record<string, unknown>>,
): void {
  const configMaps: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    'kubeadm-config': { ClusterConfiguration: dump(cluster.document, { noRefs: true }) },
    'kubelet-config': { kubelet: dump(kubelet, { noRefs: true }) },
  };
  for (const [name, data] of Object.entries(configMaps))
    if (objects.get('configmaps', name, 'kube-system') === undefined)
      objects.create('configmaps', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'kube-system' },
        data,
      });
}
