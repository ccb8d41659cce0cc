import type { Instant } from '../../../shared/domain/ids.ts';

/** Something that will happen; cancelled, it does not. */
export interface Timer {
  readonly atMs: number;
  cancelled: boolean;
}

interface Entry extends Timer {
  readonly order: number;
  readonly happen: () => void;
}

/**
 * Time that passes only when nothing is left to do at this instant. Whatever happens at the same instant happens in the
 * order in which it was planned, so a world with one seed has one history.
 */
export class VirtualTime {
  nowMs: number;
  /** How many timers have struck. */
  struck = 0;
  readonly #heap: Entry[] = [];
  #order = 0;
  #shownMs = Number.NaN;
  #shown: Instant = '';

  constructor(from: Instant) {
    this.nowMs = Date.parse(from);
  }

  now(): Instant {
    if (this.#shownMs !== this.nowMs) {
      this.#shownMs = this.nowMs;
      this.#shown = new Date(this.nowMs).toISOString();
    }
    return this.#shown;
  }

  after(seconds: number, happen: () => void): Timer {
    this.#order += 1;
    const atMs = this.nowMs + Math.max(0, Math.round(seconds * 1000));
    const entry: Entry = { atMs, order: this.#order, happen, cancelled: false };
    this.#push(entry);
    return entry;
  }

  sleep(seconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(seconds, resolve);
    });
  }

  /**
   * Lets time pass until it is over, or nothing more will ever happen.
   *
   * Between two timers every promise that can go on has gone on: a microtask asks for the next tick, and Node runs ticks
   * only once no microtask is left. So no real time passes, and nothing depends on it.
   */
  run(isOver: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        process.nextTick(step);
      };
      const step = (): void => {
        try {
          if (isOver()) {
            resolve();
            return;
          }
          const entry = this.#pop();
          if (entry === undefined) {
            resolve();
            return;
          }
          if (!entry.cancelled) {
            this.nowMs = entry.atMs;
            this.struck += 1;
            entry.happen();
          }
        } catch (error) {
          reject(error);
          return;
        }
        queueMicrotask(settle);
      };
      queueMicrotask(settle);
    });
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!isEarlier(entry, parent)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #pop(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let down = 2 * at + 1;
      if (down >= heap.length) break;
      const right = heap[down + 1];
      if (right !== undefined && isEarlier(right, heap[down] as Entry)) down += 1;
      const child = heap[down] as Entry;
      if (!isEarlier(child, last)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = last;
    return first;
  }
}

const isEarlier = (one: Entry, other: Entry): boolean =>
  one.atMs < other.atMs || (one.atMs === other.atMs && one.order < other.order);
