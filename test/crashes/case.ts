/** One cut and what came of it. Cases go between threads as they are. */
export interface Outcome {
  /** As `--only` takes it. */
  readonly id: string;
  /** How many times something was really cut: none when the run no longer came to that call. */
  readonly cuts: number;
  readonly checks: number;
  /** What is wrong, with the call's name and a short history; undefined: nothing. */
  readonly failure?: string;
}
