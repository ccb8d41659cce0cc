import { isDeepStrictEqual } from 'node:util';
import { invalid, invalidValue, required, type Cause } from '../../errors.ts';
import { isRecord, listOf, numberOf, recordOf, textOf, type Json } from '../../json.ts';
import type { Kind } from '../../kinds.ts';
import type { KubernetesObject, ObjectMeta, Plural } from '../../model.ts';
import { dnsLabel, fixedPodSpec, labelRule, unsupported, validatePodSpec } from './validate-pod.ts';

const subdomain = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const subdomainRule =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const nameLengthMax = 253;
const labelledNames = new Set(['namespaces', 'services']);
const freelyNamed = new Set(['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings']);

const labelKey =
  /^(?:[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;
const keyRule =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const valueRule =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

function metadata(plural: Plural, { name, labels = {}, annotations = {} }: ObjectMeta): Cause[] {
  const causes: Cause[] = [];
  const at = 'metadata.name';
  if (name === '') causes.push(required(at, 'name or generateName is required'));
  else if (freelyNamed.has(plural)) {
    if (/[/%]/.test(name) || name === '.' || name === '..')
      causes.push(invalidValue(at, name, "may not contain '/'"));
  } else if (labelledNames.has(plural)) {
    if (!dnsLabel.test(name)) causes.push(invalidValue(at, name, labelRule));
  } else if (!subdomain.test(name)) causes.push(invalidValue(at, name, subdomainRule));
  if (name.length > nameLengthMax)
    causes.push(invalidValue(at, name, `must be no more than ${nameLengthMax} characters`));
  for (const [key, value] of Object.entries(labels)) {
    if (!labelKey.test(key)) causes.push(invalidValue('metadata.labels', key, keyRule));
    if (!labelValue.test(value)) causes.push(invalidValue('metadata.labels', value, valueRule));
  }
  for (const key of Object.keys(annotations))
    if (!labelKey.test(key.toLowerCase())) causes.push(invalidValue('metadata.annotations', key, keyRule));
  return causes;
}

const atLeastZero = (value: unknown, field: string): Cause[] =>
  value !== undefined && numberOf(value) < 0
    ? [invalidValue(field, value, 'must be greater than or equal to 0')]
    : [];

/** What selects pods has to select those of its own template. */
function selectorAndTemplate(spec: Json, policies: readonly string[]): Cause[] {
  const template = recordOf(spec['template']);
  const labels = recordOf(recordOf(template['metadata'])['labels']);
  const selector = recordOf(spec['selector']);
  const wanted = Object.entries(recordOf(selector['matchLabels']));
  const causes: Cause[] = [];
  if (!isRecord(spec['selector'])) causes.push(required('spec.selector'));
  else if (wanted.length === 0 && listOf(selector['matchExpressions']).length === 0)
    causes.push(invalidValue('spec.selector', selector, 'empty selector is invalid for this kind'));
  else if (wanted.some(([key, value]) => labels[key] !== value))
    causes.push(
      invalidValue('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
    );
  return [...causes, ...validatePodSpec(template['spec'], 'spec.template.spec', policies)];
}

const replicated = (spec: Json): Cause[] => [
  ...atLeastZero(spec['replicas'], 'spec.replicas'),
  ...selectorAndTemplate(spec, ['Always']),
];

function service(spec: Json): Cause[] {
  const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
  const ports = listOf(spec['ports']);
  const causes: Cause[] = types.includes(textOf(spec['type']))
    ? []
    : [unsupported('spec.type', spec['type'], types)];
  if (ports.length === 0 && spec['clusterIP'] !== 'None' && spec['type'] !== 'ExternalName')
    causes.push(required('spec.ports'));
  ports.forEach((each, index) => {
    const port = numberOf(each['port']);
    if (port < 1 || port > 65_535)
      causes.push(invalidValue(`spec.ports[${index}].port`, port, 'must be between 1 and 65535, inclusive'));
    if (ports.length > 1 && textOf(each['name']) === '') causes.push(required(`spec.ports[${index}].name`));
  });
  return causes;
}

function budget(spec: Json): Cause[] {
  return spec['minAvailable'] !== undefined && spec['maxUnavailable'] !== undefined
    ? [invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set')]
    : [];
}

const rules = (object: KubernetesObject): Cause[] =>
  listOf(object['rules']).flatMap((rule, index) =>
    listLength(rule['verbs']) === 0
      ? [required(`rules[${index}].verbs`, 'verbs must contain at least one value')]
      : [],
  );

const listLength = (value: unknown): number => (Array.isArray(value) ? value.length : 0);

const binding = (object: KubernetesObject): Cause[] => {
  const { kind, name } = recordOf(object['roleRef']);
  return [
    ...(['ClusterRole', 'Role'].includes(textOf(kind))
      ? []
      : [unsupported('roleRef.kind', kind ?? '', ['ClusterRole', 'Role'])]),
    ...(textOf(name) === '' ? [required('roleRef.name')] : []),
  ];
};

const policies = ['Always', 'OnFailure', 'Never'];
const onSpec =
  (how: (spec: Json) => Cause[]) =>
  (object: KubernetesObject): Cause[] =>
    how(recordOf(object['spec']));

const byKind: Readonly<Record<Plural, (object: KubernetesObject) => Cause[]>> = {
  pods: (object) => validatePodSpec(object['spec'], 'spec', policies),
  deployments: onSpec(replicated),
  replicasets: onSpec(replicated),
  daemonsets: onSpec((spec) => selectorAndTemplate(spec, ['Always'])),
  jobs: onSpec((spec) => [
    ...atLeastZero(spec['parallelism'], 'spec.parallelism'),
    ...atLeastZero(spec['completions'], 'spec.completions'),
    ...atLeastZero(spec['backoffLimit'], 'spec.backoffLimit'),
    ...validatePodSpec(recordOf(spec['template'])['spec'], 'spec.template.spec', ['OnFailure', 'Never']),
  ]),
  services: onSpec(service),
  poddisruptionbudgets: onSpec(budget),
  roles: rules,
  clusterroles: rules,
  rolebindings: binding,
  clusterrolebindings: binding,
  certificatesigningrequests: onSpec((spec) => [
    ...(textOf(spec['request']) === '' ? [required('spec.request')] : []),
    ...(textOf(spec['signerName']) === '' ? [required('spec.signerName')] : []),
    ...(listLength(spec['usages']) === 0 ? [required('spec.usages')] : []),
  ]),
};

type Pick = (object: KubernetesObject) => unknown;
const specField =
  (name: string): Pick =>
  (object) =>
    recordOf(object['spec'])[name];

/** Fields that stay as they were made. */
const immutable: Readonly<Record<Plural, readonly (readonly [field: string, of: Pick])[]>> = {
  deployments: [['spec.selector', specField('selector')]],
  replicasets: [['spec.selector', specField('selector')]],
  daemonsets: [['spec.selector', specField('selector')]],
  jobs: [
    ['spec.selector', specField('selector')],
    ['spec.template', specField('template')],
    ['spec.completions', specField('completions')],
  ],
  rolebindings: [['roleRef', (object) => object['roleRef']]],
  clusterrolebindings: [['roleRef', (object) => object['roleRef']]],
  secrets: [['type', (object) => object['type']]],
};

function changes(plural: Plural, object: KubernetesObject, before: KubernetesObject): Cause[] {
  const causes = (immutable[plural] ?? []).flatMap(([field, of]) =>
    isDeepStrictEqual(of(object), of(before)) ? [] : [invalidValue(field, of(object), 'field is immutable')],
  );
  if (plural === 'pods' && !isDeepStrictEqual(fixedPodSpec(object['spec']), fixedPodSpec(before['spec'])))
    causes.push({
      reason: 'FieldValueForbidden',
      message:
        'Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
      field: 'spec',
    });
  if (
    before['immutable'] === true &&
    !isDeepStrictEqual([object['data'], object['immutable']], [before['data'], before['immutable']])
  )
    causes.push({
      reason: 'FieldValueForbidden',
      message: 'Forbidden: field is immutable when `immutable` is set',
      field: 'data',
    });
  return causes;
}

/** @throws ApiError Invalid, with a cause for every field that is wrong. */
export function validate(kind: Kind, object: KubernetesObject, before?: KubernetesObject): void {
  const causes = [
    ...metadata(kind.plural, object.metadata),
    ...(byKind[kind.plural]?.(object) ?? []),
    ...(before === undefined ? [] : changes(kind.plural, object, before)),
  ];
  if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
}
