import { setImmediate } from 'node:timers/promises';
import { openDisk, type Disk } from '../../disk.ts';
import { createStates, type States, type StatesOptions } from './index.ts';

/** What tests of the interpreter stand on: one machine, functions in plain JavaScript, and everything that was said. */
export interface Bench {
  readonly states: States;
  readonly calls: { readonly name: string; readonly payload: unknown }[];
  readonly said: Record<string, unknown>[];
  readonly lines: string[];
  /** Starts the machine. @returns the execution's ARN */
  start(input?: unknown, name?: string): string;
  describe(arn: string): Promise<Described>;
  /** Waits until the execution is over. */
  end(arn: string): Promise<Described>;
  /** Starts and waits. */
  run(input?: unknown): Promise<Described>;
  history(arn: string): Promise<HistoryLine[]>;
}

export interface Described {
  readonly status: string;
  readonly output: unknown;
  readonly error?: string;
  readonly cause?: string;
  readonly startDate: number;
  readonly stopDate?: number;
}

export type HistoryLine = { readonly id: number; readonly type: string } & Record<string, unknown>;
export type Functions = Readonly<Record<string, (payload: never) => unknown>>;

export const machineArn = 'arn:aws:states:eu-central-1:000000000000:stateMachine:Machine';
const patienceMilliseconds = 20_000;

/** Polls until something holds; other work goes on meanwhile. */
export async function until(holds: () => boolean | Promise<boolean>, what = 'something'): Promise<void> {
  const giveUpAt = performance.now() + patienceMilliseconds;
  while (!(await holds())) {
    if (performance.now() > giveUpAt) throw new Error(`Waited too long for ${what}`);
    await setImmediate();
  }
}

export function openBench(
  definition: object,
  functions: Functions = {},
  options: Partial<StatesOptions> & { readonly disk?: Disk } = {},
): Bench {
  const calls: Bench['calls'] = [];
  const said: Bench['said'] = [];
  const lines: string[] = [];
  const states = createStates({
    disk: openDisk({ name: 'states' }),
    waitScale: 1,
    now: () => Date.now(),
    emitStatusEvent: (detail) => void said.push(detail),
    log: (line) => void lines.push(line),
    invokeTask: async (_, args) => {
      const { FunctionName, Payload } = args as { FunctionName: string; Payload: never };
      calls.push({ name: FunctionName, payload: Payload });
      return { StatusCode: 200, Payload: await functions[FunctionName]?.(Payload) };
    },
    ...options,
  });
  states.register({
    arn: machineArn,
    name: 'Machine',
    definition,
    roleArn: 'arn:aws:iam::000000000000:role/machine',
  });
  const describe = async (arn: string): Promise<Described> => {
    const answer = (await states.api('DescribeExecution', { executionArn: arn })) as Record<string, unknown>;
    const { output } = answer;
    return {
      ...answer,
      ...(typeof output === 'string' ? { output: JSON.parse(output) } : {}),
    } as unknown as Described;
  };
  const end = async (arn: string): Promise<Described> => {
    await until(async () => (await describe(arn)).status !== 'RUNNING', 'the end');
    return describe(arn);
  };
  const start = (input?: unknown, name?: string): string => states.start(machineArn, input, name);
  return {
    states,
    calls,
    said,
    lines,
    start,
    describe,
    end,
    run: (input) => end(start(input)),
    history: async (arn) => {
      const { events } = (await states.api('GetExecutionHistory', {
        executionArn: arn,
        maxResults: 1000,
      })) as { events: HistoryLine[] };
      return events;
    },
  };
}

/** A machine of these states; the first is where it starts. */
export const machine = (states: Record<string, object>, more: object = {}): object => ({
  QueryLanguage: 'JSONata',
  StartAt: Object.keys(states)[0],
  States: states,
  ...more,
});

/** A block of these states, for Map and Parallel. */
export const block = (states: Record<string, object>): object => ({
  StartAt: Object.keys(states)[0],
  States: states,
});

export const call = (name: string, payload: unknown = {}): Record<string, unknown> => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Arguments: { FunctionName: name, Payload: payload },
});

export const callForToken = (name: string, payload: object = {}): Record<string, unknown> => ({
  ...call(name, { ...payload, token: '{% $states.context.Task.Token %}' }),
  Resource: 'arn:aws:states:::lambda:invoke.waitForTaskToken',
});

/** An error as a function throws it. */
export const failing =
  (name: string, message = 'no'): (() => never) =>
  () => {
    throw Object.assign(new Error(message), { name });
  };
