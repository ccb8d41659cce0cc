import { usdPerUnitHour, type Offering } from '../domain/offering.ts';

/** Where in the list an offering stands: first by price, then by name. */
export interface Rank {
  readonly usdPerUnitHour: number;
  readonly name: string;
}

export const rankOf = (offering: Offering): Rank => ({
  usdPerUnitHour: usdPerUnitHour(offering),
  name: `${offering.cloud} ${offering.instanceType} ${offering.lifecycle}`,
});

const compare = (a: Rank, b: Rank): number =>
  a.usdPerUnitHour - b.usdPerUnitHour || (a.name < b.name ? -1 : Number(a.name > b.name));

/**
 * One page of what is sold, the cheapest per vCPU and memory first. Pages follow the ranks, so that prices that move between
 * two pages neither repeat nor hide what did not move.
 *
 * @param after the last one of the page before.
 */
export function rankOfferings(options: { offerings: readonly Offering[]; limit: number; after?: Rank }): {
  readonly page: readonly Offering[];
  readonly next?: Rank;
} {
  const { offerings, limit, after } = options;
  const left = offerings
    .map((offering) => ({ offering, rank: rankOf(offering) }))
    .filter(({ rank }) => after === undefined || compare(rank, after) > 0)
    .toSorted((a, b) => compare(a.rank, b.rank));
  const page = left.slice(0, limit);
  const last = page.at(-1);
  return {
    page: page.map(({ offering }) => offering),
    ...(last !== undefined && left.length > page.length && { next: last.rank }),
  };
}
