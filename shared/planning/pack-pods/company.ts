import { fitsInto, take } from './bins.ts';
import { isBound, type Item } from './items.ts';
import type { Product } from './market.ts';

/**
 * Who comes along when pods go on a new node: those that want to be on the host of such pods. Once the node is bought and
 * filled there may be no room for them, so they are thought of together.
 */
export class Company {
  readonly #followers = new Map<number, Item[]>();
  readonly #known = new Map<Item, readonly Item[]>();

  readonly #placeOf: (product: Product) => number;

  constructor(items: readonly Item[], placeOf: (product: Product) => number) {
    this.#placeOf = placeOf;
    for (const item of items)
      for (const { group } of item.bonds.affinities) {
        const followers = this.#followers.get(group) ?? [];
        followers.push(item);
        this.#followers.set(group, followers);
      }
  }

  #mayBeOn({ mayBeOn }: Item, product: Product): boolean {
    return mayBeOn(product, this.#placeOf(product));
  }

  #companions(lead: Item): readonly Item[] {
    if (this.#followers.size === 0) return [];
    let companions = this.#known.get(lead);
    if (companions === undefined) {
      const all = new Set([lead]);
      // What is added while this goes on is gone through too: followers have followers.
      for (const item of all)
        for (const group of item.bonds.counted)
          for (const follower of this.#followers.get(group) ?? []) all.add(follower);
      companions = [...all].slice(1);
      this.#known.set(lead, companions);
    }
    return companions;
  }

  /** Whether somebody wants to be where these pods are. */
  isWanted(lead: Item): boolean {
    return this.#companions(lead).some(({ left }) => left > 0);
  }

  /** How many of those who want to be with the leading pods could never be on such a node. */
  shutOut(lead: Item, product: Product): number {
    return this.#companions(lead).reduce(
      (sum, item) => sum + (this.#mayBeOn(item, product) ? 0 : item.left),
      0,
    );
  }

  /**
   * What is put on such a node first: the leading pods and their companions, as large a share of both as there is room for,
   * the companions evenly with those whom they follow.
   */
  of(lead: Item, product: Product): ReadonlyMap<Item, number> {
    const companions = this.#companions(lead);
    if (companions.length === 0 && !isBound(lead)) return new Map([[lead, 1]]);
    const all = [lead, ...companions].filter((item) => item.left > 0 && this.#mayBeOn(item, product));
    if (isBound(lead)) return new Map(all.map((item) => [item, item.left]));
    // Those that cannot share hosts have one for each.
    const fewestNodes = lead.bonds.antiAffinities.some(({ isOfItself }) => isOfItself) ? lead.left : 1;
    for (let nodes = fewestNodes; ; nodes = Math.min(lead.left, nodes * 2)) {
      const share = new Map(all.map((item) => [item, Math.ceil(item.left / nodes)]));
      if (nodes >= lead.left || holdsAll(product, share)) return share;
    }
  }
}

function holdsAll({ room }: Product, share: ReadonlyMap<Item, number>): boolean {
  const draft = { ...room };
  for (const [item, count] of share) {
    if (fitsInto(draft, item) < count) return false;
    take(draft, item, count);
  }
  return true;
}
