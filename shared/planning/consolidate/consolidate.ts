import type {
  Consolidation,
  ConsolidationNode,
  ConsolidationOptions,
  Strategy,
  View,
} from './consolidation.ts';
import { mayGo, movableOn } from './may-go.ts';
import { savingOf } from './simulate.ts';
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
  const view = viewOf(options);
  if (view === undefined) return undefined;
  for (const { decide } of strategies) {
    const step = decide(view);
    if (step !== undefined) return step;
  }
  return undefined;
}

/**
 * Whether these nodes may go, all of them and at once, now that what was bought for their work is there. What has changed
 * since then may forbid it: pods that came, annotations, budgets.
 */
export function mayHandOver(names: readonly string[], options: ConsolidationOptions): boolean {
  const view = viewOf({ ...options, newNodesMax: 0 });
  const going = view?.candidates.filter(({ name }) => names.includes(name)) ?? [];
  return view !== undefined && going.length === names.length && savingOf(going, view) !== undefined;
}

/**
 * A packing goes through every pod that runs, and the reconciler has seconds for ten clusters: of 20,000 pods 8 packings take
 * 0.3 s of a whole processor.
 */
const podsGoneThroughMax = 160_000;
const triesMaxFor = ({ nodes }: ConsolidationOptions): number => {
  const pods = nodes.reduce((sum, node) => sum + node.pods.length, 0);
  return Math.max(1, Math.min(40, Math.floor(podsGoneThroughMax / Math.max(1, pods))));
};

/** Undefined while nothing may go. */
function viewOf(options: ConsolidationOptions): View | undefined {
  const { consolidation } = options.policies;
  if (consolidation === undefined || options.waiting.length > 0) return undefined;
  // Whoever joins is about to take work: then the others may have less than they seem to.
  if (options.nodes.some(({ isJoining }) => isJoining === true)) return undefined;
  const nodesMax = consolidation.nodesPerHourMax - options.removedWithinHour;
  if (nodesMax < 1) return undefined;
  return {
    options,
    candidates: options.nodes.filter((node) => mayGo(node, options)).sort(compareWork),
    nodesMax,
    triesMax: triesMaxFor(options),
    minSavingShare: consolidation.minSavingPercent / 100,
  };
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
