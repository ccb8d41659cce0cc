import { listOf, recordOf, textOf, type Json } from '../json.ts';
import type { ClusterObjects, KubernetesObject } from '../model.ts';
import type { ResourceAction } from './action.ts';

const reads = new Set(['get', 'list', 'watch']);
const writes = new Set(['create', 'update', 'patch']);

const podOn = (node: string, pod: KubernetesObject | undefined): boolean =>
  textOf(recordOf(pod?.['spec'])['nodeName']) === node;

/** Names of the secrets or config maps that a pod uses. */
function usedBy(pod: KubernetesObject, plural: 'secrets' | 'configmaps'): readonly string[] {
  const spec = recordOf(pod['spec']);
  const [volume, nameField, reference] =
    plural === 'secrets' ? ['secret', 'secretName', 'secretRef'] : ['configMap', 'name', 'configMapRef'];
  const keyReference = plural === 'secrets' ? 'secretKeyRef' : 'configMapKeyRef';
  const containers = [...listOf(spec['initContainers']), ...listOf(spec['containers'])];
  const fromEnv = (container: Json): readonly unknown[] => [
    ...listOf(container['envFrom']).map((each) => recordOf(each[reference])['name']),
    ...listOf(container['env']).map((each) => recordOf(recordOf(each['valueFrom'])[keyReference])['name']),
  ];
  return [
    ...listOf(spec['volumes']).flatMap((each) => [
      recordOf(each[volume])[nameField],
      ...listOf(recordOf(each['projected'])['sources']).map((source) => recordOf(source[volume])['name']),
    ]),
    ...containers.flatMap(fromEnv),
    ...(plural === 'secrets' ? listOf(spec['imagePullSecrets']).map((each) => each['name']) : []),
  ].map(textOf);
}

/** What a kubelet may do: with its own Node, its lease, the pods bound to it, and what these pods use. */
export function allowedToNode(objects: ClusterObjects, node: string, action: ResourceAction): boolean {
  const { verb, plural, subresource, namespace, name } = action;
  const reading = reads.has(verb);
  const ownPod = (): boolean => name !== undefined && podOn(node, objects.get('pods', name, namespace));
  switch (plural) {
    case 'nodes':
      if (verb === 'create') return subresource === undefined;
      if (name === node) return reading || verb === 'update' || verb === 'patch';
      return (verb === 'list' || verb === 'watch') && action.fieldSelector === `metadata.name=${node}`;
    case 'pods':
      if (subresource === 'status') return (verb === 'patch' || verb === 'update') && ownPod();
      if (subresource === 'eviction') return verb === 'create' && ownPod();
      if (subresource !== undefined) return false;
      if (verb === 'get' || verb === 'delete') return ownPod();
      if (verb === 'create') return true;
      return (
        reading && (action.fieldSelector ?? '').split(',').some((each) => each === `spec.nodeName=${node}`)
      );
    case 'leases':
      return (
        namespace === 'kube-node-lease' &&
        (verb === 'create' ||
          ((verb === 'get' || verb === 'update' || verb === 'patch' || verb === 'delete') && name === node))
      );
    case 'events':
      return writes.has(verb);
    case 'services':
      return reading;
    case 'secrets':
    case 'configmaps':
      return (
        reading &&
        name !== undefined &&
        objects.list('pods', namespace).some((pod) => podOn(node, pod) && usedBy(pod, plural).includes(name))
      );
    case 'certificatesigningrequests':
      return subresource === undefined && (verb === 'create' || reading);
    case 'subjectaccessreviews':
    case 'localsubjectaccessreviews':
      return verb === 'create';
    default:
      return false;
  }
}
