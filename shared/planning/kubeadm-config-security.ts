import type { KubernetesDocument } from './kubeadm-config-documents.ts';

export const auditPolicyPath = '/etc/kubernetes/overcast/audit-policy.yaml';
export const encryptionConfigPath = '/etc/kubernetes/overcast/encryption.yaml';
export const auditLogFolder = '/var/log/kubernetes/audit';

/** Issued kubeconfigs carry this group; the platform's own credential carries the other. */
export const adminsGroup = 'overcast:admins';
export const platformGroup = 'overcast:platform';

/**
 * Secrets are encrypted before they reach etcd. Every control plane has the same key, so it is kept with the cluster's PKI.
 * `identity` is last: what was written before (nothing, in a cluster of ours) stays readable.
 */
export const encryptionConfiguration = (key: {
  readonly name: string;
  /** 32 bytes, base64. */
  readonly secret: string;
}) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [
    {
      resources: ['secrets'],
      providers: [{ secretbox: { keys: [{ name: key.name, secret: key.secret }] } }, { identity: {} }],
    },
  ],
});

/**
 * Who did what, without bodies: a body may hold a secret. The chatter of the cluster's own parts (leases, events, health,
 * the reads of nodes and controllers) is left out; whoever touches secrets is always named. The first rule that fits counts.
 */
export const auditPolicy = () => ({
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', nonResourceURLs: ['/healthz*', '/livez*', '/readyz*', '/version'] },
    {
      level: 'None',
      resources: [
        { group: 'coordination.k8s.io', resources: ['leases'] },
        { group: '', resources: ['events'] },
        { group: 'events.k8s.io', resources: ['events'] },
      ],
    },
    {
      level: 'None',
      verbs: ['get', 'list', 'watch'],
      users: [
        'system:apiserver',
        'system:kube-scheduler',
        'system:kube-controller-manager',
        'system:serviceaccount:kube-system:generic-garbage-collector',
      ],
    },
    {
      level: 'Metadata',
      resources: [
        { group: '', resources: ['secrets', 'serviceaccounts/token'] },
        { group: 'authentication.k8s.io', resources: ['tokenreviews'] },
      ],
    },
    {
      level: 'None',
      verbs: ['get', 'list', 'watch'],
      userGroups: ['system:nodes', 'system:serviceaccounts'],
    },
    { level: 'Metadata' },
  ],
});

/** Applied by the platform, once the first API server answers and at every later provisioning: so the issued groups may act. */
export const accessBindings = (): readonly (KubernetesDocument & Readonly<Record<string, unknown>>)[] =>
  [adminsGroup, platformGroup].map((group) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: group },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: group }],
  }));
