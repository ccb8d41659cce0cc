import type { Consolidation, ConsolidationNode, Strategy } from './consolidation.ts';
import { movableOn } from './may-go.ts';
import { savingOf, type Saving } from './simulate.ts';

/** At most so many go at once: those with the least work on them. */
const emptyMax = 20;
const mergedMax = 10;

const toConsolidation = (
  kind: Consolidation['kind'],
  nodes: readonly ConsolidationNode[],
  { buy, usdPerHour }: Saving,
): Consolidation => {
  const [bought] = buy;
  const instead =
    bought === undefined ? 'what is there' : `${bought.offering.instanceType} in ${bought.offering.cloud}`;
  return {
    kind,
    remove: nodes.map(({ name }) => name),
    buy,
    savingUsdPerHour: usdPerHour,
    because: `${nodes.map(({ name }) => name).join(', ')} ${nodes.length === 1 ? 'is' : 'are'} not needed: ${instead} does, and saves $${usdPerHour.toFixed(4)} per hour`,
  };
};

export const deleteEmpty: Strategy = {
  name: 'delete-empty',
  reason: 'nobody is disturbed by it',
  decide: (view) => {
    const empty = view.candidates.filter((node) => movableOn(node).length === 0);
    // As many at once as may go; with each one less room is left for what the policies keep free.
    const most = Math.min(empty.length, view.nodesMax, emptyMax);
    for (let count = most; count > Math.max(0, most - view.triesMax); count -= 1) {
      const nodes = empty.slice(0, count);
      const saving = savingOf(nodes, view);
      if (saving !== undefined && saving.buy.length === 0)
        return toConsolidation('delete-empty', nodes, saving);
    }
    return undefined;
  },
};

export const replaceWithCheaper: Strategy = {
  name: 'replace-with-cheaper',
  reason: 'one node is disturbed: its work fits on the others, or on one that costs less',
  decide: (view) => {
    let best: Consolidation | undefined;
    for (const node of view.candidates.slice(0, view.triesMax)) {
      const saving = savingOf([node], view);
      if (saving !== undefined && saving.usdPerHour > (best?.savingUsdPerHour ?? 0))
        best = toConsolidation('replace-with-cheaper', [node], saving);
    }
    return best;
  },
};

export const mergeManyIntoOne: Strategy = {
  name: 'merge-many-into-one',
  reason: 'several half-empty nodes are disturbed once, and one takes their work',
  decide: (view) => {
    let best: Consolidation | undefined;
    const most = Math.min(view.candidates.length, view.nodesMax, mergedMax, view.triesMax + 1);
    for (let count = 2; count <= most; count += 1) {
      const nodes = view.candidates.slice(0, count);
      const saving = savingOf(nodes, view);
      if (saving !== undefined && saving.usdPerHour > (best?.savingUsdPerHour ?? 0))
        best = toConsolidation('merge-many-into-one', nodes, saving);
    }
    return best;
  },
};
