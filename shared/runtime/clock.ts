import type { Instant } from '../domain/ids.ts';

/** The time, as a parameter: tests bring their own. */
export interface Clock {
  readonly now: () => Instant;
}

export const systemClock: Clock = { now: () => new Date().toISOString() };
