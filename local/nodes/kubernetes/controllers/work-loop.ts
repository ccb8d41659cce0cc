import type { ClusterClock } from '../model.ts';

/** One kind of work, done key by key from what is stored: doing it again, late or twice ends the same. */
export interface Work {
  readonly name: string;
  /** @returns epoch milliseconds of when to look again though nothing has changed; undefined: only after a change. */
  reconcile(key: string): number | undefined;
}

export interface WorkLoop {
  add(work: Work, key: string): void;
  /** Does all that is due by the clock now, and what follows from it, before it returns: for tests and for closing steps. */
  settle(): void;
  close(): void;
}

interface Item {
  readonly work: Work;
  readonly key: string;
}

/** A turn does at most this many keys, so that requests are answered in between. */
const keysPerTurn = 100;
const settleKeysMax = 1_000_000;
const retryMs = { first: 50, max: 5_000 } as const;
const timerMsMax = 2 ** 31 - 1;

/**
 * A queue that holds each key once, worked on in the next turns of the event loop. No timer runs while nothing waits
 * for a time. A failure is logged and the key tried again, ever later.
 */
export function createWorkLoop(options: {
  readonly clock: Pick<ClusterClock, 'now'>;
  readonly log: (line: string) => void;
}): WorkLoop {
  const { clock, log } = options;
  const queue = new Map<string, Item>();
  const waiting = new Map<string, Item & { readonly dueMs: number }>();
  const failures = new Map<string, number>();
  let closed = false;
  let turn: NodeJS.Immediate | undefined;
  let timer: NodeJS.Timeout | undefined;
  let timerDueMs = Number.POSITIVE_INFINITY;

  const wake = (): void => {
    if (closed || turn !== undefined || queue.size === 0) return;
    turn = setImmediate(() => {
      turn = undefined;
      for (let done = 0; done < keysPerTurn && queue.size > 0; done += 1) next();
      wake();
    });
  };

  const takeDue = (): void => {
    const now = clock.now();
    for (const [id, item] of waiting) {
      if (item.dueMs > now) continue;
      waiting.delete(id);
      queue.set(id, item);
    }
  };

  const arm = (dueMs: number): void => {
    if (closed || dueMs >= timerDueMs) return;
    clearTimeout(timer);
    timerDueMs = dueMs;
    timer = setTimeout(
      () => {
        timerDueMs = Number.POSITIVE_INFINITY;
        takeDue();
        let earliest = Number.POSITIVE_INFINITY;
        for (const item of waiting.values()) earliest = Math.min(earliest, item.dueMs);
        if (earliest < Number.POSITIVE_INFINITY) arm(earliest);
        wake();
      },
      Math.min(timerMsMax, Math.max(1, Math.ceil(dueMs - clock.now()))),
    );
    // A cluster that only waits does not keep the process alive.
    timer.unref();
  };

  const wait = (id: string, item: Item, dueMs: number): void => {
    waiting.set(id, { ...item, dueMs });
    arm(dueMs);
  };

  function next(): void {
    const [entry] = queue;
    if (entry === undefined || closed) return;
    const [id, item] = entry;
    queue.delete(id);
    waiting.delete(id);
    try {
      const again = item.work.reconcile(item.key);
      failures.delete(id);
      if (again !== undefined && !queue.has(id)) wait(id, item, again);
    } catch (error) {
      const count = (failures.get(id) ?? 0) + 1;
      failures.set(id, count);
      log(`${item.work.name} ${item.key}: ${error instanceof Error ? error.message : String(error)}`);
      wait(id, item, clock.now() + Math.min(retryMs.max, retryMs.first * 2 ** Math.min(count, 10)));
    }
  }

  return {
    add: (work, key) => {
      if (closed) return;
      queue.set(`${work.name}\n${key}`, { work, key });
      wake();
    },
    settle: () => {
      takeDue();
      for (let done = 0; queue.size > 0; done += 1) {
        if (done > settleKeysMax) throw new Error('the work never ends');
        next();
        takeDue();
      }
    },
    close: () => {
      closed = true;
      clearImmediate(turn);
      clearTimeout(timer);
      queue.clear();
      waiting.clear();
    },
  };
}
