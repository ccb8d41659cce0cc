import type { LabelSelector, Node, NodeSelectorTerm, Requirement, Taint, Toleration } from './shapes.ts';

type Labels = Readonly<Record<string, string>>;

const whole = (text: string | undefined): number | undefined =>
  text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined;

/** One expression of a label or node selector. An operator that is not known fits nothing. */
export function meets(labels: Labels, { key, operator, values = [] }: Requirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const [have, limit] = [whole(value), whole(values[0])];
      if (have === undefined || limit === undefined) return false;
      return operator === 'Gt' ? have > limit : have < limit;
    }
    default:
      return false;
  }
}

/** No selector selects nothing, an empty one everything. */
export function selects(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (selector === undefined) return false;
  const have = labels ?? {};
  return (
    Object.entries(selector.matchLabels ?? {}).every(
      ([key, value]) => Object.hasOwn(have, key) && have[key] === value,
    ) && (selector.matchExpressions ?? []).every((each) => meets(have, each))
  );
}

/** A term without expressions and fields fits no node. */
export function fitsTerm(node: Node, { matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean {
  if (matchExpressions.length + matchFields.length === 0) return false;
  const fields: Labels = { 'metadata.name': node.metadata.name };
  return (
    matchExpressions.every((each) => meets(node.metadata.labels ?? {}, each)) &&
    matchFields.every((each) => meets(fields, each))
  );
}

export function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = 'Equal', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  switch (operator) {
    case 'Exists':
      return true;
    case 'Equal':
    case '':
      return key !== '' && value === (taint.value ?? '');
    // Kubernetes 1.35 compares numbers too.
    case 'Gt':
    case 'Lt': {
      const [have, limit] = [whole(taint.value), whole(value)];
      if (key === '' || have === undefined || limit === undefined) return false;
      return operator === 'Gt' ? have > limit : have < limit;
    }
    default:
      return false;
  }
}

/** The first taint of one of these effects that none of the tolerations bears. */
export const untolerated = (
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly string[],
): Taint | undefined =>
  taints?.find(
    (taint) => effects.includes(taint.effect) && !(tolerations ?? []).some((each) => tolerates(each, taint)),
  );

/** `app=web,tier in (a,b)`: how status.selector and kubectl write a selector. */
export function formatSelector(selector: LabelSelector): string {
  const sets = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return key;
    if (operator === 'DoesNotExist') return `!${key}`;
    return `${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`;
  });
  return [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...sets,
  ].join(',');
}
