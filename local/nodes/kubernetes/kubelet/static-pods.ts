import { podWithDefaults } from '../controllers/new-pod.ts';
import type { Node, Pod } from '../controllers/shapes.ts';
import type { ClusterObjects } from '../model.ts';
import type { KubeletNode } from './node-object.ts';

const namespace = 'kube-system';

/** What kubeadm puts on a control plane: the name, and what it asks for. */
const components: readonly (readonly [name: string, requests: Readonly<Record<string, string>>])[] = [
  ['etcd', { cpu: '100m', memory: '100Mi' }],
  ['kube-apiserver', { cpu: '250m' }],
  ['kube-controller-manager', { cpu: '200m' }],
  ['kube-scheduler', { cpu: '100m' }],
];

/** etcd's version, as kubeadm 1.36 has it. */
const etcdImage = 'registry.k8s.io/etcd:3.6.5-0';

const mirrorOf = (
  component: string,
  requests: Readonly<Record<string, string>>,
  node: KubeletNode,
  owner: Node,
): Pod =>
  podWithDefaults({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${component}-${node.name}`,
      namespace,
      labels: { component, tier: 'control-plane' },
      annotations: {
        'kubernetes.io/config.source': 'file',
        'kubernetes.io/config.mirror': `${component}-${owner.metadata.uid ?? ''}`,
      },
      ownerReferences: [
        { apiVersion: 'v1', kind: 'Node', name: node.name, uid: owner.metadata.uid ?? '', controller: true },
      ],
    },
    spec: {
      nodeName: node.name,
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
      containers: [
        {
          name: component,
          image: component === 'etcd' ? etcdImage : `registry.k8s.io/${component}:${node.kubeletVersion}`,
          command: [component],
          resources: { requests },
        },
      ],
    },
  });

/** The API's pictures of what runs on a control plane from files. One that is deleted is there again at the next look. */
export function mirrorStaticPods(objects: ClusterObjects, node: KubeletNode, owner: Node): void {
  if (node.controlPlane !== true) return;
  if (objects.get('namespaces', namespace) === undefined || owner.metadata.deletionTimestamp !== undefined)
    return;
  for (const [component, requests] of components) {
    if (objects.get('pods', `${component}-${node.name}`, namespace) !== undefined) continue;
    objects.create('pods', mirrorOf(component, requests, node, owner));
  }
}
