import type { CloudName, Location } from '../domain/cloud.ts';
import type { Architecture, Lifecycle, Offering } from '../domain/offering.ts';
import type { Assortment } from './contract.ts';

/** A type as its cloud describes it. */
export interface SoldType {
  readonly name: string;
  readonly architecture: Architecture;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly isBurstable: boolean;
}

export interface AssortmentBuilder {
  /**
   * @param prices US dollars per hour. A lifecycle that is not named is not sold; one that is named and has no price, or
   * none that can be (0, not a number), is left out and counted.
   */
  sell(type: SoldType, prices: Readonly<Partial<Record<Lifecycle, number | undefined>>>): void;
  leaveOut(reason: string): void;
  result(): Assortment;
}

/** No machine costs more, by far: what does is a price of something else. */
const usdPerHourMax = 2000;

/** US dollars to a millionth: sums of parts show no noise of floating point. */
const rounded = (usd: number): number => Math.round(usd * 1e6) / 1e6;

/** What one cloud sells in one place, as it is found. */
export function assortmentOf(cloud: CloudName, { region, zone }: Location): AssortmentBuilder {
  const offerings = new Map<string, Offering>();
  const leftOut: Record<string, number> = {};
  const leaveOut = (reason: string): void => {
    leftOut[reason] = (leftOut[reason] ?? 0) + 1;
  };
  return {
    leaveOut,
    sell({ name, architecture, vcpus, memoryGib, isBurstable }, prices) {
      if (!(vcpus > 0) || !(memoryGib > 0)) return leaveOut('no size');
      for (const [lifecycle, price] of Object.entries(prices) as [Lifecycle, number | undefined][]) {
        if (price === undefined || !(price > 0) || price > usdPerHourMax) {
          leaveOut(`no ${lifecycle} price`);
          continue;
        }
        offerings.set(`${name} ${lifecycle}`, {
          cloud,
          region,
          zone,
          instanceType: name,
          architecture,
          lifecycle,
          vcpus,
          memoryGib,
          usdPerHour: rounded(price),
          ...(isBurstable && { burstable: true as const }),
        });
      }
    },
    result: () => ({ offerings: [...offerings.values()], leftOut }),
  };
}
