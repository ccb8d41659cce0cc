import { secondsBetween } from '../../domain/ids.ts';
import type { DisruptionBudget, Pod } from '../../domain/pod.ts';
import { selects } from '../pack-pods/node-rules.ts';
import type { ConsolidationNode, ConsolidationOptions } from './consolidation.ts';

/** A young node is left alone: what is to run on it may still be on its way. */
export const graceSeconds = 10 * 60;

/** Those that have to find another place when the node goes. */
export const movableOn = ({ pods }: ConsolidationNode): readonly Pod[] =>
  pods.filter(({ isNodesOwn, isStopping }) => isNodesOwn !== true && isStopping !== true);

/** Whether the budgets let all these pods go at once. */
export const isWithinBudgets = (pods: readonly Pod[], budgets: readonly DisruptionBudget[]): boolean =>
  budgets.every(
    ({ namespace, selector, disruptionsAllowed }) =>
      pods.filter((pod) => pod.namespace === namespace && selects(selector, pod.labels ?? {})).length <=
      disruptionsAllowed,
  );

/** Whether the node may be taken away to save money at all. */
export function mayGo(node: ConsolidationNode, options: ConsolidationOptions): boolean {
  const { role, isJoining, isUnschedulable, readySince, doNotDisrupt, hasUnknownPods } = node;
  const { budgets, now } = options;
  return (
    role === 'worker' &&
    isJoining !== true &&
    // Somebody is at it already.
    isUnschedulable !== true &&
    doNotDisrupt !== true &&
    hasUnknownPods !== true &&
    readySince !== undefined &&
    secondsBetween(readySince, now) >= graceSeconds &&
    movableOn(node).every((pod) => pod.doNotDisrupt !== true && pod.isUnmanaged !== true) &&
    isWithinBudgets(movableOn(node), budgets) &&
    (movableOn(node).length > 0 || isEmptyForLong(node, options))
  );
}

/** What has just become empty may be filled again at once; how long that may take, the policy for empty nodes says. */
const isEmptyForLong = (
  { emptySince }: ConsolidationNode,
  { policies, now }: ConsolidationOptions,
): boolean =>
  emptySince !== undefined &&
  secondsBetween(emptySince, now) >=
    (policies.nodeDeletion === undefined ? graceSeconds : policies.nodeDeletion.emptyMinutes * 60);
