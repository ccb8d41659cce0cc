import type { State, Workflow } from '../../../infra/workflows/asl.ts';
import type { Bindings } from './closures.ts';
import { QueryFailed } from './closures.ts';
import { names, retryAfter, StateFailed, type Retrier } from './errors.ts';
import { templateOf } from './templates.ts';

/** What a run finds around it. Every promise is one of virtual time; once the run has ended none of them goes on. */
export interface Surroundings {
  readonly context: Readonly<Record<string, unknown>>;
  readonly random: () => number;
  /** Resolves after so many seconds. */
  sleep(seconds: number): Promise<void>;
  /** Calls a function; rejects with what it threw, or with `States.Timeout` when it takes too long. */
  invoke(functionName: string, payload: unknown, timeoutSeconds: number): Promise<unknown>;
  /** The same with a token in the payload: resolves with what the token is answered. */
  invokeAndWait(
    functionName: string,
    payload: (token: string) => unknown,
    timeoutSeconds: number,
  ): Promise<unknown>;
  entered(state: string): void;
}

interface Block {
  readonly StartAt: string;
  readonly States: Readonly<Record<string, State>>;
}

interface Exit {
  readonly Output?: unknown;
  readonly Assign?: unknown;
  readonly Next?: string;
}

interface Fields extends Exit {
  readonly Type: string;
  readonly Resource?: string;
  readonly Arguments?: unknown;
  readonly TimeoutSeconds?: number;
  readonly Retry?: readonly Retrier[];
  readonly Catch?: readonly (Exit & { readonly ErrorEquals: readonly string[] })[];
  readonly Choices?: readonly (Exit & { readonly Condition: string })[];
  readonly Default?: string;
  readonly Seconds?: unknown;
  readonly Items?: unknown;
  readonly ItemSelector?: unknown;
  readonly ItemProcessor?: Block;
  readonly Branches?: readonly Block[];
  readonly Error?: unknown;
  readonly Cause?: unknown;
}

/** Variables of one line of states; those of the lines around it are seen and not changed. */
type Variables = Record<string, unknown>;

const taskSecondsMax = 99_999_999;

/** Runs a workflow to its end. @throws StateFailed: the execution failed. */
export const runWorkflow = (workflow: Workflow, input: unknown, around: Surroundings): Promise<unknown> =>
  runBlock(workflow, input, {}, around, around.context);

async function runBlock(
  block: Block,
  input: unknown,
  variables: Variables,
  around: Surroundings,
  context: Bindings,
): Promise<unknown> {
  let name = block.StartAt;
  let current = input;
  for (;;) {
    const state = block.States[name] as Fields | undefined;
    if (state === undefined) throw new StateFailed('States.Runtime', `there is no state ${name}`);
    around.entered(name);
    const visit: Visit = { state, input: current, variables, around, context };
    const left = await runState(visit);
    if (left.next === undefined) return left.output;
    name = left.next;
    current = left.output;
  }
}

interface Visit {
  readonly state: Fields;
  readonly input: unknown;
  readonly variables: Variables;
  readonly around: Surroundings;
  readonly context: Bindings;
}

interface Left {
  readonly next: string | undefined;
  readonly output: unknown;
}

async function runState(visit: Visit): Promise<Left> {
  const { state, around } = visit;
  const used: number[] = [];
  for (;;) {
    try {
      return await carryOut(visit);
    } catch (thrown) {
      const failure = failureOf(thrown);
      const seconds = retryAfter(state.Retry ?? [], used, failure.error, around.random);
      if (seconds !== undefined) {
        await around.sleep(seconds);
        continue;
      }
      const catcher = state.Catch?.find(({ ErrorEquals }) => names(ErrorEquals, failure.error));
      if (catcher === undefined) throw failure;
      const errorOutput = { Error: failure.error, Cause: failure.reason };
      return leave(visit, catcher, { errorOutput }, errorOutput);
    }
  }
}

function failureOf(thrown: unknown): StateFailed {
  if (thrown instanceof StateFailed) return thrown;
  if (thrown instanceof QueryFailed) return new StateFailed(thrown.name, thrown.message);
  throw thrown;
}

function carryOut(visit: Visit): Left | Promise<Left> {
  const { state, input } = visit;
  switch (state.Type) {
    case 'Pass':
      return leave(visit, state, {}, input);
    case 'Task':
      return runTask(visit);
    case 'Choice':
      return choose(visit);
    case 'Wait':
      return pause(visit);
    case 'Map':
    case 'Parallel':
      return fork(visit);
    case 'Succeed':
      return leave(visit, exitOf(state), {}, input);
    case 'Fail':
      return failRun(visit);
    default:
      throw new StateFailed('States.Runtime', `nobody knows how to run a ${state.Type}`);
  }
}

function bindingsOf(
  { variables, context, input }: Visit,
  more: Readonly<Record<string, unknown>> = {},
): Bindings {
  const bindings = Object.create(variables) as Record<string, unknown>;
  bindings['states'] = { context, input, ...more };
  return bindings;
}

/** Output and Assign both see the variables as they were; what is assigned is seen from the next state on. */
function leave(
  visit: Visit,
  exit: Exit,
  more: Readonly<Record<string, unknown>>,
  otherwise: unknown,
): Left | Promise<Left> {
  if (exit.Output === undefined && exit.Assign === undefined) return { next: exit.Next, output: otherwise };
  const bindings = bindingsOf(visit, more);
  const output = exit.Output === undefined ? otherwise : templateOf(exit.Output)(bindings);
  const assigned = exit.Assign === undefined ? undefined : templateOf(exit.Assign)(bindings);
  const go = (output: unknown, assigned: unknown): Left => {
    Object.assign(visit.variables, assigned);
    return { next: exit.Next, output };
  };
  return output instanceof Promise || assigned instanceof Promise
    ? Promise.all([output, assigned]).then(([output, assigned]) => go(output, assigned))
    : go(output, assigned);
}

async function runTask(visit: Visit): Promise<Left> {
  const { state, around, context } = visit;
  const timeoutSeconds = state.TimeoutSeconds ?? taskSecondsMax;
  if (state.Resource === 'arn:aws:states:::lambda:invoke.waitForTaskToken') {
    const bindings = bindingsOf({ ...visit, context: { ...context, Task: { Token: tokenPlace } } });
    const { FunctionName, Payload } = await argumentsOf(state, bindings);
    const result = await around.invokeAndWait(
      FunctionName,
      (token) => JSON.parse(JSON.stringify(Payload).replaceAll(tokenPlace, token)) as unknown,
      timeoutSeconds,
    );
    return leave(visit, state, { result }, result);
  }
  if (state.Resource !== 'arn:aws:states:::lambda:invoke')
    throw new StateFailed('States.Runtime', `nobody knows the resource ${state.Resource ?? ''}`);
  const { FunctionName, Payload } = await argumentsOf(state, bindingsOf(visit));
  const result = { StatusCode: 200, Payload: await around.invoke(FunctionName, Payload, timeoutSeconds) };
  return leave(visit, state, { result }, result);
}

/** Stands for the token until there is one. */
const tokenPlace = '<the task’s token>';

const argumentsOf = async (
  state: Fields,
  bindings: Bindings,
): Promise<{ FunctionName: string; Payload: unknown }> =>
  (await templateOf(state.Arguments)(bindings)) as { FunctionName: string; Payload: unknown };

async function choose(visit: Visit): Promise<Left> {
  const { state, input } = visit;
  const bindings = bindingsOf(visit);
  for (const choice of state.Choices ?? []) {
    let holds = templateOf(choice.Condition)(bindings);
    if (holds instanceof Promise) holds = await holds;
    if (typeof holds !== 'boolean')
      throw new StateFailed('States.QueryEvaluationError', `${choice.Condition} is neither true nor false`);
    if (holds) return leave(visit, choice, {}, input);
  }
  if (state.Default === undefined) throw new StateFailed('States.NoChoiceMatched', 'no choice matched');
  return leave(visit, { ...exitOf(state), Next: state.Default }, {}, input);
}

const exitOf = ({ Output, Assign }: Fields): Exit => ({
  ...(Output === undefined ? {} : { Output }),
  ...(Assign === undefined ? {} : { Assign }),
});

async function pause(visit: Visit): Promise<Left> {
  const seconds = await templateOf(visit.state.Seconds)(bindingsOf(visit));
  if (typeof seconds !== 'number' || !Number.isInteger(seconds) || seconds < 0 || seconds > taskSecondsMax)
    throw new StateFailed('States.QueryEvaluationError', `Seconds is ${JSON.stringify(seconds)}`);
  await visit.around.sleep(seconds);
  return leave(visit, visit.state, {}, visit.input);
}

async function fork(visit: Visit): Promise<Left> {
  const { state, input, variables, around, context } = visit;
  const inner = (): Variables => Object.create(variables) as Variables;
  let lines: readonly Promise<unknown>[];
  if (state.Type === 'Parallel')
    lines = (state.Branches ?? []).map((branch) => runBlock(branch, input, inner(), around, context));
  else {
    const items = (await templateOf(state.Items ?? '{% $states.input %}')(bindingsOf(visit))) as unknown[];
    const { ItemProcessor: block } = state;
    if (!Array.isArray(items) || block === undefined)
      throw new StateFailed('States.Runtime', 'a Map needs a list and a processor');
    lines = items.map(async (value: unknown, index) => {
      const seen = { ...context, Map: { Item: { Index: index, Value: value } } };
      const selected =
        state.ItemSelector === undefined
          ? value
          : await templateOf(state.ItemSelector)(bindingsOf({ ...visit, context: seen }));
      return runBlock(block, selected, inner(), around, seen);
    });
  }
  // The first that fails fails the whole; the others find nobody any more, though their calls go on.
  const result = await Promise.all(lines);
  return leave(visit, state, { result }, result);
}

async function failRun(visit: Visit): Promise<never> {
  const bindings = bindingsOf(visit);
  const [error, cause] = await Promise.all([
    templateOf(visit.state.Error ?? 'States.TaskFailed')(bindings),
    templateOf(visit.state.Cause ?? '')(bindings),
  ]);
  throw new StateFailed(String(error), String(cause));
}
