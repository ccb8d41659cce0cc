import type { Json } from '../json.ts';
import type { ClusterObjects, KubernetesObject } from '../model.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const reads = ['get', 'list', 'watch'];
const writes = ['create', 'delete', 'deletecollection', 'patch', 'update'];

const rule = (
  apiGroups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
): Json => ({
  apiGroups,
  resources,
  verbs,
});

const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

const clusterRole = (name: string, rules: readonly Json[], labels: Json = {}): KubernetesObject => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: {
    name,
    ...(Object.keys(labels).length === 0 ? {} : { labels: labels as Record<string, string> }),
  },
  rules,
});

const groupBinding = (
  name: string,
  role: string,
  groups: readonly string[],
  labels: Readonly<Record<string, string>> = {},
): KubernetesObject => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name, ...(Object.keys(labels).length === 0 ? {} : { labels }) },
  roleRef: { apiGroup: group, kind: 'ClusterRole', name: role },
  subjects: groups.map((each) => ({ apiGroup: group, kind: 'Group', name: each })),
});

const workloads: readonly (readonly [string, readonly string[]])[] = [
  [
    '',
    ['configmaps', 'endpoints', 'events', 'pods', 'pods/log', 'pods/status', 'serviceaccounts', 'services'],
  ],
  ['apps', ['daemonsets', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale']],
  ['batch', ['jobs', 'jobs/status']],
  ['policy', ['poddisruptionbudgets', 'poddisruptionbudgets/status']],
  ['discovery.k8s.io', ['endpointslices']],
];

const view: readonly Json[] = [
  ...workloads.map(([each, resources]) => rule([each], resources, reads)),
  rule([''], ['namespaces'], reads),
];
const edit: readonly Json[] = [
  ...view,
  ...workloads.map(([each, resources]) => rule([each], resources, writes)),
  rule([''], ['secrets'], [...reads, ...writes]),
  rule([''], ['pods/eviction'], ['create']),
  rule(['coordination.k8s.io'], ['leases'], [...reads, ...writes]),
];
const admin: readonly Json[] = [
  ...edit,
  rule([group], ['roles', 'rolebindings'], [...reads, ...writes]),
  rule(['authorization.k8s.io'], ['localsubjectaccessreviews'], ['create']),
];

const paths = ['/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'];
const health = ['/healthz', '/livez', '/readyz', '/version', '/version/'];
const bootstrappers = 'system:bootstrappers:kubeadm:default-node-token';
const authenticated = 'system:authenticated';
const requests = 'system:certificates.k8s.io:certificatesigningrequests';

const role = (name: string, configMap: string): readonly [KubernetesObject, KubernetesObject] => [
  {
    apiVersion,
    kind: 'Role',
    metadata: { name, namespace: 'kube-system' },
    rules: [{ ...rule([''], ['configmaps'], ['get']), resourceNames: [configMap] }],
  },
  {
    apiVersion,
    kind: 'RoleBinding',
    metadata: { name, namespace: 'kube-system' },
    roleRef: { apiGroup: group, kind: 'Role', name },
    subjects: [bootstrappers, 'system:nodes'].map((each) => ({ apiGroup: group, kind: 'Group', name: each })),
  },
];

/** What an API server makes by itself, and `kubeadm init` after it. */
export const builtInRoles: Readonly<Record<string, readonly KubernetesObject[]>> = {
  clusterroles: [
    clusterRole(
      'cluster-admin',
      [rule(['*'], ['*'], ['*']), { nonResourceURLs: ['*'], verbs: ['*'] }],
      bootstrapping,
    ),
    clusterRole('admin', admin, bootstrapping),
    clusterRole('edit', edit, bootstrapping),
    clusterRole('view', view, bootstrapping),
    clusterRole(
      'system:basic-user',
      [
        rule(['authorization.k8s.io'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
        rule(['authentication.k8s.io'], ['selfsubjectreviews'], ['create']),
      ],
      bootstrapping,
    ),
    clusterRole(
      'system:discovery',
      [{ nonResourceURLs: [...paths, ...health], verbs: ['get'] }],
      bootstrapping,
    ),
    clusterRole('system:public-info-viewer', [{ nonResourceURLs: health, verbs: ['get'] }], bootstrapping),
    clusterRole(
      'system:node-bootstrapper',
      [rule(['certificates.k8s.io'], ['certificatesigningrequests'], ['create', 'get', 'list', 'watch'])],
      bootstrapping,
    ),
    clusterRole(
      `${requests}:nodeclient`,
      [rule(['certificates.k8s.io'], ['certificatesigningrequests/nodeclient'], ['create'])],
      bootstrapping,
    ),
    clusterRole(
      `${requests}:selfnodeclient`,
      [rule(['certificates.k8s.io'], ['certificatesigningrequests/selfnodeclient'], ['create'])],
      bootstrapping,
    ),
    clusterRole('kubeadm:get-nodes', [rule([''], ['nodes'], ['get'])]),
  ],
  clusterrolebindings: [
    groupBinding('cluster-admin', 'cluster-admin', ['system:masters'], bootstrapping),
    groupBinding('system:basic-user', 'system:basic-user', [authenticated], bootstrapping),
    groupBinding('system:discovery', 'system:discovery', [authenticated], bootstrapping),
    groupBinding(
      'system:public-info-viewer',
      'system:public-info-viewer',
      [authenticated, 'system:unauthenticated'],
      bootstrapping,
    ),
    groupBinding('kubeadm:cluster-admins', 'cluster-admin', ['kubeadm:cluster-admins']),
    groupBinding('kubeadm:get-nodes', 'kubeadm:get-nodes', [bootstrappers]),
    groupBinding('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', [bootstrappers]),
    groupBinding('kubeadm:node-autoapprove-bootstrap', `${requests}:nodeclient`, [bootstrappers]),
    groupBinding('kubeadm:node-autoapprove-certificate-rotation', `${requests}:selfnodeclient`, [
      'system:nodes',
    ]),
  ],
  roles: [
    role('kubeadm:nodes-kubeadm-config', 'kubeadm-config')[0],
    role('kubeadm:kubelet-config', 'kubelet-config')[0],
  ],
  rolebindings: [
    role('kubeadm:nodes-kubeadm-config', 'kubeadm-config')[1],
    role('kubeadm:kubelet-config', 'kubelet-config')[1],
  ],
};

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** What every cluster has from its first minute. Done again it adds only what is missing. */
export function addBuiltIns(objects: ClusterObjects): void {
  for (const name of systemNamespaces)
    if (objects.get('namespaces', name) === undefined)
      objects.create('namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels: { 'kubernetes.io/metadata.name': name } },
        spec: { finalizers: ['kubernetes'] },
        status: { phase: 'Active' },
      });
  for (const [plural, roles] of Object.entries(builtInRoles))
    for (const each of roles)
      if (objects.get(plural, each.metadata.name, each.metadata.namespace) === undefined)
        objects.create(plural, each);
  if (objects.get('services', 'kubernetes', 'default') === undefined)
    objects.create('services', {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'kubernetes',
        namespace: 'default',
        labels: { component: 'apiserver', provider: 'kubernetes' },
      },
      spec: {
        type: 'ClusterIP',
        clusterIP: '10.96.0.1',
        clusterIPs: ['10.96.0.1'],
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        internalTrafficPolicy: 'Cluster',
        sessionAffinity: 'None',
        ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }],
      },
      status: { loadBalancer: {} },
    });
}
