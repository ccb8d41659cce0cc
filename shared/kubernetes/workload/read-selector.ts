import type { LabelRequirement, LabelSelector } from '../../domain/pod.ts';
import type { SelectorForm } from './forms.ts';

type Requirement = NonNullable<SelectorForm['matchExpressions']>[number];

/** No label has no value: what Kubernetes means by a selector that is absent. */
export const selectsNothing: LabelSelector = [{ key: '', operator: 'In', values: [] }];

/** @throws for an operator that Kubernetes does not know. */
export function readRequirement({ key, operator, values }: Requirement): LabelRequirement {
  if (!isOperator(operator)) throw new Error(`the selector operator ${operator} is not known`);
  return { key, operator, ...(values != null && values.length > 0 && { values }) };
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'] as const;
const isOperator = (operator: string): operator is LabelRequirement['operator'] =>
  (operators as readonly string[]).includes(operator);

/** An absent selector selects nothing, an empty one everything. */
export const readSelector = (selector: SelectorForm | null | undefined): LabelSelector =>
  selector == null
    ? selectsNothing
    : [
        ...Object.entries(selector.matchLabels ?? {}).map(([key, value]): LabelRequirement => ({
          key,
          operator: 'In',
          values: [value],
        })),
        ...(selector.matchExpressions ?? []).map(readRequirement),
      ];
