/** What a look found to be other than it should be; what finds it for `observe` also decides what the repairs change. */
export interface Difference {
  /** Stable while the difference stays, without spaces. */
  readonly subject: string;
  /** For people. */
  readonly message: string;
}
