import type { Demand } from './demands.ts';
import type { Product } from './market.ts';
import type { StandingNode } from './packing.ts';

/** A node while it is filled. */
export interface Bin {
  /** Its number among all: as a domain of hosts. */
  readonly host: number;
  readonly place: number;
  /** The number of its domain for a group beyond hosts; -1: it has none there. */
  readonly domainOf: (group: number) => number;
  /** A node that is there, or what is to be bought. */
  readonly from: { readonly node: StandingNode } | { readonly product: Product };
  cpuMillis: number;
  memoryBytes: number;
  pods: number;
}

type Room = Pick<Bin, 'cpuMillis' | 'memoryBytes' | 'pods'>;
type Load = Pick<Demand, 'cpuMillis' | 'memoryBytes'>;

/** How many such pods there is room for. What asks for nothing fits also where more is asked for than there is. */
export function fitsInto({ cpuMillis, memoryBytes, pods }: Room, load: Load): number {
  let count = pods;
  if (load.cpuMillis > 0) count = Math.min(count, Math.floor(cpuMillis / load.cpuMillis));
  if (load.memoryBytes > 0) count = Math.min(count, Math.floor(memoryBytes / load.memoryBytes));
  return Math.max(0, count);
}

export function take(room: { -readonly [Key in keyof Room]: number }, load: Load, count: number): void {
  room.cpuMillis -= load.cpuMillis * count;
  room.memoryBytes -= load.memoryBytes * count;
  room.pods -= count;
}
