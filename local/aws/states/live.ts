import type { Block, Program, StateDefinition } from './definition.ts';
import { HistoryFull, StateFailure } from './failures.ts';
import type { Bindings } from './expressions.ts';
import type { Execution, Run, Strand } from './run.ts';

/** An event as GetExecutionHistory shows it, but for its timestamp, which is in milliseconds here. */
export interface HistoryEvent {
  readonly id: number;
  readonly previousEventId: number;
  readonly timestamp: number;
  readonly type: string;
  readonly [details: string]: unknown;
}

export interface Limits {
  /** Bytes of JSON (UTF-8) of an input, an output, arguments or a result, and of one assigned variable. */
  readonly payloadBytesMax: number;
  readonly historyEventsMax: number;
  /** Bytes of all variables of an execution together. */
  readonly variablesBytesMax: number;
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html */
export const awsLimits: Limits = {
  payloadBytesMax: 262_144,
  historyEventsMax: 25_000,
  variablesBytesMax: 10 * 1024 * 1024,
};

export interface Surroundings {
  readonly now: () => number;
  readonly random: () => number;
  readonly waitScale: number;
  readonly limits: Limits;
}

export type Ending =
  | { readonly status: 'SUCCEEDED'; readonly output: string }
  | {
      readonly status: 'FAILED' | 'TIMED_OUT' | 'ABORTED';
      readonly error?: string;
      readonly cause?: string;
    };

/** A run in memory: what is stored, and what has happened since the last time it was. */
export interface Live {
  readonly run: Run;
  readonly program: Program;
  readonly input: unknown;
  readonly around: Surroundings;
  events: HistoryEvent[];
  ending?: Ending;
}

export const strandOf = (live: Live, id: number): Strand | undefined =>
  live.run.strands.find((strand) => strand.id === id);

export function blockOf(live: Live, place: string): Block {
  const block = live.program.blocks.get(place);
  if (block === undefined) throw new StateFailure('States.Runtime', `There is no block ${place}`);
  return block;
}

export function stateOf(live: Live, strand: Strand): StateDefinition {
  const state = blockOf(live, strand.place).States[strand.state.name];
  if (state === undefined) throw new StateFailure('States.Runtime', `There is no state ${strand.state.name}`);
  return state;
}

/** Adds an event; the last place of the history is kept for the execution's end. */
export function record(
  live: Live,
  strand: Strand | undefined,
  type: string,
  details: Readonly<Record<string, unknown>> = {},
): void {
  const { execution } = live.run;
  if (live.ending === undefined && execution.lastEventId >= live.around.limits.historyEventsMax - 1)
    throw new HistoryFull();
  execution.lastEventId += 1;
  live.events.push({
    id: execution.lastEventId,
    previousEventId: strand?.lastEventId ?? 0,
    timestamp: live.around.now(),
    type,
    ...details,
  });
  if (strand !== undefined) strand.lastEventId = execution.lastEventId;
}

const truncated = { truncated: false };

export const enteredDetails = (name: string, input: string): Record<string, unknown> => ({
  stateEnteredEventDetails: { name, input, inputDetails: truncated },
});

export const exitedDetails = (
  name: string,
  output: string,
  assigned: Readonly<Record<string, unknown>>,
): Record<string, unknown> => ({
  stateExitedEventDetails: {
    name,
    output,
    outputDetails: truncated,
    ...(Object.keys(assigned).length === 0
      ? {}
      : {
          assignedVariables: Object.fromEntries(
            Object.entries(assigned).map(([variable, value]) => [variable, JSON.stringify(value)]),
          ),
          assignedVariablesDetails: truncated,
        }),
  },
});

/**
 * The JSON text of a payload.
 *
 * @throws StateFailure `States.DataLimitExceeded` when it is larger than a payload may be.
 */
export function payloadText(live: Live, value: unknown, what: string): string {
  const text = JSON.stringify(value);
  const { payloadBytesMax } = live.around.limits;
  // A character has at most three bytes in UTF-8: small texts need no counting.
  if (text.length * 3 <= payloadBytesMax || Buffer.byteLength(text) <= payloadBytesMax) return text;
  throw new StateFailure(
    'States.DataLimitExceeded',
    `The state/task returned a ${what} with a size exceeding the maximum number of bytes service limit.`,
  );
}

/** What expressions see: the variables of this strand and of those around it, and `$states`. */
export function bindingsOf(
  live: Live,
  strand: Strand,
  more: { readonly result?: unknown; readonly errorOutput?: unknown; readonly token?: string } = {},
): Bindings {
  const bindings: Record<string, unknown> = {};
  const lines: Strand[] = [];
  for (let line: Strand | undefined = strand; line !== undefined;) {
    lines.unshift(line);
    line = line.parent === undefined ? undefined : strandOf(live, line.parent.strand);
  }
  for (const line of lines) Object.assign(bindings, line.variables);
  const { token, ...outcome } = more;
  bindings['states'] = { input: strand.state.input, ...outcome, context: contextOf(live, strand, token) };
  return bindings;
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html */
function contextOf(live: Live, strand: Strand, token: string | undefined): Record<string, unknown> {
  const { execution } = live.run;
  return {
    Execution: {
      Id: execution.arn,
      Input: live.input,
      Name: execution.name,
      RoleArn: execution.roleArn,
      StartTime: new Date(execution.startedAt).toISOString(),
      RedriveCount: 0,
    },
    State: {
      EnteredTime: new Date(strand.state.enteredAt).toISOString(),
      Name: strand.state.name,
      RetryCount: strand.state.retryCount,
    },
    StateMachine: { Id: execution.machineArn, Name: execution.machineName },
    ...(token === undefined ? {} : { Task: { Token: token } }),
    ...(strand.item === undefined
      ? {}
      : { Map: { Item: { Index: strand.item.index, Value: strand.item.value } } }),
  };
}

export const newVisit = (name: string, input: unknown): Strand['state'] => ({
  name,
  input,
  enteredAt: 0,
  retries: [],
  retryCount: 0,
});

/** A new run at the door of its first state. */
export function newRun(execution: Execution, program: Program, definitionHash: string, input: unknown): Run {
  const { TimeoutSeconds, StartAt } = program.definition;
  return {
    execution,
    definitionHash,
    strands: [
      {
        id: 0,
        place: '',
        variables: {},
        lastEventId: 0,
        state: newVisit(StartAt, input),
        activity: { kind: 'enter' },
      },
    ],
    nextStrand: 1,
    nextAttempt: 1,
    ...(TimeoutSeconds === undefined ? {} : { timeoutAt: execution.startedAt + TimeoutSeconds * 1000 }),
  };
}
