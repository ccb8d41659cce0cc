import { Outside, type Invocation } from '../../simulation/platform/outside.ts';

/** Before: the call never leaves. After: it has its effect, and nobody hears of it. In both the function dies there. */
export const forms = ['before', 'after'] as const;
export type Form = (typeof forms)[number];

/** What is recorded: the way until the cluster is ready, and from the wish to delete it until its tombstone. */
export const phases = ['create', 'delete'] as const;
export type Phase = (typeof phases)[number];

/** One call that a function made of the world outside it. */
export interface RecordedCall {
  readonly functionName: string;
  /** `put`, `aws.createMachine`, `bus` */
  readonly what: string;
  readonly about: string;
}

export interface PlatformCut {
  readonly phase: Phase;
  /** Which call of that phase, from 1. */
  readonly call: number;
  readonly form: Form;
  /** The same function dies once more at the next call of the same kind about the same thing. */
  readonly twice?: boolean;
}

const never = new Promise<never>(() => {});
const isSame = (one: RecordedCall, other: RecordedCall): boolean =>
  one.functionName === other.functionName && one.what === other.what && one.about === other.about;

/** The way to the world outside, on which every call is counted and one of them is a function's last. */
export class CuttingOutside extends Outside {
  /** What the world is at; undefined: nothing is counted. */
  phase: Phase | undefined;
  readonly recorded: Record<Phase, RecordedCall[]> = { create: [], delete: [] };
  /** The calls at which functions died. */
  readonly struck: RecordedCall[] = [];
  cut: PlatformCut | undefined;

  override call<T>(
    invocation: Invocation,
    what: string,
    about: string,
    act: () => T | Promise<T>,
    isCloud = false,
  ): Promise<T> {
    // A function that died at one of several calls that it made at once does not make the others.
    if (invocation.isOver) return never;
    const call = { functionName: invocation.name, what, about };
    if (this.phase !== undefined) this.recorded[this.phase].push(call);
    if (!this.#isStruck(call)) return super.call(invocation, what, about, act, isCloud);
    this.struck.push(call);
    const form = this.cut?.form;
    this.history.note('cut', invocation.name, `dies ${form}`, what, about);
    if (form === 'before') {
      invocation.die();
      return never;
    }
    const actAndDie = (): T | Promise<T> => {
      const value = act();
      invocation.die();
      return value;
    };
    return super.call(invocation, what, about, actAndDie, isCloud);
  }

  #isStruck(call: RecordedCall): boolean {
    const { cut, phase, struck } = this;
    if (cut === undefined) return false;
    const [first] = struck;
    if (first === undefined) return phase === cut.phase && this.recorded[cut.phase].length === cut.call;
    return cut.twice === true && struck.length === 1 && isSame(first, call);
  }
}
