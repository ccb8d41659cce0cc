import { nodeOf, type User } from '../../access/user.ts';
import { forbidden, notFound } from '../../errors.ts';
import { recordOf, textOf } from '../../json.ts';
import { kindOf, type Kind } from '../../kinds.ts';
import type { ClusterObjects, KubernetesObject } from '../../model.ts';

/** Nothing new is made in a namespace that is not there or goes away. @throws ApiError NotFound, Forbidden */
export function admitNamespace(objects: ClusterObjects, kind: Kind, name: string, namespace: string): void {
  const found = objects.get('namespaces', namespace);
  if (found === undefined) throw notFound(kindOf('namespaces'), namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    kind,
    name,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
    [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  );
}

const kubeletDomains = ['kubelet.kubernetes.io', 'node.kubernetes.io'];
const kubeletLabels = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'beta.kubernetes.io/arch',
  'beta.kubernetes.io/os',
  'beta.kubernetes.io/instance-type',
  'failure-domain.beta.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

/** Which labels a kubelet may give to its own Node; those that decide what runs there are not among them. */
function mayLabel(key: string): boolean {
  const [domain = ''] = key.includes('/') ? key.split('/') : [''];
  const isKubernetes = ['kubernetes.io', 'k8s.io'].some(
    (each) => domain === each || domain.endsWith(`.${each}`),
  );
  return (
    !isKubernetes ||
    kubeletLabels.has(key) ||
    kubeletDomains.some((each) => domain === each || domain.endsWith(`.${each}`))
  );
}

/** What a kubelet writes is about itself. @throws ApiError Forbidden */
export function admitKubelet(
  user: User,
  kind: Kind,
  object: KubernetesObject,
  before: KubernetesObject | undefined,
): void {
  const node = nodeOf(user);
  if (node === undefined) return;
  const { name, labels = {} } = object.metadata;
  if (kind.plural === 'pods') {
    const own = textOf(recordOf(object['spec'])['nodeName']) === node;
    const mirror = object.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
    if (!own || (before === undefined && !mirror))
      throw forbidden(kind, name, `node "${node}" can only create and change its own pods`);
  }
  if (kind.plural !== 'nodes') return;
  if (name !== node) throw forbidden(kind, name, `node "${node}" is not allowed to modify node "${name}"`);
  const had = before?.metadata.labels ?? {};
  const wrong = [...new Set([...Object.keys(labels), ...Object.keys(had)])]
    .filter((key) => labels[key] !== had[key] && !mayLabel(key))
    .sort();
  if (wrong.length > 0)
    throw forbidden(
      kind,
      name,
      `is not allowed to modify labels: ${wrong.join(', ')}`.replace(/^is/, `node "${node}" is`),
    );
  const taints = (each: KubernetesObject | undefined): string =>
    JSON.stringify(recordOf(each?.['spec'])['taints'] ?? []);
  if (before !== undefined && taints(before) !== taints(object))
    throw forbidden(kind, name, `node "${node}" is not allowed to modify taints`);
}
