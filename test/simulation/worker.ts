import { parentPort } from 'node:worker_threads';
import { addCounts, describeFailure } from './outcomes.ts';
import { tryWorld, type Counts } from './world.ts';

/** A few worlds at a time, and then the next few: whoever is quicker gets more. */
export interface Batch {
  readonly from: number;
  readonly seeds: number;
  readonly hasZone: boolean;
}

export interface BatchReport {
  readonly counts: Counts | undefined;
  readonly failures: readonly { readonly seed: number; readonly text: string }[];
  readonly outcomes: Readonly<Record<string, number>>;
}

parentPort?.on('message', (batch: Batch) => {
  runBatch(batch).then(
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    (report) => parentPort?.postMessage(report),
    (error: unknown) => {
      throw error;
    },
  );
});

async function runBatch({ from, seeds, hasZone }: Batch): Promise<BatchReport> {
  let counts: Counts | undefined;
  const failures: { seed: number; text: string }[] = [];
  const outcomes: Record<string, number> = {};
  for (let seed = from; seed < from + seeds; seed += 1) {
    const report = await tryWorld(seed, { hasZone });
    counts = addCounts(counts, report.counts);
    for (const outcome of report.outcomes) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (report.violation !== undefined) failures.push({ seed, text: describeFailure(report) });
  }
  return { counts, failures, outcomes };
}
