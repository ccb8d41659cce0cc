import { attempt, type Approach, type Outcome, type Premises, type Task } from './attempt.ts';
import { toLimits } from './budget.ts';
import { sortDemands, type Demand } from './demands.ts';
import { headroomDemand } from './headroom.ts';
import { toMarket, type Product } from './market.ts';
import { suits } from './node-rules.ts';
import { fitsInto } from './bins.ts';
import { orderDemands } from './order-demands.ts';
import type { PackingOptions, PackPods } from './packing.ts';
import { policyAgainst } from './may-buy.ts';
import { placedByDemand } from './scene.ts';
import { toPacking } from './to-packing.ts';

/** See `PackPods`. */
export const packPods: PackPods = (options) => {
  const task = toTask(options);
  const everything = task.demands.map(({ count }) => count);
  let best = consistent(task, everything, { ...plain, minding: isRequired });
  if (isSmall(best)) {
    const other = consistent(task, everything, { ...plain, minding: isRequired, priceOf: fewNodes(task) });
    if (isBetter(other, best)) best = other;
  }
  if (task.groups.some((group) => !isRequired(group))) {
    const kind = consistent(task, everything, { ...plain, minding: () => true });
    if (placedOf(kind) >= placedOf(best) && priceOf(kind) <= priceOf(best) * (1 + preferencePremiumMax))
      best = kind;
  }
  for (const approach of lastResorts(task, best)) {
    const other = consistent(task, everything, approach);
    if (isBetter(other, best)) best = other;
  }
  return toPacking(options, task, best);
};

/** With so few new nodes each counts, so that fewer and larger ones are tried too. */
const smallNodesMax = 16;
const isSmall = ({ scene }: Outcome): boolean => {
  const count = scene.bins.reduce((sum, { from }) => sum + ('product' in from ? 1 : 0), 0);
  return count > 1 && count <= smallNodesMax;
};

/** Each node counts a hundredth of the dearest more than it costs. */
function fewNodes({ market }: Task): Approach['priceOf'] {
  const dearest = Math.max(...market.map(({ usdPerHour }) => usdPerHour));
  return ({ usdPerHour }) => usdPerHour + dearest / 100;
}

/** What pods prefer of each other may make a packing dearer by so much. */
const preferencePremiumMax = 0.1;

const isRequired: Approach['minding'] = (group) => group.isRequired;
const plain = {
  priceOf: ({ usdPerHour }: Product) => usdPerHour,
  byPriority: false,
  spreadsWide: true,
  shunsNewDomains: false,
};

function toTask(options: PackingOptions): Task {
  const nodes = options.nodes.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const running = nodes.flatMap(({ pods }) => pods);
  const { demands, groups, tiesOf } = sortDemands(options.pods, running);
  const allowed = options.offerings.filter(
    (offering) => policyAgainst(offering, options.policies) === undefined,
  );
  const market = toMarket(allowed, options);
  const headroom = headroomDemand(
    options.policies.unschedulablePods?.headroom,
    [...running, ...options.pods].filter(({ isNodesOwn }) => isNodesOwn !== true),
  );
  return {
    demands: [
      ...orderDemands(demands, groups, choices(market)),
      // Below every pod.
      ...(headroom === undefined ? [] : [headroom]),
    ],
    groups,
    tiesOf,
    nodes,
    daemonSets: options.daemonSets,
    market,
    limits: toLimits(options),
  };
}

function choices(market: readonly Product[]): (demand: Demand) => number {
  const suitable = new Map<object, readonly Product[]>();
  return (demand) => {
    const { rules } = demand;
    let products = suitable.get(rules);
    if (products === undefined) {
      products = market.filter(({ labels, taints }) => suits(rules, labels, taints));
      suitable.set(rules, products);
    }
    return products.some(({ room }) => fitsInto(room, demand) > 0) ? products.length : 0;
  };
}

/** Rounds until a plan is consistent. */
const roundsMax = 8;

/**
 * Attempts until what was attempted holds. Where pods bind each other beyond hosts, places are chosen for all of them before
 * nodes are bought. If some were not to be had, the others' may not hold, so everything is planned anew without those. And a
 * node that is bought for others in a place where nobody counted on one makes a domain of it for those who spread: then it is
 * planned anew with that in mind.
 */
function consistent(task: Task, counts: readonly number[], approach: Approach): Outcome {
  let premises: Premises = { counts, places: new Set(), shunned: new Set() };
  for (let round = 1; ; round += 1) {
    const outcome = attempt(task, premises, approach);
    const missing = counts.map(() => 0);
    for (const { demand, place, left } of outcome.orders)
      if (place !== undefined) missing[demand] = (missing[demand] ?? 0) + left;
    const holds = missing.every((count) => count === 0) && outcome.unforeseen.size === 0;
    if (holds || round > roundsMax) return outcome;
    if (outcome.unforeseen.size === 0)
      premises = { ...premises, counts: without(premises.counts, missing, round === roundsMax) };
    else if (approach.shunsNewDomains)
      premises = { ...premises, shunned: new Set([...premises.shunned, ...outcome.unforeseen]) };
    else premises = { ...premises, places: new Set([...premises.places, ...outcome.unforeseen]) };
  }
}

/** @param wholly without any of the classes of which some are missing. */
const without = (counts: readonly number[], missing: readonly number[], wholly: boolean): readonly number[] =>
  counts.map((count, number) => {
    const lost = missing[number] ?? 0;
    return wholly && lost > 0 ? 0 : count - lost;
  });

/** How many pods have a place; what is still open in a later round is left out of its count. */
const placedOf = ({ scene }: Outcome): number => scene.placed.reduce((sum, { count }) => sum + count, 0);

const priceOf = ({ scene }: Outcome): number =>
  scene.bins.reduce((sum, { from }) => sum + ('product' in from ? from.product.usdPerHour : 0), 0);

/** What else to try when some pods have no place. */
function lastResorts(task: Task, outcome: Outcome): readonly Approach[] {
  const placed = placedByDemand(outcome.scene);
  if (task.demands.every(({ count }, number) => placed[number] === count)) return [];
  const hasSpreads = task.groups.some(({ kind, isOfHosts }) => kind === 'spread' && !isOfHosts);
  return [
    ...(hasSpreads
      ? [
          { ...plain, minding: isRequired, spreadsWide: false },
          { ...plain, minding: isRequired, shunsNewDomains: true },
        ]
      : []),
    ...(isCutShort(outcome, task) ? thrifty(task) : []),
  ];
}

/** Whether more would have been bought, had it been allowed. */
function isCutShort({ scene, shelves, budget }: Outcome, { demands }: Task): boolean {
  const placed = placedByDemand(scene);
  return demands.some(
    (demand, number) =>
      (placed[number] ?? 0) < demand.count &&
      shelves.of(demand)?.products.every((product) => budget.obstacle(product) !== undefined) === true,
  );
}

/**
 * How to buy when there is not enough for all: for higher priorities first, and then, if it is vCPUs that lack, with each at a
 * price above every other; if it is nodes, with each of them at a higher and higher one.
 */
function thrifty({ limits, market }: Task): readonly Approach[] {
  const dearest = Math.max(...market.map(({ usdPerHour }) => usdPerHour));
  const byPriority = { ...plain, minding: isRequired, byPriority: true };
  return [
    { ...byPriority, priceOf: plain.priceOf },
    ...(limits.vcpusLeft < Infinity
      ? [{ ...byPriority, priceOf: ({ usdPerHour, vcpus }: Product) => usdPerHour + vcpus * dearest }]
      : []),
    ...(limits.nodesLeft < Infinity
      ? [0.1, 1, 10].map((share) => ({
          ...byPriority,
          priceOf: ({ usdPerHour }: Product) => usdPerHour + share * dearest,
        }))
      : []),
  ];
}

/** More pods of the highest priority in which they differ, or else a lower price. */
function isBetter(outcome: Outcome, other: Outcome): boolean {
  const [placed, placedOther] = [placedByDemand(outcome.scene), placedByDemand(other.scene)];
  const differences = new Map<number, number>();
  outcome.scene.demands.forEach(({ priority }, number) => {
    const difference = (placed[number] ?? 0) - (placedOther[number] ?? 0);
    differences.set(priority, (differences.get(priority) ?? 0) + difference);
  });
  const decisive = [...differences]
    .sort(([a], [b]) => (a === b ? 0 : b - a))
    .find(([, difference]) => difference !== 0);
  return decisive === undefined ? priceOf(outcome) < priceOf(other) : decisive[1] > 0;
}
