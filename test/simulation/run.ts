import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { addCounts, describeFailure } from './outcomes.ts';
import type { Batch, BatchReport } from './worker.ts';
import { runWorld, type Counts } from './world.ts';

const help = `Runs whole simulated worlds, each from one seed, and looks whether anything that must hold ever did not.

  npm run test:simulation -- [--seeds N] [--from S] [--workers W] [--zone] [--verbose]

  --seeds N    how many worlds (200)
  --from S     the first one's seed (1)
  --workers W  how many threads (2)
  --zone       the installations have a hosted zone, which somebody meddles with
  --verbose    prints the whole history of each world; for one seed at a time
`;

const batchSeeds = 10;
const failuresShownMax = 5;
/** Most of what a world makes is forgotten at once: with more room for it, less is copied about. */
const youngGenerationMb = 128;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '200' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    zone: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const whole = (name: 'seeds' | 'from' | 'workers'): number => {
  const number = Number(values[name]);
  if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name}: a whole number is needed`);
  return number;
};

interface Total {
  counts: Counts | undefined;
  failures: { seed: number; text: string }[];
  outcomes: Map<string, number>;
}

async function replay(from: number, seeds: number): Promise<void> {
  for (let seed = from; seed < from + seeds; seed += 1) {
    const report = await runWorld(seed, { hasZone: values.zone });
    process.stdout.write(`${report.history.lines().join('\n')}\n`);
    if (report.violation === undefined) continue;
    process.stdout.write(`${describeFailure(report)}\n`);
    process.exitCode = 1;
  }
}

async function runMany(): Promise<void> {
  const startedAt = performance.now();
  const [from, seeds] = [whole('from'), whole('seeds')];
  const batches: Batch[] = [];
  for (let first = from; first < from + seeds; first += batchSeeds)
    batches.push({ hasZone: values.zone, from: first, seeds: Math.min(batchSeeds, from + seeds - first) });
  const total: Total = { counts: undefined, failures: [], outcomes: new Map() };
  await Promise.all(Array.from({ length: Math.max(1, whole('workers')) }, async () => work(batches, total)));
  print(total, (performance.now() - startedAt) / 1000);
}

/** One thread, until no batch is left. */
async function work(batches: Batch[], total: Total): Promise<void> {
  const worker = new Worker(new URL('worker.ts', import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMb },
  });
  try {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const report = await ask(worker, batch);
      if (report.counts !== undefined) total.counts = addCounts(total.counts, report.counts);
      for (const [outcome, count] of Object.entries(report.outcomes))
        total.outcomes.set(outcome, (total.outcomes.get(outcome) ?? 0) + count);
      for (const failure of report.failures) {
        total.failures.push(failure);
        if (total.failures.length <= failuresShownMax) process.stdout.write(`${failure.text}\n\n`);
      }
    }
  } finally {
    await worker.terminate();
  }
}

const ask = (worker: Worker, batch: Batch): Promise<BatchReport> =>
  new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    worker.once('error', onError);
    worker.once('message', (report: BatchReport) => {
      worker.off('error', onError);
      resolve(report);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker thread has no origin
    worker.postMessage(batch);
  });

function print({ counts, failures, outcomes }: Total, seconds: number): void {
  const { user, system } = process.cpuUsage();
  const { seeds = 0, ...rest } = counts ?? {};
  const lines = [
    `seeds            ${seeds} in ${seconds.toFixed(1)} s, ${((user + system) / 1000 / Math.max(1, seeds)).toFixed(0)} ms of CPU each`,
    ...Object.entries(rest).map(
      ([name, count]) => `${title(name).padEnd(16)} ${Math.round(count).toLocaleString('en')}`,
    ),
    'outcomes',
    ...[...outcomes]
      .sort(([, a], [, b]) => b - a)
      .map(([outcome, count]) => `  ${String(count).padStart(6)} ${outcome}`),
    failures.length === 0
      ? 'nothing was violated'
      : `${failures.length} seeds failed: ${failures
          .map(({ seed }) => seed)
          .sort((a, b) => a - b)
          .slice(0, 50)
          .join(', ')}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (failures.length > 0) process.exitCode = 1;
}

/** `virtualHours`: virtual hours */
const title = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

if (values.help) process.stdout.write(help);
else if (values.verbose) await replay(whole('from'), whole('seeds'));
else await runMany();
