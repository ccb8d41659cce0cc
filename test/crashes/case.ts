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

/** The lines of one that the other lacks, both ways; empty: they are equal. */
export function differences(uncut: readonly string[], cut: readonly string[]): readonly string[] {
  const missing = [...uncut];
  const surplus: string[] = [];
  for (const line of cut) {
    const at = missing.indexOf(line);
    if (at === -1) surplus.push(line);
    else missing.splice(at, 1);
  }
  return [...missing.map((line) => `uncut only: ${line}`), ...surplus.map((line) => `cut only:   ${line}`)];
}
