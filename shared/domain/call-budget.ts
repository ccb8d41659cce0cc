import type { Instant } from './ids.ts';

/** What is left of the calls that a cloud lets one account make, for looks. One item per account, and per region where limits are. */
export interface CallBudget {
  /** Moves with each change, so that of two who take at once one takes again. */
  readonly version: number;
  /** Calls left in each of the cloud's windows, at `at`; they have come back since. */
  readonly left: readonly number[];
  readonly at: Instant;
  /** The cloud said that it has had enough: nobody looks before. */
  readonly pausedUntil?: Instant;
}
