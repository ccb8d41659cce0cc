import type { History } from '../clock/history.ts';
import type { Random } from '../clock/random.ts';
import type { VirtualTime } from '../clock/virtual-time.ts';
import type { Faults } from './faults.ts';

/** One run of a function, from its call to its answer, its error or its death. */
export class Invocation {
  readonly name: string;
  /** Dead: nothing of it goes on, and nothing that it still waits for is heard. */
  isOver = false;
  calls = 0;
  /** At which of its outside calls it dies; undefined: it does not. */
  readonly dies: { readonly atCall: number; readonly when: 'before' | 'after' } | undefined;
  readonly #onDeath: () => void;

  constructor(name: string, dies: Invocation['dies'], onDeath: () => void) {
    this.name = name;
    this.dies = dies;
    this.#onDeath = onDeath;
  }

  die(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#onDeath();
  }
}

const failure = (name: string, message: string): Error => Object.assign(new Error(message), { name });

/**
 * Everything that a function asks of the world outside goes through here: it takes its time, it may fail before or after
 * it had its effect, and the function may die at it.
 */
export class Outside {
  /** How many calls there were. */
  calls = 0;
  readonly time: VirtualTime;
  readonly random: Random;
  readonly faults: Faults;
  readonly history: History;

  constructor(parts: { time: VirtualTime; random: Random; faults: Faults; history: History }) {
    this.time = parts.time;
    this.random = parts.random;
    this.faults = parts.faults;
    this.history = parts.history;
  }

  /**
   * @param act has its effect in one instant; what it throws is the call's own failure.
   */
  call<T>(
    invocation: Invocation,
    what: string,
    about: string,
    act: () => T | Promise<T>,
    isCloud = false,
  ): Promise<T> {
    const { random, faults, history } = this;
    this.calls += 1;
    invocation.calls += 1;
    const { dies } = invocation;
    const deadly = dies !== undefined && dies.atCall === invocation.calls ? dies.when : undefined;
    return new Promise<T>((resolve, reject) => {
      if (deadly === 'before') {
        history.note('fate', invocation.name, 'dies before', what, about);
        invocation.die();
        return;
      }
      const fails = faults.strikes('callFails');
      const failsBefore = fails && random.chance(0.5);
      const seconds =
        isCloud && faults.strikes('cloudIsSlow')
          ? random.between(1, 58)
          : faults.strikes('callIsSlow')
            ? random.between(1, 25)
            : random.between(0.004, 0.04);
      this.time.after(seconds, () => {
        if (failsBefore) {
          history.note('fate', invocation.name, what, about, 'fails before it did anything');
          if (!invocation.isOver)
            reject(failure('InternalServerError', `${what}: the service does not answer`));
          return;
        }
        // Also for one that is dead by now: its request was on its way.
        let value: T | Promise<T>;
        try {
          value = act();
        } catch (error) {
          if (!invocation.isOver) reject(error);
          return;
        }
        if (deadly === 'after') {
          history.note('fate', invocation.name, 'dies after', what, about);
          invocation.die();
        }
        if (invocation.isOver) {
          if (value instanceof Promise) value.catch(() => {});
          return;
        }
        if (fails) {
          history.note('fate', invocation.name, what, about, 'loses its reply');
          if (value instanceof Promise) value.catch(() => {});
          reject(failure('TimeoutError', `${what}: the reply was lost`));
          return;
        }
        resolve(value);
      });
    });
  }
}
