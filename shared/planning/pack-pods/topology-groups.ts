import type { Labels, LabelSelector, PodAffinityTerm, PodSpec } from '../../domain/pod.ts';
import { selects, type NodeRules } from './node-rules.ts';

export const hostKey = 'kubernetes.io/hostname';

/**
 * One rule by which pods bind each other. Pods with the same rule share one group: the pods that *own* it must keep it, the
 * pods that it *selects* are counted, and often they are the same.
 */
export interface TopologyGroup {
  readonly kind: 'spread' | 'affinity' | 'antiAffinity' | 'hostPort';
  /** Otherwise it is only preferred. */
  readonly isRequired: boolean;
  /** Each node is a domain of its own. */
  readonly isOfHosts: boolean;
  readonly topologyKey: string;
  readonly selects: (namespace: string, labels: Labels) => boolean;
  /** Of a spread. */
  readonly maxSkew: number;
  readonly minDomains: number;
  /** Of a spread: nodes that these rules out are no domains; absent parts rule nothing out. */
  readonly domainRules: { readonly labels?: NodeRules; readonly taints?: NodeRules };
  /** All of the above in words: the same for the same rule. */
  readonly key: string;
  /** As people would write it, for explanations. */
  readonly text: string;
}

export const textOf = (selector: LabelSelector): string =>
  selector.length === 0
    ? 'all pods'
    : selector
        .map(({ key, operator, values = [] }) =>
          operator === 'In' && values.length === 1
            ? `${key}=${values[0]}`
            : `${key} ${operator}${values.length === 0 ? '' : ` (${values.join(', ')})`}`,
        )
        .join(', ');

const noRules = {} as const;

function spreadGroups(spec: PodSpec, rules: NodeRules): readonly TopologyGroup[] {
  return (spec.topologySpread ?? []).map((spread) => {
    const { topologyKey, maxSkew, selector, nodeAffinityPolicy, nodeTaintsPolicy } = spread;
    const isRequired = spread.whenUnsatisfiable === 'DoNotSchedule';
    const minDomains = isRequired ? (spread.minDomains ?? 1) : 1;
    const { nodeSelector, nodeAffinity } = rules;
    const asksForLabels = nodeSelector !== undefined || nodeAffinity?.required !== undefined;
    const labels =
      nodeAffinityPolicy !== 'Ignore' && asksForLabels
        ? { nodeSelector, required: nodeAffinity?.required }
        : undefined;
    const taints = nodeTaintsPolicy === 'Honor' ? { tolerations: rules.tolerations } : undefined;
    return {
      kind: 'spread',
      isRequired,
      isOfHosts: topologyKey === hostKey,
      topologyKey,
      selects: (namespace, of) => namespace === spec.namespace && selects(selector, of),
      maxSkew,
      minDomains,
      domainRules: { ...(labels && { labels: rules }), ...(taints && { taints: rules }) },
      key: JSON.stringify([
        'spread',
        isRequired,
        topologyKey,
        maxSkew,
        minDomains,
        spec.namespace,
        selector,
        labels,
        taints,
      ]),
      text: `spread of ${textOf(selector)} over ${topologyKey} with a skew of at most ${maxSkew}`,
    };
  });
}

const selectedByTerm = (
  { selector, namespaces }: PodAffinityTerm,
  owner: PodSpec,
  namespace: string,
  labels: Labels,
): boolean =>
  (namespaces === 'all' || (namespaces ?? [owner.namespace]).includes(namespace)) &&
  selects(selector, labels);

/** @param together the pods that count must be selected by all of these terms. */
function affinityGroup(
  kind: 'affinity' | 'antiAffinity',
  isRequired: boolean,
  term: PodAffinityTerm,
  spec: PodSpec,
  together: readonly PodAffinityTerm[] = [term],
): TopologyGroup {
  const { topologyKey } = term;
  const selectors = together.map(({ selector, namespaces = [spec.namespace] }) => [namespaces, selector]);
  return {
    kind,
    isRequired,
    isOfHosts: topologyKey === hostKey,
    topologyKey,
    selects: (namespace, labels) => together.every((each) => selectedByTerm(each, spec, namespace, labels)),
    maxSkew: 1,
    minDomains: 1,
    domainRules: noRules,
    key: JSON.stringify([kind, isRequired, topologyKey, selectors]),
    text: `${kind === 'affinity' ? 'affinity to' : 'anti-affinity to'} ${together.map(({ selector }) => textOf(selector)).join(' and ')} within one ${topologyKey}`,
  };
}

const portGroup = (port: string): TopologyGroup => ({
  kind: 'hostPort',
  isRequired: true,
  isOfHosts: true,
  topologyKey: hostKey,
  // Who has the port is known from the pod itself.
  selects: () => false,
  maxSkew: 1,
  minDomains: 1,
  domainRules: noRules,
  key: `hostPort ${port}`,
  text: `port ${port} of the node`,
});

/** Every group that a pod owns; those with the same key are the same. */
export const groupsOwnedBy = (spec: PodSpec, rules: NodeRules): readonly TopologyGroup[] => [
  ...spreadGroups(spec, rules),
  ...(['affinity', 'antiAffinity'] as const).flatMap((kind) => {
    const affinity = kind === 'affinity' ? spec.podAffinity : spec.podAntiAffinity;
    return [
      // Of a pod's required affinities each one counts only the pods that all of them select, as the scheduler has it.
      ...(affinity?.required ?? []).map((term, _at, all) =>
        affinityGroup(kind, true, term, spec, kind === 'affinity' ? all : [term]),
      ),
      ...(affinity?.preferred ?? []).map(({ term }) => affinityGroup(kind, false, term, spec)),
    ];
  }),
  ...(spec.hostPorts ?? []).map(portGroup),
];

/** The label keys that the pod's rules look at in other pods. */
export const labelKeysLookedAt = (spec: PodSpec): readonly string[] => [
  ...(spec.topologySpread ?? []).flatMap(({ selector }) => selector.map(({ key }) => key)),
  ...[spec.podAffinity, spec.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.required ?? []).flatMap(({ selector }) => selector.map(({ key }) => key)),
    ...(affinity?.preferred ?? []).flatMap(({ term }) => term.selector.map(({ key }) => key)),
  ]),
];
