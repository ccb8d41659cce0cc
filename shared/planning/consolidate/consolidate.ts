import type {
  Consolidation,
  ConsolidationNode,
  ConsolidationOptions,
  Strategy,
  View,
} from './consolidation.ts';
import { mayGo, movableOn } from './may-go.ts';
import { deleteEmpty, mergeManyIntoOne, replaceWithCheaper } from './strategies.ts';

/** Those that disturb least come first; the first that has something to do decides. */
export const strategies: readonly Strategy[] = [deleteEmpty, replaceWithCheaper, mergeManyIntoOne];

/**
 * One step towards the same work on cheaper nodes; undefined: nothing is worth it, the policy is off, the hour's nodes are used
 * up, or pods wait, so that what is there is not too much.
 *
 * Each step leaves every pod a place and costs less than what was there before by the policy's least saving, so that with the
 * same pods and prices steps end, and none is ever taken back.
 */
export function consolidate(options: ConsolidationOptions): Consolidation | undefined {
  const { consolidation } = options.policies;
  if (consolidation === undefined || options.waiting.length > 0) return undefined;
  // Whoever joins is about to take work: then the others may have less than they seem to.
  if (options.nodes.some(({ isJoining }) => isJoining === true)) return undefined;
  const nodesMax = consolidation.nodesPerHourMax - options.removedWithinHour;
  if (nodesMax < 1) return undefined;
  const view: View = {
    options,
    candidates: options.nodes.filter((node) => mayGo(node, options)).sort(compareWork),
    nodesMax,
    minSavingShare: consolidation.minSavingPercent / 100,
  };
  for (const { decide } of strategies) {
    const step = decide(view);
    if (step !== undefined) return step;
  }
  return undefined;
}

/** The share of the node that its pods ask for, of what they ask most. */
function workOn(node: ConsolidationNode): number {
  const asked = { cpuMillis: 0, memoryBytes: 0 };
  for (const { requests } of movableOn(node)) {
    asked.cpuMillis += requests.cpuMillis;
    asked.memoryBytes += requests.memoryBytes;
  }
  const { cpuMillis, memoryBytes } = node.allocatable;
  return Math.max(asked.cpuMillis / Math.max(1, cpuMillis), asked.memoryBytes / Math.max(1, memoryBytes));
}

const compareWork = (a: ConsolidationNode, b: ConsolidationNode): number =>
  workOn(a) - workOn(b) || movableOn(a).length - movableOn(b).length || (a.name < b.name ? -1 : 1);
