import type { Workflow } from '../../../infra/workflows/asl.ts';
import type { OperationKind } from '../../../shared/domain/operation.ts';
import type { Random } from '../clock/random.ts';
import type { VirtualTime } from '../clock/virtual-time.ts';
import { StateFailed } from './errors.ts';
import { runWorkflow, type Surroundings } from './execution.ts';

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** One run of a state machine. */
export interface Execution {
  readonly arn: string;
  readonly kind: OperationKind;
  readonly input: Readonly<Record<string, unknown>>;
  readonly startedAt: string;
  status: Status;
}

export interface StepFunctionsOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly workflows: Readonly<Record<OperationKind, Workflow>>;
  /** Calls a function by name, as Lambda's synchronous call does; rejects with what it threw. */
  readonly invoke: (functionName: string, payload: unknown) => Promise<unknown>;
  readonly onStart: (execution: Execution) => void;
  /** It has ended; `reason` says why when it did not succeed. */
  readonly onEnd: (execution: Execution, reason: string | undefined) => void;
  readonly note: (...parts: readonly unknown[]) => void;
}

const refusal = (name: string, message: string): Error => Object.assign(new Error(message), { name });
const never = new Promise<never>(() => {});

/** Step Functions, as far as the platform's state machines need it, on virtual time. */
export class StepFunctions {
  readonly executions = new Map<string, Execution>();
  /** How often a state was entered, in all executions. */
  statesEntered = 0;
  readonly #options: StepFunctionsOptions;
  readonly #tokens = new Map<string, ((output: unknown) => void) | undefined>();
  #number = 0;

  constructor(options: StepFunctionsOptions) {
    this.#options = options;
  }

  running(): readonly Execution[] {
    return [...this.executions.values()].filter(({ status }) => status === 'RUNNING');
  }

  start(kind: OperationKind, input: Readonly<Record<string, unknown>>): Execution {
    const { time, workflows } = this.#options;
    const workflow = workflows[kind];
    this.#number += 1;
    const execution: Execution = {
      arn: `arn:aws:states:us-east-1:000000000000:execution:overcast-${kind}:${this.#number}`,
      kind,
      input,
      startedAt: time.now(),
      status: 'RUNNING',
    };
    this.executions.set(execution.arn, execution);
    this.#options.onStart(execution);
    if (workflow.TimeoutSeconds !== undefined)
      time.after(workflow.TimeoutSeconds, () => this.#end(execution, 'TIMED_OUT', 'it took too long'));
    runWorkflow(workflow, input, this.#surroundings(execution)).then(
      () => this.#end(execution, 'SUCCEEDED', undefined),
      (error: unknown) => {
        if (!(error instanceof StateFailed)) throw error;
        this.#end(execution, 'FAILED', `${error.error}: ${error.reason}`);
      },
    );
    return execution;
  }

  /** @throws ExecutionDoesNotExist */
  describe(arn: string): { readonly status: Status } {
    return { status: this.#known(arn).status };
  }

  /** Stopping what has ended already changes nothing. @throws ExecutionDoesNotExist */
  stop(arn: string, cause: string): void {
    this.#end(this.#known(arn), 'ABORTED', cause);
  }

  /** It is gone, and no event says so. */
  vanish(execution: Execution): void {
    if (execution.status !== 'RUNNING') return;
    execution.status = 'ABORTED';
    this.#options.note('fate', execution.arn, 'vanishes without a word');
  }

  /** @throws TaskTimedOut, InvalidToken */
  answer(token: string, output: unknown): void {
    const answer = this.#tokens.get(token);
    if (answer === undefined)
      throw this.#tokens.has(token)
        ? refusal('TaskTimedOut', 'the task has timed out, or was answered')
        : refusal('InvalidToken', 'there is no such token');
    answer(output);
  }

  #known(arn: string): Execution {
    const execution = this.executions.get(arn);
    if (execution === undefined) throw refusal('ExecutionDoesNotExist', `there is no ${arn}`);
    return execution;
  }

  #end(execution: Execution, status: Status, reason: string | undefined): void {
    if (execution.status !== 'RUNNING') return;
    execution.status = status;
    this.#options.onEnd(execution, reason);
  }

  #surroundings(execution: Execution): Surroundings {
    const { time, random, invoke, note } = this.#options;
    /** Goes on only while the execution runs. */
    const whileRunning = async <T>(promise: Promise<T>): Promise<T> => {
      try {
        const value = await promise;
        return execution.status === 'RUNNING' ? value : await never;
      } catch (error) {
        if (execution.status !== 'RUNNING') return never;
        throw error;
      }
    };
    const within = <T>(seconds: number, begin: (settle: Settle<T>) => void): Promise<T> =>
      new Promise<T>((resolve, reject) => {
        const timer = time.after(seconds, () =>
          reject(new StateFailed('States.Timeout', 'it took too long')),
        );
        begin({
          resolve: (value) => {
            timer.cancelled = true;
            resolve(value);
          },
          reject: (error) => {
            timer.cancelled = true;
            reject(failureOf(error));
          },
        });
      });

    return {
      context: {
        Execution: { Id: execution.arn, Input: execution.input, StartTime: execution.startedAt },
        StateMachine: { Name: execution.kind },
      },
      random: () => random.next(),
      sleep: (seconds) => whileRunning(time.sleep(seconds)),
      invoke: (functionName, payload, timeoutSeconds) =>
        whileRunning(
          within<unknown>(timeoutSeconds, (settle) => {
            invoke(functionName, payload).then(settle.resolve, settle.reject);
          }),
        ),
      invokeAndWait: (functionName, payload, timeoutSeconds) =>
        whileRunning(
          within<unknown>(timeoutSeconds, (settle) => {
            this.#number += 1;
            const token = `task-${this.#number}-${random.hex(16)}`;
            this.#tokens.set(token, (output) => {
              this.#tokens.set(token, undefined);
              settle.resolve(output);
            });
            time.after(timeoutSeconds, () => this.#tokens.set(token, undefined));
            invoke(functionName, payload(token)).catch((error: unknown) => {
              this.#tokens.set(token, undefined);
              settle.reject(error);
            });
          }),
        ),
      entered: (state) => {
        this.statesEntered += 1;
        note('state', execution.arn, state);
      },
    };
  }
}

interface Settle<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** What a function threw, as Step Functions shows it: its name, and Lambda's JSON as the cause. */
function failureOf(error: unknown): StateFailed {
  if (error instanceof StateFailed) return error;
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  return new StateFailed(name, JSON.stringify({ errorType: name, errorMessage: message, trace: [] }));
}
