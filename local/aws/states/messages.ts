import { failureOfInvocation, refusal, StateFailure } from './failures.ts';
import { payloadText, record, stateOf, strandOf, type Live } from './live.ts';
import { resources } from './resources.ts';
import type { Strand, TaskActivity } from './run.ts';
import { attempt, fail, leave } from './transitions.ts';

/** How an invocation of a function ended. */
export type Outcome = { readonly result: unknown } | { readonly thrown: unknown };

/** Everything whose time has come: timeouts first, so that an answer in the same moment is too late. */
export async function expire(live: Live): Promise<void> {
  const now = live.around.now();
  const { timeoutAt } = live.run;
  if (timeoutAt !== undefined && now >= timeoutAt) {
    live.ending = { status: 'TIMED_OUT' };
    return;
  }
  for (const strand of live.run.strands) {
    // An earlier strand's failure may have dropped this one.
    if (live.ending !== undefined || !live.run.strands.includes(strand)) continue;
    const { activity } = strand;
    if (activity.kind === 'pause' && now >= activity.until) {
      strand.activity = { kind: 'begin' };
      if (activity.before === 'leave') await attempt(live, strand, () => leave(live, strand));
    } else if (activity.kind === 'task') {
      await expireTask(live, strand, activity, now);
    }
  }
}

async function expireTask(live: Live, strand: Strand, task: TaskActivity, now: number): Promise<void> {
  const late = (at: number | undefined): boolean => at !== undefined && now >= at;
  if (!late(task.timeoutAt) && !late(task.heartbeatAt)) return;
  const error = late(task.timeoutAt) ? 'States.Timeout' : 'States.HeartbeatTimeout';
  record(live, strand, 'TaskTimedOut', { taskTimedOutEventDetails: { ...integration(task), error } });
  await fail(live, strand, new StateFailure(error, ''));
}

/** When something of this run has to be done next, in epoch milliseconds. */
export function nextDeadline(live: Live): number | undefined {
  const times = [live.run.timeoutAt];
  for (const { activity } of live.run.strands) {
    if (activity.kind === 'pause') times.push(activity.until);
    if (activity.kind === 'task') times.push(activity.timeoutAt, activity.heartbeatAt);
  }
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

/** An invocation came back. A late one, of a try that is no longer waited for, changes nothing. */
export async function takeOutcome(
  live: Live,
  strandId: number,
  attemptNumber: number,
  outcome: Outcome,
): Promise<void> {
  const strand = strandOf(live, strandId);
  const task = strand?.activity;
  if (live.ending !== undefined || strand === undefined) return;
  if (task?.kind !== 'task' || task.attempt !== attemptNumber) return;
  if ('thrown' in outcome) {
    await failTask(live, strand, task, failureOfInvocation(outcome.thrown));
    return;
  }
  const result = outcome.result ?? null;
  if (task.token === undefined) {
    await succeedTask(live, strand, task, result);
    return;
  }
  task.submitted = true;
  await attempt(live, strand, async () => {
    const output = payloadText(live, result, 'result');
    record(live, strand, 'TaskSubmitted', {
      taskSubmittedEventDetails: { ...integration(task), output, outputDetails: { truncated: false } },
    });
  });
}

/**
 * Somebody answers a token.
 *
 * @throws `TaskTimedOut` when its task no longer waits: answered already, timed out, or stopped. AWS says it so, too.
 */
export async function takeAnswer(
  live: Live,
  token: string,
  strandId: number,
  answer: { readonly result: unknown } | { readonly error: string; readonly cause: string },
): Promise<void> {
  const { strand, task } = waitingFor(live, token, strandId);
  if ('result' in answer) await succeedTask(live, strand, task, answer.result);
  else await failTask(live, strand, task, new StateFailure(answer.error, answer.cause));
}

/** @throws `TaskTimedOut` as `takeAnswer` does. */
export function takeHeartbeat(live: Live, token: string, strandId: number): void {
  const { task } = waitingFor(live, token, strandId);
  if (task.heartbeatSeconds !== undefined)
    task.heartbeatAt = live.around.now() + task.heartbeatSeconds * 1000;
}

export const taskIsGone = (): Error =>
  refusal('TaskTimedOut', "Task Timed Out: 'Provided task does not exist anymore'");

function waitingFor(live: Live, token: string, strandId: number): { strand: Strand; task: TaskActivity } {
  const strand = strandOf(live, strandId);
  const task = strand?.activity;
  if (live.ending !== undefined || strand === undefined || task?.kind !== 'task' || task.token !== token)
    throw taskIsGone();
  return { strand, task };
}

async function succeedTask(live: Live, strand: Strand, task: TaskActivity, result: unknown): Promise<void> {
  await attempt(live, strand, async () => {
    const output = payloadText(live, result, 'result');
    record(live, strand, 'TaskSucceeded', {
      taskSucceededEventDetails: { ...integration(task), output, outputDetails: { truncated: false } },
    });
    await leave(live, strand, { result });
  });
}

async function failTask(
  live: Live,
  strand: Strand,
  task: TaskActivity,
  failure: StateFailure,
): Promise<void> {
  record(live, strand, 'TaskFailed', {
    taskFailedEventDetails: { ...integration(task), error: failure.error, cause: failure.detail },
  });
  await fail(live, strand, failure);
}

function integration(task: TaskActivity): { resourceType: string; resource: string } {
  const known = resources.get(task.resource);
  return { resourceType: known?.resourceType ?? 'lambda', resource: known?.resource ?? task.resource };
}

/** Stops everything: what was in flight is no longer listened to. */
export function abort(live: Live, error: string | undefined, cause: string | undefined): void {
  if (live.ending !== undefined) return;
  live.ending = {
    status: 'ABORTED',
    ...(error === undefined ? {} : { error }),
    ...(cause === undefined ? {} : { cause }),
  };
  for (const strand of live.run.strands.toReversed()) {
    const { Type } = stateOf(live, strand);
    if (strand.activity.kind !== 'enter' && ['Task', 'Wait', 'Map', 'Parallel'].includes(Type))
      record(live, strand, `${Type}StateAborted`);
  }
  live.run.strands = [];
}
