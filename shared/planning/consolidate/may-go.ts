import { secondsBetween } from '../../domain/ids.ts';
import type { DisruptionBudget, Pod } from '../../domain/pod.ts';
import { selects } from '../pack-pods/node-rules.ts';
import type { ConsolidationNode, ConsolidationOptions } from './consolidation.ts';

/** A young node is left alone: what is to run on it may still be on its way. */
export const graceSeconds = 10 * 60;

/** Those that have to find another place when the node goes. */
export const movableOn = ({ pods }: ConsolidationNode): readonly Pod[] =>
  pods.filter(({ isNodesOwn }) => isNodesOwn !== true);

/** Whether the budgets let all these pods go at once. */
export const isWithinBudgets = (pods: readonly Pod[], budgets: readonly DisruptionBudget[]): boolean =>
  budgets.every(
    ({ namespace, selector, disruptionsAllowed }) =>
      pods.filter((pod) => pod.namespace === namespace && selects(selector, pod.labels ?? {})).length <=
      disruptionsAllowed,
  );

/** Whether the node may be taken away to save money at all. */
export function mayGo(node: ConsolidationNode, { budgets, now }: ConsolidationOptions): boolean {
  const { role, isJoining, isUnschedulable, readySince, doNotDisrupt } = node;
  return (
    role === 'worker' &&
    isJoining !== true &&
    // Somebody is at it already.
    isUnschedulable !== true &&
    doNotDisrupt !== true &&
    readySince !== undefined &&
    secondsBetween(readySince, now) >= graceSeconds &&
    node.pods.every((pod) => pod.isNodesOwn === true || pod.doNotDisrupt !== true) &&
    isWithinBudgets(movableOn(node), budgets)
  );
}
