import type { Bonds, BothBonds } from './bonds.ts';
import type { Order } from './choose-places.ts';
import type { Demand } from './demands.ts';
import type { Product } from './market.ts';
import { suits } from './node-rules.ts';
import type { Scene } from './scene.ts';
import type { Shelf } from './shelves.ts';
import { worthOf, worthOfPlace, worthOfPod, type Worth } from './worth.ts';

/** Pods for which nodes are bought that are equal to every node: their classes may differ in what is decided already. */
export interface Item {
  readonly shelf: Shelf;
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly bonds: Bonds;
  /** Whether it makes a difference to others where they are. */
  readonly isTied: boolean;
  /** The first of their classes. */
  readonly podClass: number;
  /** What one of them is worth: what its share of a well filled node costs. US dollars per hour. */
  readonly worth: number;
  /** Whether they could be on such a node, if it stood in this place, whatever they prefer. */
  readonly mayBeOn: (product: Product, place: number) => boolean;
  /** Whose they are, in the order in which they are taken. */
  readonly orders: readonly Order[];
  left: number;
}

/** Items that ask for the same. */
export interface Size {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  items: readonly Item[];
}

export type Worths = ReadonlyMap<Shelf, Worth & { readonly ofPlace: number }>;

export function toItems(
  scene: Scene,
  orders: readonly Order[],
  priceOf: (product: Product) => number,
): { readonly items: readonly Item[]; readonly worths: Worths } {
  const worths = worthsOf(scene, orders, priceOf);
  const items = new Map<string, Item & { readonly orders: Order[] }>();
  const bondsNumbers = new Map<Bonds, number>();
  for (const order of orders) {
    const { cpuMillis, memoryBytes, rules } = scene.demands[order.demand] as Demand;
    const bonds = (scene.bonds[order.demand] as BothBonds).ofHosts;
    if (!bondsNumbers.has(bonds)) bondsNumbers.set(bonds, bondsNumbers.size);
    // Who follows whom depends on the order of the classes.
    const ownClass = bonds.company.length > 0 ? order.demand : '';
    const key = `${order.shelf.index} ${cpuMillis} ${memoryBytes} ${bondsNumbers.get(bonds)} ${ownClass}`;
    const known = items.get(key);
    if (known !== undefined) {
      known.orders.push(order);
      known.left += order.left;
      continue;
    }
    const worth = worths.get(order.shelf);
    items.set(key, {
      shelf: order.shelf,
      cpuMillis,
      memoryBytes,
      bonds,
      isTied: bonds.counted.length + bonds.owned.length > 0,
      podClass: order.demand,
      worth: worth === undefined ? 0 : worthOfPod(worth, { cpuMillis, memoryBytes }) + worth.ofPlace,
      mayBeOn: ({ labels, taints }, place) =>
        (order.place === undefined || order.place === place) && suits(rules, labels, taints),
      orders: [order],
      left: order.left,
    });
  }
  // Orders come in the order of the classes, which is the same for the same pods.
  return { items: [...items.values()], worths };
}

function worthsOf(scene: Scene, orders: readonly Order[], priceOf: (product: Product) => number): Worths {
  const asked = new Map<Shelf, { cpuMillis: number; memoryBytes: number }>();
  for (const { demand, shelf, left } of orders) {
    const sum = asked.get(shelf) ?? { cpuMillis: 0, memoryBytes: 0 };
    const { cpuMillis, memoryBytes } = scene.demands[demand] as Demand;
    sum.cpuMillis += cpuMillis * left;
    sum.memoryBytes += memoryBytes * left;
    asked.set(shelf, sum);
  }
  return new Map(
    [...asked].map(([shelf, sum]) => {
      const priced = shelf.choices.map((product) => ({ room: product.room, usdPerHour: priceOf(product) }));
      return [shelf, { ...worthOf(priced, sum), ofPlace: worthOfPlace(priced) }];
    }),
  );
}

/** Bonds by which no two, or not many, such pods share a host. */
const limiting = ({ bonds }: Item) =>
  [...bonds.antiAffinities, ...bonds.spreads].filter(({ isOfItself }) => isOfItself);

export const isLimited = ({ bonds }: Item): boolean =>
  (bonds.antiAffinities.length > 0 || bonds.spreads.length > 0) && limiting({ bonds } as Item).length > 0;

/** The group for whose sake they need hosts of their own. */
export const limitingGroup = (item: Item): number | undefined => limiting(item)[0]?.group;

/** Pods that want to be on the host of their like: all of them must be on one. */
export const isBound = ({ bonds }: Item): boolean => bonds.affinities.some(({ isOfItself }) => isOfItself);

/**
 * Whoever has fewer products to choose from leads, then who must be with its like, then who cannot share a node with it, then
 * the larger.
 */
export const compareLeads = (a: Item, b: Item): number =>
  a.shelf.products.length - b.shelf.products.length ||
  Number(isBound(b)) - Number(isBound(a)) ||
  Number(isLimited(b)) - Number(isLimited(a)) ||
  b.worth - a.worth ||
  a.podClass - b.podClass;

/** By product, all that may go along on it, the largest first. */
export class Pools {
  readonly #items: readonly Item[];
  readonly #shelves: readonly Shelf[];
  readonly #pools = new Map<string, Pool>();
  readonly #keys = new Map<Product, string>();
  #usedUp = 0;

  /**
   * @param items those that go along with any others.
   * @param shelves of these and all others.
   */
  constructor(items: readonly Item[], shelves: readonly Shelf[]) {
    this.#items = items.toSorted((a, b) => b.worth - a.worth || a.podClass - b.podClass);
    this.#shelves = shelves;
  }

  of(product: Product): readonly Size[] {
    const key = this.keyOf(product);
    let pool = this.#pools.get(key);
    if (pool === undefined) {
      pool = newPool(this.#items.filter(({ shelf }) => shelf.has(product)));
      this.#pools.set(key, pool);
    }
    // What is used up is dropped now and then, so that nobody has to pass it by.
    if (this.#usedUp > pool.usedUpThen) {
      pool.usedUpThen = this.#usedUp + pool.sizes.length;
      for (const size of pool.sizes) size.items = size.items.filter(({ left }) => left > 0);
      pool.sizes = pool.sizes.filter(({ items }) => items.length > 0);
    }
    return pool.sizes;
  }

  /** The same for products on which the same may go. */
  keyOf(product: Product): string {
    let key = this.#keys.get(product);
    if (key === undefined) {
      key = this.#shelves.map((shelf) => (shelf.has(product) ? '1' : '0')).join('');
      this.#keys.set(product, key);
    }
    return key;
  }

  sayUsedUp(): void {
    this.#usedUp += 1;
  }
}

interface Pool {
  sizes: readonly Size[];
  /** It is tidied when more than so many items are used up. */
  usedUpThen: number;
}

function newPool(items: readonly Item[]): Pool {
  const sizes = new Map<string, Size & { items: Item[] }>();
  for (const item of items) {
    const { cpuMillis, memoryBytes } = item;
    const key = `${cpuMillis} ${memoryBytes}`;
    const size = sizes.get(key);
    if (size === undefined) sizes.set(key, { cpuMillis, memoryBytes, items: [item] });
    else size.items.push(item);
  }
  return { sizes: [...sizes.values()], usedUpThen: 0 };
}
