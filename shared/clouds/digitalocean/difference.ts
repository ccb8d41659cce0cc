/** What a look found to be other than it should be: what `observe` tells of, and what decides what is changed. */
export interface Difference {
  /** Stable while the difference stays, without spaces. */
  readonly subject: string;
  /** For people. */
  readonly message: string;
}
