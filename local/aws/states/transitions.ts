import type { StateDefinition } from './definition.ts';
import { evaluate } from './expressions.ts';
import { StateFailure } from './failures.ts';
import {
  bindingsOf,
  blockOf,
  exitedDetails,
  newVisit,
  payloadText,
  record,
  stateOf,
  strandOf,
  type Live,
} from './live.ts';
import { catcherOf, useRetry } from './retry.ts';
import type { Strand } from './run.ts';

/** Where a state goes and what it says when it leaves: the state's own fields, a choice rule's, or a catcher's. */
interface Exit {
  readonly Output?: unknown;
  readonly Assign?: Readonly<Record<string, unknown>>;
  readonly Next?: string;
}

/**
 * Leaves a state that did its work. Output and Assign see the variables as they were when the state began; its own
 * assignments are seen from the next state on. Without Output the result is the output, or else the input.
 *
 * @throws StateFailure, which is the state's own failure (its Retry and Catch apply).
 */
export async function leave(
  live: Live,
  strand: Strand,
  done: { readonly result?: unknown } = {},
  exit: Exit = stateOf(live, strand),
): Promise<void> {
  const otherwise = 'result' in done ? done.result : strand.state.input;
  await depart(live, strand, exit, done, otherwise);
}

async function depart(
  live: Live,
  strand: Strand,
  exit: Exit,
  scope: { readonly result?: unknown; readonly errorOutput?: unknown },
  otherwise: unknown,
): Promise<void> {
  const bindings =
    exit.Output === undefined && exit.Assign === undefined ? {} : bindingsOf(live, strand, scope);
  const output = exit.Output === undefined ? otherwise : await evaluate(exit.Output, bindings, 'Output');
  const assigned = (await evaluate(exit.Assign ?? {}, bindings, 'Assign')) as Record<string, unknown>;
  const text = payloadText(live, output, 'result');
  assign(live, strand, assigned);
  const { Type } = stateOf(live, strand);
  record(live, strand, `${Type}StateExited`, exitedDetails(strand.state.name, text, assigned));
  if (exit.Next === undefined) {
    await finish(live, strand, output, text);
    return;
  }
  strand.state = newVisit(exit.Next, output);
  strand.activity = { kind: 'enter' };
}

function assign(live: Live, strand: Strand, assigned: Readonly<Record<string, unknown>>): void {
  if (Object.keys(assigned).length === 0) return;
  payloadText(live, assigned, 'set of variables');
  const variables = { ...strand.variables, ...assigned };
  const bytes = live.run.strands.reduce(
    (sum, line) => sum + Buffer.byteLength(JSON.stringify(line === strand ? variables : line.variables)),
    0,
  );
  if (bytes > live.around.limits.variablesBytesMax)
    throw new StateFailure('States.DataLimitExceeded', 'The variables of the execution are too large.');
  strand.variables = variables;
}

/** The last state of a strand has left: that ends the execution, or is one result of the Map or Parallel around it. */
async function finish(live: Live, strand: Strand, output: unknown, text: string): Promise<void> {
  if (strand.parent === undefined) {
    live.ending = { status: 'SUCCEEDED', output: text };
    return;
  }
  const { index } = strand.parent;
  const parent = strandOf(live, strand.parent.strand);
  live.run.strands = live.run.strands.filter((line) => line !== strand);
  if (parent?.activity.kind !== 'fork') return;
  const fork = parent.activity;
  fork.results[index] = output;
  fork.left -= 1;
  if (stateOf(live, parent).Type === 'Map')
    record(live, strand, 'MapIterationSucceeded', {
      mapIterationSucceededEventDetails: { name: parent.state.name, index },
    });
  if (fork.left === 0) parent.lastEventId = strand.lastEventId;
  await attempt(live, parent, async () => {
    if (fork.left > 0) await startBranches(live, parent);
    else await joinBranches(live, parent, fork.results);
  });
}

export async function joinBranches(live: Live, strand: Strand, results: unknown[]): Promise<void> {
  const { Type } = stateOf(live, strand);
  payloadText(live, results, 'result');
  record(live, strand, `${Type}StateSucceeded`);
  await leave(live, strand, { result: results });
}

/** Starts as many of a fork's branches as may run at once. */
export async function startBranches(live: Live, strand: Strand): Promise<void> {
  const fork = strand.activity;
  if (fork.kind !== 'fork') return;
  const state = stateOf(live, strand);
  while (fork.next < fork.inputs.length) {
    const running = fork.next - (fork.inputs.length - fork.left);
    if (running >= fork.concurrencyMax) return;
    const index = fork.next;
    fork.next += 1;
    await startBranch(live, strand, state, fork.inputs[index], index);
  }
}

async function startBranch(
  live: Live,
  strand: Strand,
  state: StateDefinition,
  value: unknown,
  index: number,
): Promise<void> {
  const map = state.Type === 'Map';
  const item = map ? { index, value } : strand.item;
  const place = `${strand.state.name}#${map ? 0 : index}`;
  const seen = { ...strand, ...(item === undefined ? {} : { item }) };
  const input =
    state.ItemSelector === undefined
      ? value
      : await evaluate(state.ItemSelector, bindingsOf(live, seen), 'ItemSelector');
  payloadText(live, input, 'item');
  const branch: Strand = {
    id: live.run.nextStrand,
    place,
    parent: { strand: strand.id, index },
    ...(item === undefined ? {} : { item }),
    variables: {},
    lastEventId: strand.lastEventId,
    state: newVisit(blockOf(live, place).StartAt, input),
    activity: { kind: 'enter' },
  };
  live.run.nextStrand += 1;
  live.run.strands.push(branch);
  if (map)
    record(live, branch, 'MapIterationStarted', {
      mapIterationStartedEventDetails: { name: strand.state.name, index },
    });
}

/** Does something for a strand; a failure in it is the failure of the state that the strand is in. */
export async function attempt(live: Live, strand: Strand, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (thrown) {
    if (!(thrown instanceof StateFailure)) throw thrown;
    await fail(live, strand, thrown);
  }
}

/** A state failed: it is tried again, or caught, or else the strand fails and with it the state around it, and so on. */
export async function fail(live: Live, failed: Strand, failure: StateFailure): Promise<void> {
  let strand = failed;
  let reason = failure;
  for (;;) {
    const state = stateOf(live, strand);
    if (reason.location !== undefined && strand === failed) recordEvaluation(live, strand, reason);
    if (strand.activity.kind === 'fork') {
      dropBranches(live, strand);
      record(live, strand, `${state.Type}StateFailed`, {
        [`${state.Type.toLowerCase()}StateFailedEventDetails`]: { error: reason.error, cause: reason.detail },
      });
    }
    if (mayRetry(live, strand, state, reason)) return;
    const caught = await catchFailure(live, strand, state, reason);
    if (caught === true) return;
    reason = caught;
    const parent = strand.parent === undefined ? undefined : strandOf(live, strand.parent.strand);
    if (parent === undefined) {
      live.ending = { status: 'FAILED', error: reason.error, cause: reason.detail };
      return;
    }
    if (stateOf(live, parent).Type === 'Map')
      record(live, strand, 'MapIterationFailed', {
        mapIterationFailedEventDetails: { name: parent.state.name, index: strand.parent?.index ?? 0 },
      });
    live.run.strands = live.run.strands.filter((line) => line !== strand);
    strand = parent;
  }
}

function mayRetry(live: Live, strand: Strand, state: StateDefinition, failure: StateFailure): boolean {
  const { random, now, waitScale } = live.around;
  const seconds = useRetry(state, strand.state, failure.error, random);
  if (seconds === undefined) return false;
  strand.activity = { kind: 'pause', before: 'begin', until: now() + (seconds * 1000) / waitScale };
  return true;
}

/** @returns true when a catcher took it, else what the strand fails with (a catcher's own expression may fail too). */
async function catchFailure(
  live: Live,
  strand: Strand,
  state: StateDefinition,
  failure: StateFailure,
): Promise<true | StateFailure> {
  const catcher = catcherOf(state, failure.error);
  if (catcher === undefined) return failure;
  const errorOutput = { Error: failure.error, Cause: failure.detail };
  try {
    await depart(live, strand, catcher, { errorOutput }, errorOutput);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof StateFailure)) throw thrown;
    if (thrown.location !== undefined) recordEvaluation(live, strand, thrown);
    return thrown;
  }
}

function recordEvaluation(live: Live, strand: Strand, failure: StateFailure): void {
  record(live, strand, 'EvaluationFailed', {
    evaluationFailedEventDetails: {
      error: failure.error,
      cause: failure.detail,
      location: failure.location,
      state: strand.state.name,
    },
  });
}

/** What still ran under a Map or Parallel that failed is dropped; a result that comes later finds nobody. */
export function dropBranches(live: Live, strand: Strand): void {
  const doomed = new Set([strand.id]);
  for (const line of live.run.strands)
    if (line.parent !== undefined && doomed.has(line.parent.strand)) doomed.add(line.id);
  doomed.delete(strand.id);
  for (const line of live.run.strands.toReversed()) {
    if (!doomed.has(line.id)) continue;
    const { Type } = stateOf(live, line);
    if (line.activity.kind !== 'enter' && ['Task', 'Wait', 'Map', 'Parallel'].includes(Type))
      record(live, line, `${Type}StateAborted`);
    if (line.parent?.strand === strand.id && stateOf(live, strand).Type === 'Map')
      record(live, line, 'MapIterationAborted', {
        mapIterationAbortedEventDetails: { name: strand.state.name, index: line.parent.index },
      });
  }
  live.run.strands = live.run.strands.filter((line) => !doomed.has(line.id));
}
