import type { Disk } from '../../disk.ts';
import { createApi } from './api.ts';
import { createEngine, type Machine } from './engine.ts';
import { openJournal, type Retention } from './journal.ts';
import { awsLimits, type Limits } from './live.ts';

export type { Machine } from './engine.ts';
export type { Limits } from './live.ts';
export type { Retention } from './journal.ts';

export interface StatesOptions {
  /** Everything is kept here; the caller closes it after `States.close`. */
  readonly disk: Disk;
  /**
   * Calls a task's resource. An invocation that was under way when the process died is made again: at least once.
   *
   * @returns for `lambda:invoke` `{ StatusCode, Payload }`, with the payload parsed; for `.waitForTaskToken` anything.
   * @throws an Error whose name is the function's error type; its `cause`, when a string, is taken as AWS's Cause.
   */
  readonly invokeTask: (resourceArn: string, args: unknown, context: { roleArn: string }) => Promise<unknown>;
  /** Divides the durations of Wait states and retry intervals; never timeouts. */
  readonly waitScale: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Detail of "Step Functions Execution Status Change", when an execution has ended; at least once. */
  readonly emitStatusEvent: (detail: Record<string, unknown>) => void;
  readonly log: (line: string) => void;
  /** From 0 to 1, for jittered retries. */
  readonly random?: () => number;
  readonly limits?: Partial<Limits>;
  readonly retention?: Retention;
}

/** AWS Step Functions (Standard, JSONata) as far as this project uses it. */
export interface States {
  /** @throws `InvalidDefinition`, naming state and field of everything that is wrong or not built here. */
  register(machine: Machine): void;
  /** Continues what was running when the process ended. Call it once, after the machines are registered. */
  resume(): Promise<void>;
  /** An action of the AWS JSON 1.0 API. @throws an Error whose name is AWS's exception. */
  api(action: string, body: unknown): Promise<unknown>;
  /** Starts an execution as a rule's target does. @returns its ARN, once it is on disk. */
  start(machineArn: string, input: unknown, name?: string): string;
  /** Stops timers and waits for what is being written. Running executions continue at the next `resume`. */
  close(): Promise<void>;
}

export function createStates(options: StatesOptions): States {
  const { disk, waitScale, now, random = Math.random, limits, retention, ...outside } = options;
  const journal = openJournal(disk, retention);
  const around = { now, random, waitScale, limits: { ...awsLimits, ...limits } };
  const engine = createEngine({ journal, around, ...outside });
  return {
    register: engine.register,
    resume: engine.resume,
    api: createApi(engine, journal),
    start: (machineArn, input, name) => engine.start(machineArn, input, name).arn,
    close: engine.close,
  };
}
