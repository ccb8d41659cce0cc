import type { DaemonSet } from '../../domain/pod.ts';
import type { Bin } from './bins.ts';
import { Budget, type Limits } from './budget.ts';
import { buyNodes } from './buy-nodes.ts';
import { choosePlaces, type Order } from './choose-places.ts';
import type { Demand, Demands } from './demands.ts';
import type { Product } from './market.ts';
import type { StandingNode } from './packing.ts';
import { mapPlaces, type Place } from './places.ts';
import type { Scene } from './scene.ts';
import { stockShelves, type Shelf, type Shelves } from './shelves.ts';
import { isCountedOn, isOfAllNodes, standUp } from './stand-up.ts';
import type { TopologyGroup } from './topology-groups.ts';
import { strandedBy } from './stranded.ts';
import { holdsTogether, useStandingNodesApart } from './together-on-hosts.ts';
import { useStandingNodes } from './use-standing-nodes.ts';
import { worthOf, worthOfPod, type Worth } from './worth.ts';

/** What there is to pack, the same for every attempt. */
export interface Task {
  /** In the order in which they are placed. */
  readonly demands: readonly Demand[];
  readonly groups: readonly TopologyGroup[];
  readonly tiesOf: Demands['tiesOf'];
  /** In order of their names. */
  readonly nodes: readonly StandingNode[];
  readonly daemonSets: readonly DaemonSet[];
  /** What may be bought. */
  readonly market: readonly Product[];
  readonly limits: Limits;
}

/** How an attempt differs from the others. */
export interface Approach {
  /** Which groups are kept. */
  readonly minding: (group: TopologyGroup) => boolean;
  /** What counts as a product's price. */
  readonly priceOf: (product: Product) => number;
  /** Nothing is bought for a class before all of higher priority have what they need. */
  readonly byPriority: boolean;
  /** Pods spread over all zones in which nodes for them are sold; otherwise over those that have nodes in the end. */
  readonly spreadsWide: boolean;
  /** Nothing is bought where it would make a domain for pods that cannot go there. */
  readonly shunsNewDomains: boolean;
}

/** What an attempt begins with, from those before it. */
export interface Premises {
  /** So many of each class at most. */
  readonly counts: readonly number[];
  /** Places in which nodes will be bought, so that they are domains even to pods that nothing is sold for there. */
  readonly places: ReadonlySet<number>;
  /** Places in which nothing is bought, so that they are no domains. */
  readonly shunned: ReadonlySet<number>;
}

export interface Outcome {
  readonly scene: Scene;
  /** For which nodes were to be bought; what is left of them was not to be had. */
  readonly orders: readonly Order[];
  /** Places in which nodes were bought that became domains of a spread without having been thought of. */
  readonly unforeseen: ReadonlySet<number>;
  /** What could still be bought. */
  readonly budget: Budget;
  readonly shelves: Shelves;
  readonly placeOf: (labels: StandingNode['labels']) => Place;
}

/** Places as many pods as it can. */
export function attempt(task: Task, premises: Premises, approach: Approach): Outcome {
  const { groups, market } = task;
  const toPlace = mapPlaces(groups);
  const places = new Map<number, Place>();
  const placeOf = (labels: StandingNode['labels']): Place => {
    const place = toPlace(labels);
    places.set(place.index, place);
    return place;
  };
  const scene = standUp({ ...task, counts: premises.counts, minding: approach.minding, placeOf });
  const productPlaces = new Map(market.map((product) => [product, placeOf(product.labels)]));
  const placeOfProduct = (product: Product): Place => productPlaces.get(product) as Place;
  const sold = market.filter((product) => !premises.shunned.has(placeOfProduct(product).index));
  const shelves = stockShelves(sold, (product) => placeOfProduct(product).index, task.limits);
  const stranded = strandedBy(scene, [...places.values()], shelves);

  useStandingNodes(scene, { mayBegin: holdsTogether(scene), stranded });
  scene.isBuying = true;
  for (const [product, place] of productPlaces)
    if (premises.places.has(place.index))
      groups.forEach((group, number) => {
        if (group.kind === 'spread' && isCountedOn(group, product))
          scene.tallies.addDomain(number, place.domainOf(number));
      });
  const orders = choosePlaces(scene, {
    shelves,
    places: [...places.values()],
    costOf: costs(scene),
    counts: (group, shelf) => {
      const of = groups[group];
      return (
        of !== undefined && (isOfAllNodes(of) || shelf.products.some((product) => isCountedOn(of, product)))
      );
    },
    stranded,
    spreadsWide: approach.spreadsWide,
  });

  const budget = new Budget(task.limits);
  const openBin = (product: Product): Bin => {
    const { index, domainOf } = placeOfProduct(product);
    const bin: Bin = { host: scene.hosts, place: index, domainOf, from: { product }, ...product.room };
    scene.hosts += 1;
    scene.bins.push(bin);
    return bin;
  };
  const priorityOf = ({ demand }: Order): number => scene.demands[demand]?.priority ?? 0;
  const tiers = approach.byPriority ? Map.groupBy(orders, priorityOf) : new Map([[0, orders]]);
  // The order of the classes puts higher priorities first, but for those who go before others of a higher one.
  for (const [, tier] of [...tiers].sort(([a], [b]) => (a === b ? 0 : b - a)))
    buyNodes({
      scene,
      orders: tier,
      budget,
      priceOf: approach.priceOf,
      openBin,
      placeOf: (product) => placeOfProduct(product).index,
    });
  useStandingNodesApart(scene, stranded);
  const bought = new Set(scene.bins.flatMap(({ from }) => ('product' in from ? [from.product] : [])));
  const isUnforeseen = (product: Product): boolean =>
    groups.some(
      (group, number) =>
        group.kind === 'spread' &&
        isCountedOn(group, product) &&
        !scene.tallies.isDomain(number, placeOfProduct(product).domainOf(number)),
    );
  const unforeseen = new Set(
    [...bought].filter(isUnforeseen).map((product) => placeOfProduct(product).index),
  );
  return { scene, orders, unforeseen, budget, shelves, placeOf };
}

/** What a pod costs from a shelf if the shelf sold to all that are waiting. */
function costs(scene: Scene): (shelf: Shelf, demand: Demand) => number {
  const asked = { cpuMillis: 0, memoryBytes: 0 };
  scene.demands.forEach(({ cpuMillis, memoryBytes }, number) => {
    asked.cpuMillis += cpuMillis * (scene.left[number] ?? 0);
    asked.memoryBytes += memoryBytes * (scene.left[number] ?? 0);
  });
  const worths = new Map<Shelf, Worth>();
  return (shelf, demand) => {
    let worth = worths.get(shelf);
    if (worth === undefined) {
      worth = worthOf(shelf.choices, asked);
      worths.set(shelf, worth);
    }
    return worthOfPod(worth, demand);
  };
}
