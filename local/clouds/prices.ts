import type { Collection } from '../disk.ts';
import { roundPrice } from './catalogue-type.ts';
import { instanceTypes, type SimulatedType } from './catalogue.ts';
import type { SimulatedCloud } from './world.ts';

export type SimulatedLifecycle = 'on-demand' | 'spot';

/** A price that somebody moved: by how much those of a family, of one type, or of a whole cloud are multiplied. */
export interface PriceChange {
  readonly cloud: SimulatedCloud;
  readonly family?: string;
  readonly instanceType?: string;
  /** AWS's spot prices alone differ by zone. */
  readonly zone?: string;
  readonly lifecycle: SimulatedLifecycle;
  readonly factor: number;
}

const factorMax = 1000;

/** The same target again replaces what was said of it. */
const keyOf = ({ cloud, family, instanceType, zone, lifecycle }: PriceChange): string =>
  [cloud, lifecycle, family ?? '', instanceType ?? '', zone ?? ''].join('|');

/** What machines cost now: the catalogue's prices, as they were moved since. */
export class Prices {
  readonly #changes: Collection<PriceChange>;

  constructor(changes: Collection<PriceChange>) {
    this.#changes = changes;
  }

  /** @returns why it cannot be, in words, where it cannot. A factor of 1 is the catalogue's price again. */
  move(change: PriceChange): string | undefined {
    const objection = objectionTo(change);
    if (objection !== undefined) return objection;
    if (change.factor === 1) this.#changes.delete(keyOf(change));
    else this.#changes.set(keyOf(change), change);
    return undefined;
  }

  changes(): readonly PriceChange[] {
    return this.#changes.values();
  }

  clear(): void {
    for (const [key] of this.#changes.entries()) this.#changes.delete(key);
  }

  /** Everything that was said of it, multiplied. */
  factor(
    cloud: SimulatedCloud,
    type: Pick<SimulatedType, 'family'> & { readonly name?: string },
    lifecycle: SimulatedLifecycle,
    zone?: string,
  ): number {
    const applies = (change: PriceChange): boolean =>
      change.cloud === cloud &&
      change.lifecycle === lifecycle &&
      (change.family === undefined || change.family === type.family) &&
      (change.instanceType === undefined || change.instanceType === type.name) &&
      (change.zone === undefined || change.zone === zone);
    return this.#changes
      .values()
      .filter(applies)
      .reduce((product, { factor }) => product * factor, 1);
  }

  /** US dollars per hour; undefined where the type cannot be had so. */
  usdPerHour(
    cloud: SimulatedCloud,
    type: SimulatedType,
    lifecycle: SimulatedLifecycle,
    zone?: string,
  ): number | undefined {
    const listed = lifecycle === 'spot' ? type.usdPerHourSpot : type.usdPerHour;
    if (listed === undefined) return undefined;
    const inZone = cloud === 'aws' && lifecycle === 'spot' ? zoneFactor(zone) : 1;
    return roundPrice(listed * inZone * this.factor(cloud, type, lifecycle, zone));
  }
}

/** How much zones differ is made up: the first has the catalogue's prices. */
const zoneFactor = (zone: string | undefined): number =>
  ({ b: 1.06, c: 0.96, d: 1.11, e: 0.92, f: 1.02 })[zone?.at(-1) ?? ''] ?? 1;

function objectionTo(change: PriceChange): string | undefined {
  const { cloud, family, instanceType, zone, lifecycle, factor } = change;
  if (typeof factor !== 'number' || !(factor > 0) || factor > factorMax)
    return `factor: a number above 0 and up to ${factorMax}`;
  if (lifecycle !== 'on-demand' && lifecycle !== 'spot') return 'lifecycle: one of on-demand, spot';
  if (lifecycle === 'spot' && cloud === 'digitalocean') return 'lifecycle: digitalocean sells no spot';
  if (zone !== undefined && (cloud !== 'aws' || lifecycle !== 'spot'))
    return 'zone: only spot prices of aws differ by zone';
  if (instanceType !== undefined && cloud === 'gcp')
    return 'instanceType: gcp prices the cores and memory of a family';
  const types = instanceTypes(cloud);
  if (family !== undefined && !types.some((type) => type.family === family))
    return `family: one of ${[...new Set(types.map((type) => type.family))].join(', ')}`;
  if (instanceType !== undefined && !types.some(({ name }) => name === instanceType))
    return `instanceType: ${cloud} has no ${instanceType}`;
  return undefined;
}
