import { fitsInto } from './bins.ts';
import type { Budget } from './budget.ts';
import type { Company } from './company.ts';
import { fillNode, type Filling } from './fill-node.ts';
import { isBound, isLimited, limitingGroup, type Item, type Pools, type Worths } from './items.ts';
import type { Product } from './market.ts';
import type { Scene } from './scene.ts';
import type { Shelf } from './shelves.ts';
import { worthOfPod } from './worth.ts';

/** A node that might be bought, with what it would hold. */
export interface Choice {
  readonly product: Product;
  readonly filling: Filling;
}

/** So many kinds of nodes are filled for a trial before one is bought; the others are judged by their size and price. */
const trialsMax = 12;
/** Prices that differ by less are the same. */
const samePriceShare = 0.005;

/** What a filling amounts to. */
interface Sum {
  readonly cpuMillis: number;
  readonly memoryBytes: number;
  readonly pods: number;
  /** Of the items from the leading one's shelf, and of the others. */
  readonly ownWorth: number;
  readonly othersWorth: number;
}

/** Fills nodes for a trial, to find the one on which some pods cost least. */
export class Trials {
  readonly #scene: Scene;
  readonly #items: readonly Item[];
  readonly #pools: Pools;
  readonly #budget: Budget;
  readonly #priceOf: (product: Product) => number;
  /** What each product of a shelf would be worth were it filled to the brim. */
  readonly #fullWorths: ReadonlyMap<Shelf, Float64Array>;
  readonly #company: Company;

  constructor(options: {
    readonly scene: Scene;
    readonly items: readonly Item[];
    readonly worths: Worths;
    readonly pools: Pools;
    readonly company: Company;
    readonly budget: Budget;
    readonly priceOf: (product: Product) => number;
  }) {
    this.#scene = options.scene;
    this.#items = options.items;
    this.#pools = options.pools;
    this.#budget = options.budget;
    this.#priceOf = options.priceOf;
    this.#company = options.company;
    this.#fullWorths = new Map(
      [...options.worths].map(([shelf, worth]) => [
        shelf,
        Float64Array.from(shelf.choices, ({ room }) => worthOfPod(worth, room)),
      ]),
    );
  }

  /**
   * How many of the pods that cannot share hosts will be the only ones of their group on a node that nobody else needs: those
   * beyond the nodes that the other pods fill anyway.
   */
  lonely(lead: Item): number {
    const group = limitingGroup(lead);
    const full = this.#fullWorths.get(lead.shelf) ?? new Float64Array();
    let best = -1;
    let bestRatio = Infinity;
    lead.shelf.choices.forEach((product, at) => {
      const ratio = this.#priceOf(product) / (full[at] ?? 0);
      if (ratio < bestRatio) [best, bestRatio] = [at, ratio];
    });
    let alike = 0;
    let others = 0;
    for (const item of this.#items) {
      if (limitingGroup(item) === group) alike += item.left;
      else others += item.left * item.worth;
    }
    return Math.max(0, alike - Math.ceil(others / (full[best] ?? Infinity)));
  }

  /** The cheapest node that holds such a pod at all; of equally cheap ones that with the fullest rest. */
  smallest(lead: Item): Choice | undefined {
    let best: Choice | undefined;
    let bestRest = Infinity;
    let priceMax = Infinity;
    for (const product of lead.shelf.choices) {
      if (this.#priceOf(product) > priceMax || !this.#isPossible(product, lead)) continue;
      const filling = this.#fill(lead, product);
      if (!filling.has(lead)) continue;
      priceMax = Math.min(priceMax, this.#priceOf(product) * (1 + samePriceShare));
      const { ownWorth, othersWorth } = sumOf(filling, lead);
      const rest = this.#priceOf(product) - ownWorth - othersWorth;
      if (rest < bestRest) [best, bestRest] = [{ product, filling }, rest];
    }
    return best;
  }

  /**
   * For pods that others want to be with, or that must all be together: of the nodes that hold most of the company the best.
   */
  #together(lead: Item): Choice | undefined {
    let best: Choice | undefined;
    let fewestMissing = Infinity;
    let bestScore = Infinity;
    // Not only those that are good choices for the leading pods: their company may have others.
    for (const product of lead.shelf.products) {
      if (!this.#isPossible(product, lead)) continue;
      const wanted = this.#company.of(lead, product);
      const filling = this.#fill(lead, product);
      if (!filling.has(lead)) continue;
      let missing = this.#company.shutOut(lead, product);
      for (const [item, count] of wanted) missing += Math.max(0, count - (filling.get(item) ?? 0));
      const score = this.#scoreOf(product, sumOf(filling, lead));
      if (missing < fewestMissing || (missing === fewestMissing && score < bestScore))
        [best, fewestMissing, bestScore] = [{ product, filling }, missing, score];
    }
    return best;
  }

  /** What the leading pods and those of their shelf cost there for each dollar that they are worth. */
  #scoreOf(product: Product, { ownWorth, othersWorth }: Sum): number {
    return (this.#priceOf(product) - othersWorth) / ownWorth;
  }

  /**
   * The node on which the leading pods and those of the same shelf cost least for what they are worth, when what others save
   * there is taken off. What turns out not to be full shrinks to the cheapest node that holds it.
   */
  best(lead: Item): Choice | undefined {
    if (isBound(lead) || this.#company.isWanted(lead)) return this.#together(lead);
    const { choices } = lead.shelf;
    const full = this.#fullWorths.get(lead.shelf) ?? new Float64Array();
    const isOut = choices.map((product) => !this.#isPossible(product, lead));
    /** By kind of pool, what can be on one node at most, however large it is. */
    const worthMax = new Map<string, number>();
    const boundOf = (product: Product, at: number): number => {
      const key = this.#pools.keyOf(product);
      let most = worthMax.get(key);
      if (most === undefined) {
        most = Math.max(lead.worth, this.#worthOnOneNode(product));
        worthMax.set(key, most);
      }
      return this.#priceOf(product) / Math.min(full[at] ?? 0, most);
    };

    let best: Choice | undefined;
    let bestScore = Infinity;
    for (let trial = 0; trial < trialsMax; trial += 1) {
      let at = -1;
      let bound = bestScore;
      for (let other = 0; other < choices.length; other += 1) {
        if (isOut[other] === true) continue;
        const otherBound = boundOf(choices[other] as Product, other);
        if (otherBound < bound) [at, bound] = [other, otherBound];
      }
      const tried = choices[at];
      if (tried === undefined) break;
      isOut[at] = true;
      const filling = this.#fill(lead, tried);
      if (!filling.has(lead)) continue;
      const sum = sumOf(filling, lead);
      const product = this.#shrunk(lead.shelf, tried, sum);
      if (product !== tried) worthMax.set(this.#pools.keyOf(tried), sum.ownWorth + sum.othersWorth);
      const score = this.#scoreOf(product, sum);
      if (score < bestScore) [best, bestScore] = [{ product, filling }, score];
    }
    return best;
  }

  #isPossible(product: Product, lead: Item): boolean {
    return fitsInto(product.room, lead) > 0 && this.#budget.allows(product) > 0;
  }

  #fill(lead: Item, product: Product): Filling {
    return fillNode({
      product,
      first: this.#company.of(lead, product),
      sizes: this.#pools.of(product),
      tallies: this.#scene.tallies,
      host: this.#scene.hosts,
    });
  }

  #worthOnOneNode(product: Product): number {
    let worth = 0;
    for (const { items } of this.#pools.of(product))
      for (const item of items) worth += item.worth * (isLimited(item) ? Math.min(1, item.left) : item.left);
    return worth;
  }

  /** The cheapest product on which the same may go and that holds so much. */
  #shrunk({ choices }: Shelf, product: Product, sum: Sum): Product {
    const key = this.#pools.keyOf(product);
    return (
      choices.find(
        (other) =>
          other.room.cpuMillis >= sum.cpuMillis &&
          other.room.memoryBytes >= sum.memoryBytes &&
          other.room.pods >= sum.pods &&
          this.#pools.keyOf(other) === key &&
          this.#budget.allows(other) > 0,
      ) ?? product
    );
  }
}

function sumOf(filling: Filling, lead: Item): Sum {
  const sum = { cpuMillis: 0, memoryBytes: 0, pods: 0, ownWorth: 0, othersWorth: 0 };
  for (const [item, count] of filling) {
    sum.cpuMillis += item.cpuMillis * count;
    sum.memoryBytes += item.memoryBytes * count;
    sum.pods += count;
    if (item.shelf === lead.shelf) sum.ownWorth += item.worth * count;
    else sum.othersWorth += item.worth * count;
  }
  return sum;
}
