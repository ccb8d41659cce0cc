import { fitsInto } from './bins.ts';
import type { BothBonds } from './bonds.ts';
import type { Demand } from './demands.ts';
import { HostCompany, leadToPlaces, type Candidate, type PlaceGuides } from './lead-to-places.ts';
import { suits } from './node-rules.ts';
import type { Place } from './places.ts';
import type { Scene } from './scene.ts';
import type { Shelf, Shelves } from './shelves.ts';

/** Equal pods for which a node is to be bought. */
export interface Order {
  readonly demand: number;
  readonly shelf: Shelf;
  /** The only one in which they may be; absent: any. */
  readonly place?: number;
  left: number;
}

/** Prices that differ by less are the same: then work is spread instead. */
const samePriceShare = 0.005;

/**
 * Says for all pods that are left from which shelf their nodes are to come. Most may go anywhere. Those that bind each other
 * beyond single hosts are led to one place each, as the scheduler would let them in when all new nodes are there: spread pods
 * to where fewest are, pods that want to be together to where there is something for all of them, and each as cheaply as that
 * allows. Where a node that stands has room for them there, they go on it at once.
 */
export function choosePlaces(
  scene: Scene,
  options: PlaceGuides & {
    readonly shelves: Shelves;
    readonly places: readonly Place[];
    /** US dollars per hour for one such pod from that shelf. */
    readonly costOf: (shelf: Shelf, demand: Demand) => number;
    /** Every place where something is sold for spread pods is one of their domains. */
    readonly spreadsWide: boolean;
  },
): readonly Order[] {
  const { shelves, places, costOf, spreadsWide } = options;
  const orders: Order[] = [];
  const order = (each: Order): void => {
    orders.push(each);
    // They are bound before later classes, whoever's node is bought first.
    const { counted } = (scene.bonds[each.demand] as BothBonds).ofHosts;
    for (const group of counted) scene.tallies.expect(group, each.demand);
  };

  const candidatesOf = (number: number): readonly Candidate[] => {
    const demand = scene.demands[number] as Demand;
    const found = places.map((place) => ({
      place,
      shelf: shelves.of(demand, place.index),
      bins: scene.bins.filter(
        ({ from, ...bin }) =>
          'node' in from &&
          bin.place === place.index &&
          fitsInto(bin, demand) > 0 &&
          suits(demand.rules, from.node.labels, from.node.taints),
      ),
    }));
    const costs = found.map(({ shelf }) => (shelf === undefined ? Infinity : costOf(shelf, demand)));
    const cheapest = Math.min(...costs);
    return found
      .map((each, at) => {
        const share = cheapest === 0 ? 1 : (costs[at] ?? Infinity) / cheapest;
        return {
          ...each,
          cost: share <= 1 + samePriceShare ? 1 : share,
          ordered: 0,
          rank: [],
          bin: undefined,
        };
      })
      .filter(({ shelf, bins }) => shelf !== undefined || bins.length > 0);
  };

  const waiting = scene.demands
    .map((_demand, number) => number)
    .filter((number) => (scene.left[number] ?? 0) > 0);
  const isPlaceless = (number: number): boolean => {
    const { ofDomains } = scene.bonds[number] as BothBonds;
    return ofDomains.areNone && ofDomains.counted.length === 0;
  };
  const candidates = new Map(
    waiting.filter((number) => !isPlaceless(number)).map((number) => [number, candidatesOf(number)]),
  );
  for (const [number, each] of candidates)
    for (const { group } of (scene.bonds[number] as BothBonds).ofDomains.spreads)
      for (const { place, shelf } of each)
        if (shelf !== undefined && spreadsWide) scene.tallies.addDomain(group, place.domainOf(group));

  const company = new HostCompany();
  for (const number of waiting) {
    const demand = scene.demands[number] as Demand;
    const found = candidates.get(number);
    if (found === undefined) {
      const shelf = shelves.of(demand);
      if (shelf !== undefined) order({ demand: number, shelf, left: scene.left[number] ?? 0 });
      continue;
    }
    leadToPlaces(scene, number, found, company, options);
    for (const { place, shelf, ordered } of found)
      if (shelf !== undefined && ordered > 0)
        order({ demand: number, shelf, place: place.index, left: ordered });
  }
  return orders;
}
