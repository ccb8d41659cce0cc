import type { Engine, KnownMachine, Slot } from './engine.ts';
import { refusal } from './failures.ts';
import { pageOfHistory, pageToken, readPageToken } from './history.ts';
import type { Entry, Journal } from './journal.ts';
import { awsLimits } from './live.ts';
import { abort, takeAnswer, takeHeartbeat, taskIsGone } from './messages.ts';
import type { Execution } from './run.ts';
import { readToken } from './token.ts';

type Body = Readonly<Record<string, unknown>>;
type Action = (body: Body) => unknown;

/** The actions of the AWS JSON 1.0 API that are built, with its spelling; times are epoch seconds. */
export function createApi(
  engine: Engine,
  journal: Journal,
): (action: string, body: unknown) => Promise<unknown> {
  const executionOf = (arn: string): Execution => {
    const execution = engine.slots.get(arn)?.live.run.execution ?? journal.finished(arn);
    if (execution === undefined) throw refusal('ExecutionDoesNotExist', `Execution Does Not Exist: '${arn}'`);
    return execution;
  };
  const machineOf = (arn: string): KnownMachine => {
    const machine = engine.machines.get(arn);
    if (machine === undefined)
      throw refusal('StateMachineDoesNotExist', `State Machine Does Not Exist: '${arn}'`);
    return machine;
  };
  const waiting = (token: string): { slot: Slot; strand: number } => {
    const { executionArn, strand } = readToken(token);
    const slot = engine.slots.get(executionArn);
    if (slot !== undefined) return { slot, strand };
    if (journal.finished(executionArn) !== undefined) throw taskIsGone();
    throw refusal('TaskDoesNotExist', 'Task Does Not Exist');
  };

  const actions: Readonly<Record<string, Action>> = {
    StartExecution: (body) => {
      const input = parseJson(optionalText(body, 'input') ?? '{}', 'InvalidExecutionInput');
      const execution = engine.start(text(body, 'stateMachineArn'), input, optionalText(body, 'name'));
      return { executionArn: execution.arn, startDate: seconds(execution.startedAt) };
    },
    DescribeExecution: (body) => describe(executionOf(text(body, 'executionArn'))),
    StopExecution: async (body) => {
      const arn = text(body, 'executionArn');
      const slot = engine.slots.get(arn);
      if (slot !== undefined) {
        const [error, cause] = [optionalText(body, 'error'), optionalText(body, 'cause')];
        await engine.turn(slot, (live) => abort(live, error, cause));
      }
      return { stopDate: seconds(executionOf(arn).stoppedAt ?? 0) };
    },
    SendTaskSuccess: async (body) => {
      const token = text(body, 'taskToken');
      const output = text(body, 'output');
      const result = parseJson(output, 'InvalidOutput');
      if (Buffer.byteLength(output) > awsLimits.payloadBytesMax)
        throw refusal('InvalidOutput', 'The output is longer than 262144 bytes');
      const { slot, strand } = waiting(token);
      await engine.turn(slot, (live) => takeAnswer(live, token, strand, { result }));
      return {};
    },
    SendTaskFailure: async (body) => {
      const token = text(body, 'taskToken');
      const [error, cause] = [optionalText(body, 'error') ?? '', optionalText(body, 'cause') ?? ''];
      const { slot, strand } = waiting(token);
      await engine.turn(slot, (live) => takeAnswer(live, token, strand, { error, cause }));
      return {};
    },
    SendTaskHeartbeat: async (body) => {
      const token = text(body, 'taskToken');
      const { slot, strand } = waiting(token);
      await engine.turn(slot, (live) => takeHeartbeat(live, token, strand));
      return {};
    },
    ListExecutions: (body) => {
      const machine = machineOf(text(body, 'stateMachineArn'));
      const status = optionalText(body, 'statusFilter');
      const running = [...engine.slots.values()].map((slot): Entry => slot.live.run.execution);
      const found = [...running, ...journal.entries()].filter(
        (entry) => entry.machineArn === machine.arn && (status === undefined || entry.status === status),
      );
      return pageOfExecutions(found, pageSize(body), optionalText(body, 'nextToken'));
    },
    GetExecutionHistory: (body) => {
      const arn = text(body, 'executionArn');
      const { firstEventId, lastEventId } = executionOf(arn);
      const query = {
        firstEventId,
        lastEventId: engine.slots.get(arn)?.savedEventId ?? lastEventId,
        maxResults: pageSize(body),
        nextToken: optionalText(body, 'nextToken'),
        reverse: body['reverseOrder'] === true,
        withData: body['includeExecutionData'] !== false,
      };
      return pageOfHistory(query, (id) => journal.event(arn, id));
    },
    DescribeStateMachine: (body) => {
      const machine = machineOf(text(body, 'stateMachineArn'));
      return {
        ...listed(machine),
        status: 'ACTIVE',
        definition: JSON.stringify(machine.definition),
        roleArn: machine.roleArn,
        loggingConfiguration: { level: 'OFF', includeExecutionData: false },
        tracingConfiguration: { enabled: false },
      };
    },
    ListStateMachines: (body) => {
      const all = [...engine.machines.values()].sort((a, b) => a.arn.localeCompare(b.arn));
      const token = optionalText(body, 'nextToken');
      const begin = token === undefined ? 0 : Number(readPageToken(token)[0]);
      const end = begin + pageSize(body);
      return {
        stateMachines: all.slice(begin, end).map(listed),
        ...(end < all.length ? { nextToken: pageToken([end]) } : {}),
      };
    },
  };

  return async (name, body) => {
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined)
      throw refusal('UnknownOperationException', `${name} is unknown or not built here`);
    return action(typeof body === 'object' && body !== null ? (body as Body) : {});
  };
}

const seconds = (milliseconds: number): number => milliseconds / 1000;

const listed = (machine: KnownMachine): Record<string, unknown> => ({
  stateMachineArn: machine.arn,
  name: machine.name,
  type: 'STANDARD',
  creationDate: seconds(machine.createdAt),
});

const summary = (entry: Entry): Record<string, unknown> => ({
  executionArn: entry.arn,
  stateMachineArn: entry.machineArn,
  name: entry.name,
  status: entry.status,
  startDate: seconds(entry.startedAt),
  ...(entry.stoppedAt === undefined ? {} : { stopDate: seconds(entry.stoppedAt) }),
});

const describe = (execution: Execution): Record<string, unknown> => ({
  ...summary(execution),
  input: execution.input,
  inputDetails: { included: true },
  ...(execution.output === undefined ? {} : { output: execution.output, outputDetails: { included: true } }),
  ...(execution.error === undefined ? {} : { error: execution.error }),
  ...(execution.cause === undefined ? {} : { cause: execution.cause }),
  redriveCount: 0,
});

/** Newest first; the token names the last one shown, so that new executions do not shift the pages. */
function pageOfExecutions(found: Entry[], size: number, token: string | undefined): unknown {
  const [startedAt, arn] = token === undefined ? [] : readPageToken(token);
  const after = (entry: Entry): boolean =>
    token === undefined ||
    entry.startedAt < Number(startedAt) ||
    (entry.startedAt === startedAt && entry.arn > String(arn));
  const sorted = found.filter(after).sort((a, b) => b.startedAt - a.startedAt || (a.arn < b.arn ? -1 : 1));
  const page = sorted.slice(0, size);
  const last = page.at(-1);
  const more = sorted.length > size && last !== undefined;
  return {
    executions: page.map(summary),
    ...(more ? { nextToken: pageToken([last.startedAt, last.arn]) } : {}),
  };
}

function text(body: Body, field: string): string {
  const value = optionalText(body, field);
  if (value === undefined || value === '')
    throw refusal('ValidationException', `The field "${field}" is required`);
  return value;
}

function optionalText(body: Body, field: string): string | undefined {
  const value = body[field];
  if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
  throw refusal('ValidationException', `The field "${field}" must be a string`);
}

function pageSize(body: Body): number {
  const value = body['maxResults'] ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 1000)
    throw refusal('ValidationException', 'The field "maxResults" must be an integer from 0 to 1000');
  return value === 0 ? 100 : value;
}

function parseJson(json: string, exception: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    throw refusal(exception, `${exception}: not JSON`);
  }
}
