import { noSuchPath, type Subject } from './errors.ts';
import type { Plural } from './model.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export const allVerbs: readonly Verb[] = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];

/** `kind` and `group`/`version` are those of the body it takes, where they differ from the parent's. */
export interface Subresource {
  readonly name: string;
  readonly verbs: readonly Verb[];
  readonly kind?: string;
  readonly group?: string;
  readonly version?: string;
}

export interface Kind extends Subject {
  readonly plural: Plural;
  readonly singular: string;
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly namespaced: boolean;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** `metadata.generation` is kept for it. */
  readonly counted: boolean;
  /** The name of its type in the schema when another version of the same objects is served under its group. */
  readonly storedAs?: { readonly group: string; readonly version: string };
}

interface Shape {
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly Verb[];
  readonly subresources?: readonly Subresource[];
  readonly counted?: boolean;
  readonly storedAs?: { readonly group: string; readonly version: string };
}

const kindsOf =
  (group: string, version: string, namespaced: boolean) =>
  (plural: Plural, kind: string, shape: Shape = {}): Kind => ({
    group,
    version,
    namespaced,
    plural,
    kind,
    singular: kind.toLowerCase(),
    shortNames: shape.shortNames ?? [],
    categories: shape.categories ?? [],
    verbs: shape.verbs ?? allVerbs,
    subresources: shape.subresources ?? [],
    counted: shape.counted ?? false,
    ...(shape.storedAs === undefined ? {} : { storedAs: shape.storedAs }),
  });

const status: Subresource = { name: 'status', verbs: ['get', 'patch', 'update'] };
const scale: Subresource = {
  name: 'scale',
  verbs: ['get', 'patch', 'update'],
  kind: 'Scale',
  group: 'autoscaling',
  version: 'v1',
};
const pods: readonly Subresource[] = [
  { name: 'binding', verbs: ['create'], kind: 'Binding' },
  { name: 'ephemeralcontainers', verbs: ['get', 'patch', 'update'] },
  { name: 'eviction', verbs: ['create'], kind: 'Eviction', group: 'policy', version: 'v1' },
  { name: 'log', verbs: ['get'] },
  status,
];
const certificates: readonly Subresource[] = [
  { name: 'approval', verbs: ['get', 'patch', 'update'] },
  status,
];

const core = kindsOf('', 'v1', true);
const coreWide = kindsOf('', 'v1', false);
const apps = kindsOf('apps', 'v1', true);
const batch = kindsOf('batch', 'v1', true);
const rbac = kindsOf('rbac.authorization.k8s.io', 'v1', true);
const rbacWide = kindsOf('rbac.authorization.k8s.io', 'v1', false);
const access = kindsOf('authorization.k8s.io', 'v1', false);
const accessIn = kindsOf('authorization.k8s.io', 'v1', true);

const all = ['all'];

/** Every kind that is served, in the order of discovery. What is only asked, never stored, has `create` alone. */
export const kinds: readonly Kind[] = [
  core('configmaps', 'ConfigMap', { shortNames: ['cm'] }),
  core('endpoints', 'Endpoints', { shortNames: ['ep'] }),
  core('events', 'Event', { shortNames: ['ev'] }),
  coreWide('namespaces', 'Namespace', {
    shortNames: ['ns'],
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
    subresources: [{ name: 'finalize', verbs: ['update'] }, status],
  }),
  coreWide('nodes', 'Node', { shortNames: ['no'], subresources: [status] }),
  core('pods', 'Pod', { shortNames: ['po'], categories: all, subresources: pods, counted: true }),
  core('secrets', 'Secret'),
  core('serviceaccounts', 'ServiceAccount', { shortNames: ['sa'] }),
  core('services', 'Service', { shortNames: ['svc'], categories: all, subresources: [status] }),
  apps('daemonsets', 'DaemonSet', {
    shortNames: ['ds'],
    categories: all,
    subresources: [status],
    counted: true,
  }),
  apps('deployments', 'Deployment', {
    shortNames: ['deploy'],
    categories: all,
    subresources: [scale, status],
    counted: true,
  }),
  apps('replicasets', 'ReplicaSet', {
    shortNames: ['rs'],
    categories: all,
    subresources: [scale, status],
    counted: true,
  }),
  kindsOf('events.k8s.io', 'v1', true)('events', 'Event', {
    shortNames: ['ev'],
    storedAs: { group: '', version: 'v1' },
  }),
  kindsOf('authentication.k8s.io', 'v1', false)('selfsubjectreviews', 'SelfSubjectReview', {
    verbs: ['create'],
  }),
  accessIn('localsubjectaccessreviews', 'LocalSubjectAccessReview', { verbs: ['create'] }),
  access('selfsubjectaccessreviews', 'SelfSubjectAccessReview', { verbs: ['create'] }),
  access('selfsubjectrulesreviews', 'SelfSubjectRulesReview', { verbs: ['create'] }),
  access('subjectaccessreviews', 'SubjectAccessReview', { verbs: ['create'] }),
  batch('jobs', 'Job', { categories: all, subresources: [status], counted: true }),
  kindsOf('certificates.k8s.io', 'v1', false)('certificatesigningrequests', 'CertificateSigningRequest', {
    shortNames: ['csr'],
    subresources: certificates,
  }),
  kindsOf('coordination.k8s.io', 'v1', true)('leases', 'Lease'),
  kindsOf('discovery.k8s.io', 'v1', true)('endpointslices', 'EndpointSlice', { counted: true }),
  kindsOf('policy', 'v1', true)('poddisruptionbudgets', 'PodDisruptionBudget', {
    shortNames: ['pdb'],
    subresources: [status],
    counted: true,
  }),
  rbacWide('clusterrolebindings', 'ClusterRoleBinding'),
  rbacWide('clusterroles', 'ClusterRole'),
  rbac('rolebindings', 'RoleBinding'),
  rbac('roles', 'Role'),
];

/** The kinds that are kept: one entry for each plural. */
export const storedKinds: readonly Kind[] = kinds.filter(
  ({ verbs, storedAs }) => verbs.includes('get') && storedAs === undefined,
);

const byPlural = new Map(storedKinds.map((kind) => [kind.plural, kind]));

/** @throws ApiError NotFound when nothing is stored under that plural. */
export function kindOf(plural: Plural): Kind {
  const kind = byPlural.get(plural);
  if (kind === undefined) throw noSuchPath();
  return kind;
}

/** The kind that is served at a path; undefined: none is. */
export const servedKind = (group: string, version: string, plural: string): Kind | undefined =>
  kinds.find((kind) => kind.group === group && kind.version === version && kind.plural === plural);

/** The stored kind that an owner reference or object is of, by its `apiVersion` and `kind`. */
export const kindByName = (apiVersion: string, kind: string): Kind | undefined =>
  storedKinds.find((each) => each.kind === kind && apiVersionOf(each) === apiVersion);

/** `v1`, `apps/v1`. */
export const apiVersionOf = ({
  group,
  version,
}: {
  readonly group: string;
  readonly version: string;
}): string => (group === '' ? version : `${group}/${version}`);

/** `group/version` in the order of discovery, the core group first and as `v1`. */
export const groupVersions: readonly { readonly group: string; readonly version: string }[] = [
  ...new Map(kinds.map(({ group, version }) => [group, { group, version }])).values(),
];
