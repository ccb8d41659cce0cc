import type { StateDefinition } from './definition.ts';
import { evaluate, evaluateCount, evaluateText } from './expressions.ts';
import { StateFailure } from './failures.ts';
import { bindingsOf, payloadText, record, stateOf, type Live } from './live.ts';
import { resources } from './resources.ts';
import type { Strand } from './run.ts';
import { newToken } from './token.ts';
import { joinBranches, leave, startBranches } from './transitions.ts';

/** As many iterations as AWS runs at once in an inline Map that sets no limit. */
const inlineConcurrencyMax = 40;

/** Begins the work of the state that a strand is in; also each new try after a failure. */
export async function begin(live: Live, strand: Strand): Promise<void> {
  const state = stateOf(live, strand);
  switch (state.Type) {
    case 'Pass':
    case 'Succeed':
      return leave(live, strand);
    case 'Task':
      return beginTask(live, strand, state);
    case 'Choice':
      return choose(live, strand, state);
    case 'Wait':
      return wait(live, strand, state);
    case 'Map':
      return beginMap(live, strand, state);
    case 'Parallel':
      return beginParallel(live, strand, state);
    case 'Fail':
      return failState(live, strand, state);
  }
}

async function beginTask(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const { now } = live.around;
  const name = state.Resource ?? '';
  const resource = resources.get(name);
  if (resource === undefined) throw new StateFailure('States.Runtime', `Unknown resource ${name}`);
  const token = resource.waitsForToken ? newToken(live.run.execution.arn, strand.id) : undefined;
  const bindings = bindingsOf(live, strand, token === undefined ? {} : { token });
  const args = await evaluate(state.Arguments ?? {}, bindings, 'Arguments');
  const parameters = payloadText(live, args, 'task input');
  const count = async (field: 'TimeoutSeconds' | 'HeartbeatSeconds'): Promise<number | undefined> =>
    state[field] === undefined ? undefined : evaluateCount(state[field], bindings, field, 1);
  const timeoutSeconds = await count('TimeoutSeconds');
  const heartbeatSeconds = await count('HeartbeatSeconds');
  const { resourceType, resource: operation } = resource;
  record(live, strand, 'TaskScheduled', {
    taskScheduledEventDetails: {
      resourceType,
      resource: operation,
      region: live.run.execution.arn.split(':')[3],
      parameters,
      ...(timeoutSeconds === undefined ? {} : { timeoutInSeconds: timeoutSeconds }),
      ...(heartbeatSeconds === undefined ? {} : { heartbeatInSeconds: heartbeatSeconds }),
    },
  });
  record(live, strand, 'TaskStarted', {
    taskStartedEventDetails: { resourceType, resource: operation },
  });
  strand.activity = {
    kind: 'task',
    attempt: live.run.nextAttempt,
    resource: name,
    args,
    submitted: false,
    ...(timeoutSeconds === undefined ? {} : { timeoutAt: now() + timeoutSeconds * 1000 }),
    ...(token === undefined ? {} : { token }),
    ...(heartbeatSeconds === undefined
      ? {}
      : { heartbeatSeconds, heartbeatAt: now() + heartbeatSeconds * 1000 }),
  };
  live.run.nextAttempt += 1;
}

async function choose(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const bindings = bindingsOf(live, strand);
  for (const [index, rule] of (state.Choices ?? []).entries()) {
    const field = `Choices[${index}]/Condition`;
    const met = await evaluate(rule.Condition, bindings, field);
    if (typeof met !== 'boolean')
      throw new StateFailure(
        'States.QueryEvaluationError',
        `The field '${field}' must be a boolean, not ${JSON.stringify(met)}`,
        field,
      );
    if (met) return leave(live, strand, {}, rule);
  }
  if (state.Default === undefined)
    throw new StateFailure('States.NoChoiceMatched', `No rule of '${strand.state.name}' matched`);
  // The state's own Output and Assign are those of its Default; a rule that matches has its own.
  return leave(live, strand, {}, { ...state, Next: state.Default });
}

/** Date and time with a zone, as RFC 3339 and the states language want it. */
const timestamp = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

async function wait(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const { now, waitScale } = live.around;
  const bindings = bindingsOf(live, strand);
  let milliseconds: number;
  if (state.Timestamp === undefined) {
    milliseconds = (await evaluateCount(state.Seconds, bindings, 'Seconds', 0)) * 1000;
  } else {
    const text = await evaluateText(state.Timestamp, bindings, 'Timestamp');
    const at = timestamp.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(at))
      throw new StateFailure(
        'States.QueryEvaluationError',
        `The field 'Timestamp' must be an ISO 8601 timestamp, not '${text}'`,
        'Timestamp',
      );
    milliseconds = Math.max(0, at - now());
  }
  strand.activity = { kind: 'pause', before: 'leave', until: now() + milliseconds / waitScale };
}

async function beginMap(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const bindings = bindingsOf(live, strand);
  const items =
    state.Items === undefined ? strand.state.input : await evaluate(state.Items, bindings, 'Items');
  if (!Array.isArray(items))
    throw new StateFailure(
      'States.QueryEvaluationError',
      `The field 'Items' of '${strand.state.name}' must be an array`,
      'Items',
    );
  const asked =
    state.MaxConcurrency === undefined
      ? 0
      : await evaluateCount(state.MaxConcurrency, bindings, 'MaxConcurrency', 0);
  record(live, strand, 'MapStateStarted', { mapStateStartedEventDetails: { length: items.length } });
  await fork(live, strand, items as unknown[], asked === 0 ? inlineConcurrencyMax : asked);
}

async function beginParallel(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const input =
    state.Arguments === undefined
      ? strand.state.input
      : await evaluate(state.Arguments, bindingsOf(live, strand), 'Arguments');
  record(live, strand, 'ParallelStateStarted');
  const inputs = (state.Branches ?? []).map(() => input);
  await fork(live, strand, inputs, inputs.length);
}

async function fork(live: Live, strand: Strand, inputs: unknown[], concurrencyMax: number): Promise<void> {
  if (inputs.length === 0) return joinBranches(live, strand, []);
  strand.activity = {
    kind: 'fork',
    inputs,
    concurrencyMax,
    next: 0,
    left: inputs.length,
    results: inputs.map(() => null),
  };
  return startBranches(live, strand);
}

async function failState(live: Live, strand: Strand, state: StateDefinition): Promise<void> {
  const bindings = bindingsOf(live, strand);
  const text = async (field: 'Error' | 'Cause'): Promise<string> =>
    state[field] === undefined ? '' : evaluateText(state[field], bindings, field);
  throw new StateFailure(await text('Error'), await text('Cause'));
}
