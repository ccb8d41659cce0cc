import type { NewNode } from '../pack-pods/packing.ts';
import { packPods } from '../pack-pods/pack-pods.ts';
import type { ConsolidationNode, View } from './consolidation.ts';
import { isWithinBudgets, movableOn } from './may-go.ts';

export interface Saving {
  /** None, or one. */
  readonly buy: readonly NewNode[];
  readonly usdPerHour: number;
}

/** Less is noise of floating point, not a saving. */
const savingMin = 1e-9;
const newNodesMax = 1;

/**
 * What is saved when these nodes go, by packing their pods anew on the others and at most one new node. Undefined when it is not
 * worth it, or may not be: some pod would have no place, headroom or vCPUs would fall below what the policies keep, or a
 * disruption budget forbids it.
 */
export function savingOf(nodes: readonly ConsolidationNode[], view: View): Saving | undefined {
  const { options, minSavingShare, nodesMax } = view;
  const pods = nodes.flatMap(movableOn);
  if (nodes.length === 0 || nodes.length > nodesMax || !isWithinBudgets(pods, options.budgets))
    return undefined;
  const staying = options.nodes.filter((node) => !nodes.includes(node));
  const packing = packPods({
    ...options,
    pods,
    nodes: staying,
    newNodesMax: Math.min(newNodesMax, options.newNodesMax ?? newNodesMax),
  });
  if (packing.unplaced.length > 0 || packing.headroomMissing !== undefined) return undefined;
  const vcpus = [...staying, ...packing.newNodes].reduce((sum, { offering }) => sum + offering.vcpus, 0);
  if (vcpus < (options.policies.clusterLimits?.minVcpus ?? 0)) return undefined;
  const before = nodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0);
  const usdPerHour = before - packing.usdPerHour;
  if (usdPerHour < Math.max(savingMin, before * minSavingShare - savingMin)) return undefined;
  return { buy: packing.newNodes, usdPerHour };
}
