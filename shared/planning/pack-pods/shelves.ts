import { fitsInto } from './bins.ts';
import type { Limits } from './budget.ts';
import type { Demand } from './demands.ts';
import type { Product } from './market.ts';
import { preference, suits, type NodeRules } from './node-rules.ts';

/** The products that some pods may run on, in one place or in all. */
export interface Shelf {
  readonly index: number;
  /** Cheapest first. */
  readonly products: readonly Product[];
  readonly has: (product: Product) => boolean;
  /** Those of them that could ever be the best choice: none in the same place has as much room for less. */
  readonly choices: readonly Product[];
}

export interface Shelves {
  /**
   * Where such pods go: of the products that suit them and can hold one, those that they prefer. Undefined: there is none.
   *
   * @param place absent: any.
   */
  readonly of: (demand: Demand, place?: number) => Shelf | undefined;
  readonly all: readonly Shelf[];
}

/** Products by how much pods with these rules prefer them, most first. */
interface Tier {
  readonly products: readonly Product[];
  readonly preference: number;
}

/**
 * @param limits where vCPUs are short, a cheaper product with more of them does not make another superfluous; nor does spot,
 *   where its share is.
 */
export function stockShelves(
  market: readonly Product[],
  placeOf: (product: Product) => number,
  limits: Pick<Limits, 'vcpusLeft' | 'spotShare'>,
): Shelves {
  const all: Shelf[] = [];
  const tiersByRules = new Map<NodeRules, readonly Tier[]>();
  const shelvesByTier = new Map<Tier, Map<number, Shelf>>();

  const tiersOf = (rules: NodeRules): readonly Tier[] => {
    let tiers = tiersByRules.get(rules);
    if (tiers === undefined) {
      const suitable = market.filter(({ labels, taints }) => suits(rules, labels, taints));
      const byPreference = Map.groupBy(suitable, ({ labels, taints }) => preference(rules, labels, taints));
      tiers = [...byPreference]
        .map(([preference, products]) => ({ preference, products }))
        .sort((a, b) => b.preference - a.preference);
      tiersByRules.set(rules, tiers);
    }
    return tiers;
  };

  const shelfOf = (tier: Tier, place: number): Shelf => {
    const shelves = shelvesByTier.get(tier) ?? new Map<number, Shelf>();
    shelvesByTier.set(tier, shelves);
    let shelf = shelves.get(place);
    if (shelf === undefined) {
      const products =
        place === anyPlace ? tier.products : tier.products.filter((product) => placeOf(product) === place);
      const stocked = new Set(products);
      shelf = {
        index: all.length,
        products,
        has: (product) => stocked.has(product),
        choices: worthChoosing(products, placeOf, limits),
      };
      all.push(shelf);
      shelves.set(place, shelf);
    }
    return shelf;
  };

  return {
    all,
    of: (demand, place = anyPlace) => {
      for (const tier of tiersOf(demand.rules)) {
        const shelf = shelfOf(tier, place);
        if (shelf.choices.some(({ room }) => fitsInto(room, demand) > 0)) return shelf;
      }
      return undefined;
    },
  };
}

const anyPlace = -1;

function worthChoosing(
  products: readonly Product[],
  placeOf: (product: Product) => number,
  { vcpusLeft, spotShare }: Pick<Limits, 'vcpusLeft' | 'spotShare'>,
): readonly Product[] {
  const replaces = (rival: Product, product: Product): boolean =>
    holds(rival.room, product.room) &&
    (vcpusLeft === Infinity || rival.vcpus <= product.vcpus) &&
    (spotShare === 1 || !rival.isSpot || product.isSpot);
  const kept = new Map<number, { readonly rivals: Product[]; readonly most: Mutable<Product['room']> }>();
  return products.filter((product) => {
    const place = placeOf(product);
    let known = kept.get(place);
    if (known === undefined) {
      known = { rivals: [], most: { cpuMillis: -1, memoryBytes: -1, pods: -1 } };
      kept.set(place, known);
    }
    const { rivals, most } = known;
    // Cheapest first: whoever came before costs no more.
    if (holds(most, product.room) && rivals.some((rival) => replaces(rival, product))) return false;
    rivals.push(product);
    most.cpuMillis = Math.max(most.cpuMillis, product.room.cpuMillis);
    most.memoryBytes = Math.max(most.memoryBytes, product.room.memoryBytes);
    most.pods = Math.max(most.pods, product.room.pods);
    return true;
  });
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const holds = (room: Product['room'], other: Product['room']): boolean =>
  room.cpuMillis >= other.cpuMillis && room.memoryBytes >= other.memoryBytes && room.pods >= other.pods;
