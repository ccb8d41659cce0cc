import { badRequest } from '../errors.ts';
import { isRecord } from '../json.ts';
import type { Kind } from '../kinds.ts';
import type { KubernetesObject } from '../model.ts';

export type Fits = (object: KubernetesObject) => boolean;

type Labels = Readonly<Record<string, string>>;

const operators: Readonly<Record<string, (value: string | undefined, wanted: readonly string[]) => boolean>> =
  {
    '=': (value, [wanted]) => value === wanted,
    '==': (value, [wanted]) => value === wanted,
    '!=': (value, [wanted]) => value !== wanted,
    in: (value, wanted) => value !== undefined && wanted.includes(value),
    notin: (value, wanted) => value === undefined || !wanted.includes(value),
    '>': (value, [wanted]) => value !== undefined && Number(value) > Number(wanted),
    '<': (value, [wanted]) => value !== undefined && Number(value) < Number(wanted),
  };

const setExpression = /^\s*([^\s=!<>(),]+)\s+(in|notin)\s*\(([^()]*)\)\s*$/;
const valueExpression = /^\s*([^\s=!<>(),]+)\s*(==|=|!=|>|<)\s*([^\s=!<>(),]*)\s*$/;
const presence = /^\s*(!?)\s*([^\s=!<>(),]+)\s*$/;

/** One comma-separated part of a label selector. */
function requirement(text: string): (labels: Labels) => boolean {
  const [, setKey = '', set = '', list = ''] = setExpression.exec(text) ?? [];
  const [, key = setKey, operator = set, value = ''] = valueExpression.exec(text) ?? [];
  if (key !== '') {
    const wanted = set === '' ? [value] : list.split(',').map((each) => each.trim());
    return (labels) => operators[operator]?.(labels[key], wanted) ?? false;
  }
  const [, not = '', name = ''] = presence.exec(text) ?? [];
  if (name === '') throw badRequest(`unable to parse requirement: ${JSON.stringify(text)}`);
  return (labels) => (labels[name] !== undefined) === (not === '');
}

/** @throws ApiError BadRequest when it cannot be read. */
export function labelSelector(text: string): Fits {
  if (text.trim() === '') return () => true;
  const parts = text.split(/,(?![^(]*\))/).map((part) => requirement(part));
  return ({ metadata: { labels = {} } }) => parts.every((part) => part(labels));
}

/** Fields that can be selected by, besides name and namespace; Kubernetes has the same few. */
const selectable: Readonly<Record<string, readonly string[]>> = {
  pods: [
    'spec.nodeName',
    'spec.restartPolicy',
    'spec.schedulerName',
    'spec.serviceAccountName',
    'spec.hostNetwork',
    'status.phase',
    'status.podIP',
    'status.nominatedNodeName',
  ],
  nodes: ['spec.unschedulable'],
  namespaces: ['status.phase'],
  secrets: ['type'],
  services: ['spec.clusterIP', 'spec.type'],
  replicasets: ['status.replicas'],
  jobs: ['status.successful'],
  certificatesigningrequests: ['spec.signerName'],
  events: [
    'involvedObject.kind',
    'involvedObject.namespace',
    'involvedObject.name',
    'involvedObject.uid',
    'involvedObject.apiVersion',
    'involvedObject.resourceVersion',
    'involvedObject.fieldPath',
    'reason',
    'reportingComponent',
    'source',
    'type',
    // Of events.k8s.io/v1.
    'regarding.kind',
    'regarding.namespace',
    'regarding.name',
    'regarding.uid',
    'regarding.apiVersion',
    'regarding.resourceVersion',
    'regarding.fieldPath',
    'reportingController',
  ],
};

const storedFields: Readonly<Record<string, string>> = {
  source: 'source.component',
  reportingController: 'reportingComponent',
  'status.successful': 'status.succeeded',
};

/** Absent reads as Kubernetes' zero value. */
const zeroes: Readonly<Record<string, string>> = {
  'spec.unschedulable': 'false',
  'spec.hostNetwork': 'false',
  'status.successful': '0',
  'status.replicas': '0',
};

function valueAt(object: KubernetesObject, field: string): string {
  let value: unknown = object;
  const stored = storedFields[field] ?? field.replace(/^regarding\./, 'involvedObject.');
  for (const part of stored.split('.')) value = isRecord(value) ? value[part] : undefined;
  if (value === undefined || value === null) return zeroes[field] ?? '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** @throws ApiError BadRequest when it cannot be read, or a field cannot be selected by. */
export function fieldSelector(text: string, { plural }: Pick<Kind, 'plural'>): Fits {
  if (text.trim() === '') return () => true;
  const parts = text.split(',').map((part): Fits => {
    const [, field, operator, value = ''] = /^\s*([^\s=!]+)\s*(!=|==|=)\s*(.*?)\s*$/.exec(part) ?? [];
    if (field === undefined) throw badRequest(`invalid selector: '${part}'; can't understand '${part}'`);
    if (!['metadata.name', 'metadata.namespace', ...(selectable[plural] ?? [])].includes(field))
      throw badRequest(`field label not supported: ${field}`);
    const wanted = value.replaceAll(/\\([\\,=])/g, '$1');
    return (object) => (valueAt(object, field) === wanted) === (operator !== '!=');
  });
  return (object) => parts.every((part) => part(object));
}

export function selectorOf(query: URLSearchParams, kind: Kind): Fits {
  const labels = labelSelector(query.get('labelSelector') ?? '');
  const fields = fieldSelector(query.get('fieldSelector') ?? '', kind);
  return (object) => labels(object) && fields(object);
}
