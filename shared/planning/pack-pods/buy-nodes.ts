import { fitsInto, type Bin } from './bins.ts';
import type { Budget } from './budget.ts';
import type { Order } from './choose-places.ts';
import { Company } from './company.ts';
import type { Filling } from './fill-node.ts';
import { compareLeads, isBound, limitingGroup, Pools, toItems, type Item } from './items.ts';
import type { Product } from './market.ts';
import type { Scene } from './scene.ts';
import { Trials, type Choice } from './trials.ts';

/**
 * Buys nodes until everything that was ordered has one, or nothing more may be bought.
 *
 * Time and again: of what is left, the pods with the least choice lead. Each kind of node that they may have is filled for a
 * trial, with them and with whatever else may go there, and the one is bought on which the leading pods cost least, when what
 * others save by riding along is taken off. Alike nodes are bought at once.
 *
 * Pods that cannot share hosts may need more nodes than all the others: those nodes come first and as small as can be, so that
 * the others fill what is left on them.
 */
export function buyNodes(options: {
  readonly scene: Scene;
  readonly orders: readonly Order[];
  readonly budget: Budget;
  readonly openBin: (product: Product) => Bin;
  readonly placeOf: (product: Product) => number;
  /** What counts as a product's price. */
  readonly priceOf: (product: Product) => number;
}): void {
  const { scene, budget, openBin } = options;
  const { items, worths } = toItems(scene, options.orders, options.priceOf);
  const company = new Company(items, options.placeOf);
  // Who has company is not taken along without it.
  const free = items.filter((item) => !isBound(item) && !company.isWanted(item));
  const pools = new Pools(free, [...worths.keys()]);
  const trials = new Trials({ ...options, items, worths, pools, company });

  useOpenNodes(scene, items);
  const buy = ({ product, filling }: Choice, max: number): number => {
    const alike = budget.goesByTurns(product) ? 1 : copiesOf(filling);
    const copies = Math.min(max, alike, budget.allows(product));
    budget.spend(product, copies);
    for (let copy = 0; copy < copies; copy += 1) settle(scene, openBin(product), filling);
    for (const { left } of filling.keys()) if (left === 0) pools.sayUsedUp();
    return copies;
  };

  const leads = items.toSorted(compareLeads);
  const lonely = new Map<number, number>();
  for (const lead of leads) {
    const group = limitingGroup(lead);
    if (group === undefined) continue;
    let count = lonely.get(group) ?? trials.lonely(lead);
    while (count > 0 && lead.left > 0) {
      const choice = trials.smallest(lead);
      if (choice === undefined) break;
      count -= buy(choice, count);
    }
    lonely.set(group, count);
  }
  for (const lead of leads) {
    while (lead.left > 0) {
      const choice = trials.best(lead);
      if (choice === undefined) break;
      buy(choice, Infinity);
    }
  }
  // Whom nobody thought of when a node was filled, and for whom no more can be bought.
  useOpenNodes(scene, items);
}

/** What room there is on nodes that are bought already. */
function useOpenNodes(scene: Scene, all: readonly Item[]): void {
  const items = all.filter(({ left }) => left > 0);
  if (items.length === 0) return;
  for (const bin of scene.bins) {
    if (!('product' in bin.from)) continue;
    for (const item of items) {
      if (item.left === 0 || !item.mayBeOn(bin.from.product, bin.place) || isUnbegun(scene, item)) continue;
      const room = scene.tallies.roomOnHost(item.bonds, bin.host, item.podClass);
      const count = Math.min(item.left, room, fitsInto(bin, item));
      if (count > 0) settle(scene, bin, new Map([[item, count]]));
    }
  }
}

/** Of pods that must be together none is anywhere yet. */
const isUnbegun = ({ tallies }: Scene, item: Item): boolean =>
  item.bonds.affinities.some(
    ({ group, isOfItself }) => isOfItself && !tallies.hasBegun(group, item.podClass),
  );

/** How many such nodes what is left would fill; pods that must be together are on one. */
function copiesOf(filling: Filling): number {
  let copies = Infinity;
  for (const [item, count] of filling)
    copies = Math.min(copies, isBound(item) ? 1 : Math.floor(item.left / count));
  return copies;
}

function settle(scene: Scene, bin: Bin, filling: Filling): void {
  for (const [item, count] of filling) {
    item.left -= count;
    bin.cpuMillis -= item.cpuMillis * count;
    bin.memoryBytes -= item.memoryBytes * count;
    bin.pods -= count;
    scene.tallies.add(item.bonds, () => bin.host, count, item.podClass);
    handOut(scene, bin, item, count);
  }
}

/** Which class's pods they are makes no difference to the node: the first that still has some. */
function handOut(scene: Scene, bin: Bin, { orders }: Item, count: number): void {
  let open = count;
  for (const order of orders) {
    const given = Math.min(open, order.left);
    if (given === 0) continue;
    order.left -= given;
    open -= given;
    scene.left[order.demand] = (scene.left[order.demand] ?? 0) - given;
    scene.placed.push({ demand: order.demand, count: given, bin, isLate: true });
    if (open === 0) return;
  }
}
