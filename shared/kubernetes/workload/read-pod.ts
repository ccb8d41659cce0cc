import {
  doNotDisruptAnnotation,
  type Labels,
  type LabelSelector,
  type NodeAffinity,
  type Pod,
  type PodAffinity,
  type PodAffinityTerm,
  type PodSpec,
  type Resources,
  type Taint,
  type Toleration,
  type TopologySpread,
} from '../../domain/pod.ts';
import type { PodForm, PodSpecForm } from './forms.ts';
import { readRequirement, readSelector } from './read-selector.ts';
import { thousandths, wholeUnits } from './quantity.ts';

/** Names of the namespaces that a selector means. */
export type ResolveNamespaces = (selector: LabelSelector) => readonly string[] | 'all';

type Present<T> = Exclude<T, null | undefined>;
type Requests = Readonly<Record<string, string | number>> | null | undefined;
type NodeTermForm = Present<
  Present<Present<PodSpecForm['affinity']>['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type PodAffinityForm = Present<Present<PodSpecForm['affinity']>['podAffinity']>;
type PodTermForm = Present<PodAffinityForm['requiredDuringSchedulingIgnoredDuringExecution']>[number];

const isNonEmpty = <T>(list: readonly T[] | null | undefined): list is readonly T[] =>
  list != null && list.length > 0;

/** @throws for what Kubernetes would not have let in. */
export function readPod(pod: PodForm, namespacesOf: ResolveNamespaces): Pod {
  const { name, namespace, labels, annotations, ownerReferences } = pod.metadata;
  const controller = ownerReferences?.find((owner) => owner.controller === true);
  const isStatic = annotations?.['kubernetes.io/config.mirror'] !== undefined;
  const isNodesOwn = controller?.kind === 'DaemonSet' || isStatic;
  return {
    name,
    namespace,
    ...readPodSpec(pod.spec, { namespace, labels: labels ?? {}, namespacesOf }),
    ...(labels != null && Object.keys(labels).length > 0 && { labels }),
    ...(isNodesOwn && { isNodesOwn: true }),
    ...(!isNodesOwn && controller === undefined && { isUnmanaged: true }),
    ...(pod.metadata.deletionTimestamp != null && { isStopping: true }),
    ...(annotations?.[doNotDisruptAnnotation] === 'true' && { doNotDisrupt: true }),
  };
}

export function readPodSpec(
  spec: PodSpecForm,
  around: { readonly namespace: string; readonly labels: Labels; readonly namespacesOf: ResolveNamespaces },
): Omit<PodSpec, 'namespace' | 'labels'> {
  const { nodeSelector, affinity, tolerations, topologySpreadConstraints, priority } = spec;
  const nodeAffinity = affinity?.nodeAffinity == null ? {} : readNodeAffinity(affinity.nodeAffinity);
  const [near, far] = [affinity?.podAffinity, affinity?.podAntiAffinity].map((form) =>
    readPodAffinity(form, around),
  );
  const hostPorts = spec.containers
    .flatMap(({ ports }) => ports ?? [])
    .filter(({ hostPort }) => hostPort != null && hostPort > 0)
    .map(({ hostPort, protocol }) => `${protocol ?? 'TCP'}:${hostPort}`);
  return {
    requests: readRequests(spec),
    ...(priority != null && priority !== 0 && { priority }),
    ...(nodeSelector != null && Object.keys(nodeSelector).length > 0 && { nodeSelector }),
    ...(Object.keys(nodeAffinity).length > 0 && { nodeAffinity }),
    ...(isNonEmpty(tolerations) && { tolerations: tolerations.map(readToleration) }),
    ...(isNonEmpty(topologySpreadConstraints) && {
      topologySpread: topologySpreadConstraints.map((each) => readSpread(each, around.labels)),
    }),
    ...(near !== undefined && { podAffinity: near }),
    ...(far !== undefined && { podAntiAffinity: far }),
    ...(hostPorts.length > 0 && { hostPorts: hostPorts.toSorted() }),
  };
}

/**
 * As the scheduler counts them: all containers together, or what starting up needs where that is more. Sidecars (init
 * containers that stay) start one after the other and hold what they ask for from then on. What is asked for the pod as a
 * whole counts in the place of its containers.
 */
export function readRequests(
  spec: Pick<PodSpecForm, 'containers' | 'initContainers' | 'overhead' | 'resources'>,
): Resources {
  const of = (resource: string, read: (quantity: string | number) => number): number => {
    const ask = (requests: Requests): number => read(requests?.[resource] ?? 0);
    let running = spec.containers.reduce((sum, { resources }) => sum + ask(resources?.requests), 0);
    let [sidecars, starting] = [0, 0];
    for (const { restartPolicy, resources } of spec.initContainers ?? []) {
      const own = ask(resources?.requests);
      starting = Math.max(starting, sidecars + own);
      if (restartPolicy === 'Always') {
        sidecars += own;
        running += own;
      }
    }
    const whole = spec.resources?.requests?.[resource];
    return (whole === undefined ? Math.max(running, starting) : read(whole)) + ask(spec.overhead);
  };
  return { cpuMillis: of('cpu', thousandths), memoryBytes: of('memory', wholeUnits) };
}

function readNodeAffinity(form: Present<Present<PodSpecForm['affinity']>['nodeAffinity']>): NodeAffinity {
  const required = form.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = form.preferredDuringSchedulingIgnoredDuringExecution;
  return {
    ...(required != null && { required: required.nodeSelectorTerms.map(readNodeTerm) }),
    ...(isNonEmpty(preferred) && {
      preferred: preferred.map(({ weight, preference }) => ({ weight, term: readNodeTerm(preference) })),
    }),
  };
}

/** The one field that there is, a node's name, is its hostname on nodes of ours. */
const readNodeTerm = ({ matchExpressions, matchFields }: NodeTermForm): LabelSelector => [
  ...(matchExpressions ?? []).map(readRequirement),
  ...(matchFields ?? []).map((each) => readRequirement({ ...each, key: 'kubernetes.io/hostname' })),
];

function readPodAffinity(
  form: PodAffinityForm | null | undefined,
  around: { readonly namespace: string; readonly namespacesOf: ResolveNamespaces },
): PodAffinity | undefined {
  const required = form?.requiredDuringSchedulingIgnoredDuringExecution;
  const preferred = form?.preferredDuringSchedulingIgnoredDuringExecution;
  if (!isNonEmpty(required) && !isNonEmpty(preferred)) return undefined;
  const term = (each: PodTermForm): PodAffinityTerm => readPodTerm(each, around);
  return {
    ...(isNonEmpty(required) && { required: required.map(term) }),
    ...(isNonEmpty(preferred) && {
      preferred: preferred.map(({ weight, podAffinityTerm }) => ({ weight, term: term(podAffinityTerm) })),
    }),
  };
}

function readPodTerm(
  { topologyKey, labelSelector, namespaces, namespaceSelector }: PodTermForm,
  { namespace, namespacesOf }: { readonly namespace: string; readonly namespacesOf: ResolveNamespaces },
): PodAffinityTerm {
  const selected = namespaceSelector == null ? [] : namespacesOf(readSelector(namespaceSelector));
  const isOwn = namespaceSelector == null && !isNonEmpty(namespaces);
  const named = selected === 'all' ? selected : [...new Set([...(namespaces ?? []), ...selected])].toSorted();
  return {
    topologyKey,
    selector: readSelector(labelSelector),
    ...(!isOwn && !(named !== 'all' && named.join() === namespace) && { namespaces: named }),
  };
}

function readSpread(
  form: Present<PodSpecForm['topologySpreadConstraints']>[number],
  labels: Labels,
): TopologySpread {
  const { topologyKey, maxSkew, whenUnsatisfiable, labelSelector, matchLabelKeys, minDomains } = form;
  const isPreferred = whenUnsatisfiable === 'ScheduleAnyway';
  return {
    topologyKey,
    maxSkew,
    whenUnsatisfiable: isPreferred ? 'ScheduleAnyway' : 'DoNotSchedule',
    selector: [
      ...readSelector(labelSelector),
      ...(matchLabelKeys ?? []).flatMap((key) => {
        const value = labels[key];
        return value === undefined ? [] : [{ key, operator: 'In' as const, values: [value] }];
      }),
    ],
    ...(minDomains != null && !isPreferred && { minDomains }),
    ...(form.nodeAffinityPolicy === 'Ignore' && { nodeAffinityPolicy: 'Ignore' }),
    ...(form.nodeTaintsPolicy === 'Honor' && { nodeTaintsPolicy: 'Honor' }),
  };
}

function readToleration({
  key,
  operator,
  value,
  effect,
}: Present<PodSpecForm['tolerations']>[number]): Toleration {
  return {
    ...(key != null && key !== '' && { key }),
    operator: operator === 'Exists' ? 'Exists' : 'Equal',
    ...(value != null && value !== '' && { value }),
    ...(isEffect(effect) && { effect }),
  };
}

const effects: ReadonlySet<string> = new Set(['NoSchedule', 'PreferNoSchedule', 'NoExecute']);
export const isEffect = (effect: string | null | undefined): effect is Taint['effect'] =>
  effect != null && effects.has(effect);
