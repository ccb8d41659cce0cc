import type {
  LabelRequirement,
  Labels,
  LabelSelector,
  PodSpec,
  Taint,
  Toleration,
} from '../../domain/pod.ts';

/** What a pod asks of a node by itself, whatever else runs there. */
export type NodeRules = Pick<PodSpec, 'nodeSelector' | 'nodeAffinity' | 'tolerations'>;

const wholeNumber = /^[+-]?\d+$/;

/** Not a number where one of the two is none: then nothing is true of it. */
const differenceOf = (value: string | undefined, [bound = '']: readonly string[]): number =>
  value !== undefined && wholeNumber.test(value) && wholeNumber.test(bound)
    ? Number(value) - Number(bound)
    : Number.NaN;

const operators: Readonly<
  Record<LabelRequirement['operator'], (value: string | undefined, values: readonly string[]) => boolean>
> = {
  In: (value, values) => value !== undefined && values.includes(value),
  NotIn: (value, values) => value === undefined || !values.includes(value),
  Exists: (value) => value !== undefined,
  DoesNotExist: (value) => value === undefined,
  Gt: (value, values) => differenceOf(value, values) > 0,
  Lt: (value, values) => differenceOf(value, values) < 0,
};

const isMet = ({ key, operator, values = [] }: LabelRequirement, labels: Labels): boolean =>
  operators[operator](labels[key], values);

/** An empty selector selects everything. */
export const selects = (selector: LabelSelector, labels: Labels): boolean =>
  selector.every((requirement) => isMet(requirement, labels));

/** Other than a selector, a term of node affinity without requirements holds nowhere. */
const holds = (term: LabelSelector, labels: Labels): boolean => term.length > 0 && selects(term, labels);

const tolerates = (toleration: Toleration, taint: Taint): boolean =>
  (toleration.effect === undefined || toleration.effect === taint.effect) &&
  (toleration.key === undefined || toleration.key === taint.key) &&
  (toleration.operator === 'Exists' || (toleration.value ?? '') === (taint.value ?? ''));

const isTolerated = (taint: Taint, tolerations: readonly Toleration[] = []): boolean =>
  tolerations.some((toleration) => tolerates(toleration, taint));

/** The first taint that keeps the pod away; `PreferNoSchedule` keeps none away. */
export const untolerated = (
  taints: readonly Taint[],
  { tolerations }: Pick<NodeRules, 'tolerations'>,
): Taint | undefined =>
  taints.find((taint) => taint.effect !== 'PreferNoSchedule' && !isTolerated(taint, tolerations));

/** The first label of the selector that the node has not. */
export const unmetSelector = (
  { nodeSelector = {} }: NodeRules,
  labels: Labels,
): readonly [string, string] | undefined =>
  Object.entries(nodeSelector).find(([key, value]) => labels[key] !== value);

export const meetsAffinity = ({ nodeAffinity }: NodeRules, labels: Labels): boolean =>
  nodeAffinity?.required === undefined || nodeAffinity.required.some((term) => holds(term, labels));

export const meetsLabels = (rules: NodeRules, labels: Labels): boolean =>
  unmetSelector(rules, labels) === undefined && meetsAffinity(rules, labels);

/** Whether the node is one for such pods, room aside. */
export const suits = (rules: NodeRules, labels: Labels, taints: readonly Taint[]): boolean =>
  meetsLabels(rules, labels) && untolerated(taints, rules) === undefined;

/** What a taint that only asks to stay away weighs, against preferences of 1–100. */
const avoidedTaintWeight = 100;

/** How much the pods like the node: the weights of all that they prefer and find there, without what they would avoid. */
export function preference(rules: NodeRules, labels: Labels, taints: readonly Taint[]): number {
  let weight = 0;
  for (const preferred of rules.nodeAffinity?.preferred ?? [])
    if (holds(preferred.term, labels)) weight += preferred.weight;
  for (const taint of taints)
    if (taint.effect === 'PreferNoSchedule' && !isTolerated(taint, rules.tolerations))
      weight -= avoidedTaintWeight;
  return weight;
}
