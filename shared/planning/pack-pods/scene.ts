import type { BothBonds } from './bonds.ts';
import type { Bin } from './bins.ts';
import type { Demand } from './demands.ts';
import type { Tallies } from './tallies.ts';

/** One attempt to place everything: what is still to be placed, and what has been. */
export interface Scene {
  /** In the order in which they are placed. */
  readonly demands: readonly Demand[];
  /** How many of each are still without a place. */
  readonly left: number[];
  readonly bonds: readonly BothBonds[];
  readonly tallies: Tallies;
  /** Nodes that are there and take pods, then the bought ones. */
  readonly bins: Bin[];
  readonly placed: Placed[];
  /** The number of the next node as a domain of hosts. */
  hosts: number;
  /** What stands is used as far as it goes. */
  isBuying: boolean;
}

export interface Placed {
  readonly demand: number;
  readonly count: number;
  readonly bin: Bin;
  /** A scheduler lets them in only when the new nodes are there. */
  readonly isLate: boolean;
}

export function placedByDemand({ demands, placed }: Scene): readonly number[] {
  const counts = demands.map(() => 0);
  for (const { demand, count } of placed) counts[demand] = (counts[demand] ?? 0) + count;
  return counts;
}
