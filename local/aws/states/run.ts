/** What everybody may see of an execution, running or finished. Times are epoch milliseconds, payloads JSON text. */
export interface Execution {
  readonly arn: string;
  readonly name: string;
  readonly machineArn: string;
  readonly machineName: string;
  readonly roleArn: string;
  readonly input: string;
  readonly startedAt: number;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';
  stoppedAt?: number;
  output?: string;
  error?: string;
  cause?: string;
  /** The oldest event that is still kept. */
  firstEventId: number;
  lastEventId: number;
  /** The status event is said after the end is on disk; while this stands, it may not have been said. */
  statusEventPending?: true;
}

/**
 * A running execution, whole: one JSON value, written as one row, so that what is on disk is always a state that really
 * was. Whatever has to happen next (a timer, an invocation) is derived from it, in the same way before and after a kill.
 */
export interface Run {
  readonly execution: Execution;
  /** Under which hash the definition is stored that it started with. */
  readonly definitionHash: string;
  /** The first is the execution itself; Map iterations and Parallel branches come and go after it. */
  strands: Strand[];
  nextStrand: number;
  /** Every try of every task has its own number, so that a late result of an earlier try is recognised. */
  nextAttempt: number;
  timeoutAt?: number;
}

/** One line of states running one after another: the execution itself, one Map iteration, or one Parallel branch. */
export interface Strand {
  readonly id: number;
  /** The block of the definition that it runs in (see `Program.blocks`). */
  readonly place: string;
  readonly parent?: { readonly strand: number; readonly index: number };
  /** The Map item that it works on, its own or an outer one's. */
  readonly item?: { readonly index: number; readonly value: unknown };
  /** Assigned here; outer ones are read through the parents. */
  variables: Record<string, unknown>;
  lastEventId: number;
  state: Visit;
  activity: Activity;
}

/** One visit of one state. */
export interface Visit {
  readonly name: string;
  readonly input: unknown;
  enteredAt: number;
  /** Tries used per retrier, and in all. */
  retries: number[];
  retryCount: number;
}

/** What a strand is doing. `enter` and `begin` are to be stepped at once; the others wait for something. */
export type Activity =
  | { readonly kind: 'enter' | 'begin' }
  | { readonly kind: 'pause'; readonly before: 'leave' | 'begin'; readonly until: number }
  | TaskActivity
  | {
      readonly kind: 'fork';
      readonly inputs: readonly unknown[];
      readonly concurrencyMax: number;
      next: number;
      left: number;
      results: unknown[];
    };

export interface TaskActivity {
  readonly kind: 'task';
  readonly attempt: number;
  readonly resource: string;
  readonly args: unknown;
  readonly timeoutAt?: number;
  /** Only for `.waitForTaskToken`. */
  readonly token?: string;
  /** The function was called and returned; from now on only the token counts. */
  submitted: boolean;
  readonly heartbeatSeconds?: number;
  heartbeatAt?: number;
}
