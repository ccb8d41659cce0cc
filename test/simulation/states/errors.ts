/** An error as the states language knows it: a name that Retry and Catch match, and a cause in words. */
export class StateFailed extends Error {
  readonly error: string;
  readonly reason: string;

  constructor(error: string, reason: string) {
    super(`${error}: ${reason}`);
    this.name = error;
    this.error = error;
    this.reason = reason;
  }
}

const terminal = new Set(['States.Runtime', 'States.DataLimitExceeded']);

/** Whether a list of `ErrorEquals` names this error. */
export function names(list: readonly string[], error: string): boolean {
  return list.some((name) => {
    if (name === error) return true;
    if (terminal.has(error)) return false;
    if (name === 'States.ALL') return true;
    return name === 'States.TaskFailed' && error !== 'States.Timeout' && error !== 'States.HeartbeatTimeout';
  });
}

export interface Retrier {
  readonly ErrorEquals: readonly string[];
  readonly IntervalSeconds?: number;
  readonly MaxAttempts?: number;
  readonly BackoffRate?: number;
  readonly MaxDelaySeconds?: number;
  readonly JitterStrategy?: string;
}

/** After how many seconds to try again; undefined: not at all. `used` counts the tries of each retrier. */
export function retryAfter(
  retriers: readonly Retrier[],
  used: number[],
  error: string,
  random: () => number,
): number | undefined {
  const index = retriers.findIndex((retrier) => names(retrier.ErrorEquals, error));
  const retrier = retriers[index];
  const tries = used[index] ?? 0;
  if (retrier === undefined || tries >= (retrier.MaxAttempts ?? 3)) return undefined;
  used[index] = tries + 1;
  const whole = (retrier.IntervalSeconds ?? 1) * (retrier.BackoffRate ?? 2) ** tries;
  const delay = Math.min(whole, retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY);
  return retrier.JitterStrategy === 'FULL' ? delay * random() : delay;
}
