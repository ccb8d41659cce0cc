/** The process died here, as far as the code under test can tell. */
export class Crash extends Error {
  override readonly name = 'Crash';
}

export interface CrashPoints {
  /** The same object, whose every call may be the one that is cut. Objects inside it are wrapped as well. */
  wrap<T extends object>(target: T): T;
  /** Cuts call number `call` (from 1), before it does anything or after it has done all. Starts counting anew. */
  arm(call: number, when: 'before' | 'after'): void;
  disarm(): void;
  /** How many calls there were since the count began. */
  count(): number;
}

/** Counts the outside calls of a behaviour and cuts one of them. */
export function crashPoints(): CrashPoints {
  let calls = 0;
  let cut: { call: number; when: 'before' | 'after' } | undefined;
  const isCut = (call: number, when: 'before' | 'after'): boolean => cut?.call === call && cut.when === when;

  const wrap = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(object, name, receiver) {
        const value: unknown = Reflect.get(object, name, receiver);
        if (typeof value === 'object' && value !== null) return wrap(value);
        if (typeof value !== 'function') return value;
        return async (...given: unknown[]) => {
          calls += 1;
          const call = calls;
          if (isCut(call, 'before')) throw new Crash(`before call ${call}, ${String(name)}`);
          const result: unknown = await (value as (...given: unknown[]) => unknown).apply(object, given);
          if (isCut(call, 'after')) throw new Crash(`after call ${call}, ${String(name)}`);
          return result;
        };
      },
    });

  return {
    wrap,
    arm: (call, when) => {
      calls = 0;
      cut = { call, when };
    },
    disarm: () => {
      calls = 0;
      cut = undefined;
    },
    count: () => calls,
  };
}

/**
 * Runs a scenario once for each outside call it makes, cut before and after that call, each time in a fresh world.
 *
 * @param scenario prepares a world with these crash points and returns what runs in it: `run` is repeated after the cut,
 *   as Lambda or a state machine would, and `check` looks at the end state.
 */
export async function atEveryCrashPoint(
  scenario: (points: CrashPoints) => Promise<{ run: () => Promise<unknown>; check: () => Promise<void> }>,
): Promise<number> {
  const whole = crashPoints();
  const first = await scenario(whole);
  whole.disarm();
  await first.run();
  const calls = whole.count();
  await first.check();
  for (let call = 1; call <= calls; call += 1) {
    for (const when of ['before', 'after'] as const) {
      const points = crashPoints();
      const { run, check } = await scenario(points);
      points.arm(call, when);
      try {
        await run();
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      points.disarm();
      try {
        await run();
        await check();
      } catch (error) {
        throw new Error(`cut ${when} call ${call} of ${calls}`, { cause: error });
      }
    }
  }
  return calls;
}
