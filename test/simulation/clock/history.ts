import type { VirtualTime } from './virtual-time.ts';

/** What happened in a world, line by line. Lines are put together only when somebody reads them, and kept only for them. */
export class History {
  readonly #time: VirtualTime;
  readonly #startMs: number;
  readonly #isKept: boolean;
  readonly #lines: { readonly atMs: number; readonly parts: readonly unknown[] }[] = [];

  constructor(time: VirtualTime, isKept = true) {
    this.#time = time;
    this.#isKept = isKept;
    this.#startMs = time.nowMs;
  }

  /** Strings stand as they are, everything else as JSON. What is given must not change afterwards. */
  note(...parts: readonly unknown[]): void {
    if (this.#isKept) this.#lines.push({ atMs: this.#time.nowMs, parts });
  }

  get length(): number {
    return this.#lines.length;
  }

  lines(last = this.#lines.length): readonly string[] {
    return this.#lines.slice(-last).map(({ atMs, parts }) => {
      const seconds = (atMs - this.#startMs) / 1000;
      const clock = `${String(Math.floor(seconds / 3600)).padStart(2, '0')}:${String(Math.floor(seconds / 60) % 60).padStart(2, '0')}:${(seconds % 60).toFixed(3).padStart(6, '0')}`;
      return `${clock} ${parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')}`;
    });
  }
}
