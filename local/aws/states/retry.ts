import type { Catcher, Retrier, StateDefinition } from './definition.ts';
import { namesError } from './failures.ts';
import type { Visit } from './run.ts';

/** The documented defaults of a retrier. */
const defaults = { IntervalSeconds: 1, MaxAttempts: 3, BackoffRate: 2 };

/**
 * Whether and after how long a failed state is tried again, counting the try in `visit`. The first retrier that names the
 * error decides alone: when its tries are used up, later ones are not asked.
 *
 * @returns unscaled seconds, or undefined when it is not to be tried again.
 */
export function useRetry(
  state: StateDefinition,
  visit: Visit,
  error: string,
  random: () => number,
): number | undefined {
  const retriers = state.Retry ?? [];
  const index = retriers.findIndex((retrier) => namesError(retrier.ErrorEquals, error));
  const retrier = retriers[index];
  if (retrier === undefined) return undefined;
  const used = visit.retries[index] ?? 0;
  if (used >= (retrier.MaxAttempts ?? defaults.MaxAttempts)) return undefined;
  visit.retries = retriers.map((_, at) => (visit.retries[at] ?? 0) + (at === index ? 1 : 0));
  visit.retryCount += 1;
  return delaySeconds(retrier, used, random);
}

function delaySeconds(retrier: Retrier, used: number, random: () => number): number {
  const { IntervalSeconds = defaults.IntervalSeconds, BackoffRate = defaults.BackoffRate } = retrier;
  const delay = Math.min(
    IntervalSeconds * BackoffRate ** used,
    retrier.MaxDelaySeconds ?? Number.POSITIVE_INFINITY,
  );
  return retrier.JitterStrategy === 'FULL' ? delay * random() : delay;
}

export const catcherOf = (state: StateDefinition, error: string): Catcher | undefined =>
  state.Catch?.find((catcher) => namesError(catcher.ErrorEquals, error));
