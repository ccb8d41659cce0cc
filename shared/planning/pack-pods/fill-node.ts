import { fitsInto } from './bins.ts';
import type { Item, Size } from './items.ts';
import type { Product } from './market.ts';
import type { Tallies } from './tallies.ts';

/** What a node holds: so many of each item. */
export type Filling = ReadonlyMap<Item, number>;

/** A node that is being filled, to see what it would hold. */
interface Draft {
  cpuMillis: number;
  memoryBytes: number;
  pods: number;
  readonly host: number;
  readonly tallies: Tallies;
  readonly filling: Map<Item, number>;
}

/**
 * Fills a node of this kind: first with what must be on it, then with whatever else there is. Large ones go first, and of what
 * is in turn what the node has more of: pods that ask for much CPU while much CPU is left, else those that ask for memory. So
 * both run out together, as far as the pods allow.
 *
 * What it takes and counts meanwhile is put back before it returns.
 *
 * @param sizes the largest first.
 * @param host a number that no node has.
 */
export function fillNode(options: {
  readonly product: Product;
  readonly first: ReadonlyMap<Item, number>;
  readonly sizes: readonly Size[];
  readonly tallies: Tallies;
  readonly host: number;
}): Filling {
  const { product, tallies, host } = options;
  const draft: Draft = { ...product.room, host, tallies, filling: new Map() };
  for (const [item, count] of options.first) place(draft, item, Math.min(count, spareFor(draft, item)));
  fillUp(draft, product, options.sizes);
  for (const [item, count] of draft.filling) {
    item.left += count;
    if (item.isTied) tallies.forget(host, item.bonds);
  }
  return draft.filling;
}

function fillUp(draft: Draft, { room }: Product, sizes: readonly Size[]): void {
  const { cpuMillis: allCpu, memoryBytes: allMemory } = room;
  const cpu = { at: -1, item: undefined as Item | undefined };
  const memory = { at: -1, item: undefined as Item | undefined };
  /** Goes on to the next size that still fits, of those that ask for more of the one than of the other. */
  const advance = (turn: typeof cpu): void => {
    const wantsCpu = turn === cpu;
    turn.item = undefined;
    for (turn.at = Math.max(0, turn.at); turn.at < sizes.length; turn.at += 1) {
      const size = sizes[turn.at] as Size;
      if (size.cpuMillis > draft.cpuMillis || size.memoryBytes > draft.memoryBytes) continue;
      if (size.cpuMillis * allMemory > size.memoryBytes * allCpu !== wantsCpu) continue;
      turn.item = size.items.find((item) => item.left > 0 && spareFor(draft, item) > 0);
      if (turn.item !== undefined) return;
    }
  };
  const check = (turn: typeof cpu): void => {
    if (turn.item !== undefined && spareFor(draft, turn.item) === 0) advance(turn);
  };
  advance(cpu);
  advance(memory);
  while (draft.pods > 0) {
    const cpuLeft = draft.cpuMillis / allCpu;
    const memoryLeft = draft.memoryBytes / allMemory;
    const item = cpuLeft >= memoryLeft ? (cpu.item ?? memory.item) : (memory.item ?? cpu.item);
    if (item === undefined) return;
    const drift = Math.abs(item.cpuMillis / allCpu - item.memoryBytes / allMemory);
    const isAlone = cpu.item === undefined || memory.item === undefined || drift === 0;
    // Until the other of the two is in turn.
    const turn = isAlone ? Infinity : Math.floor(Math.abs(cpuLeft - memoryLeft) / drift) + 1;
    place(draft, item, Math.min(turn, spareFor(draft, item)));
    check(cpu);
    check(memory);
  }
}

/** How many more of the item the node takes. */
function spareFor(draft: Draft, item: Item): number {
  const count = Math.min(item.left, fitsInto(draft, item));
  return count === 0 || item.bonds.areNone
    ? count
    : Math.min(count, draft.tallies.roomOnHost(item.bonds, draft.host, item.podClass));
}

function place(draft: Draft, item: Item, count: number): void {
  if (count === 0) return;
  draft.cpuMillis -= item.cpuMillis * count;
  draft.memoryBytes -= item.memoryBytes * count;
  draft.pods -= count;
  item.left -= count;
  if (item.isTied) draft.tallies.tryOn(draft.host, item.bonds, count, item.podClass);
  draft.filling.set(item, (draft.filling.get(item) ?? 0) + count);
}
