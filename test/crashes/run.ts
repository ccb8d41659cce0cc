import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import type { Outcome } from './case.ts';
import { boundedCases, Cases, sample } from './cases.ts';

const help = `Cuts the platform at its outside calls, one by one, lets it recover, and looks whether it ended as if nothing had been.

  npm run test:crashes                  a sample, as in npm test
  npm run test:crashes -- --all         every call, both forms, all four clouds
  npm run test:crashes -- --only <id>   one case, as a failure names it

  --all          none left out
  --only <id>    platform-create-17-before, platform-delete-7-after-twice, wire-aws-ensureNetwork-3-after-dies, …
  --workers <n>  how many threads (2)
  --help         this text

Platform: the cluster over four clouds is created until it is ready, and deleted until its tombstone, in the deterministic
simulation. For each call that a function makes (table, bus, queues, state machines, clouds, KMS, the cluster's API) it dies
before it, or after it with the reply lost; every seventh also at its next try ("twice").
Wire: each driver with its official SDK against its simulator; each HTTP request of ensureNetwork, createMachine, the three of
load balancers, deleteMachine and collapse is cut before it is carried out, or after; the driver may try again ("retried"), or its function
is gone and another calls the method anew ("dies").
`;

const failuresShownMax = 10;
const progressEverySeconds = 15;
const batch = { platform: 20, wire: 40 } as const;

function batchesOf(ids: readonly string[], size: number): string[][] {
  const batches: string[][] = [];
  for (let first = 0; first < ids.length; first += size) batches.push(ids.slice(first, first + size));
  return batches;
}

const ask = (worker: Worker, ids: readonly string[]): Promise<readonly Outcome[]> =>
  new Promise((resolve, reject) => {
    const onError = (error: Error): void => reject(error);
    worker.once('error', onError);
    worker.once('message', (outcomes: readonly Outcome[]) => {
      worker.off('error', onError);
      resolve(outcomes);
    });
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    worker.postMessage(ids);
  });

async function onWorkers(batches: string[][], workers: number): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  const total = batches.reduce((sum, ids) => sum + ids.length, 0);
  const progress = setInterval(() => {
    const failed = outcomes.filter(({ failure }) => failure !== undefined).length;
    process.stderr.write(`${outcomes.length} of ${total} cases, ${failed} did not recover\n`);
  }, progressEverySeconds * 1000);
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(new URL('worker.ts', import.meta.url));
      try {
        for (let ids = batches.shift(); ids !== undefined; ids = batches.shift()) {
          const found = await ask(worker, ids);
          for (const { failure } of found)
            if (failure !== undefined && outcomes.filter((each) => each.failure).length < failuresShownMax)
              process.stdout.write(`${failure}\n\n`);
          outcomes.push(...found);
        }
      } finally {
        await worker.terminate();
      }
    }),
  ).finally(() => clearInterval(progress));
  return outcomes;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      all: { type: 'boolean', default: false },
      only: { type: 'string' },
      workers: { type: 'string', default: '2' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const startedAt = performance.now();
  const cases = new Cases();
  if (values.only !== undefined) {
    const [outcome] = await cases.run([values.only]);
    await cases.close();
    process.stdout.write(`${outcome?.failure ?? `${values.only}: recovered`}\n`);
    if (outcome?.failure !== undefined) process.exitCode = 1;
    return;
  }
  const workers = Number(values.workers);
  if (!Number.isSafeInteger(workers) || workers < 1) throw new Error('--workers: a whole number is needed');
  const { recorded, platform, wire } = await cases.record();
  await cases.close();
  const all = values.all;
  const outcomes = await onWorkers(
    [
      ...batchesOf(all ? wire : sample(wire, boundedCases.wire), all ? batch.wire : boundedCases.wire),
      ...batchesOf(all ? platform : sample(platform, boundedCases.platform), batch.platform),
    ],
    workers,
  );
  const sum = (of: (outcome: Outcome) => number): string =>
    outcomes.reduce((total, outcome) => total + of(outcome), 0).toLocaleString('en');
  const failed = outcomes.filter(({ failure }) => failure !== undefined);
  const calls = recorded.reduce((total, each) => total + each.calls, 0);
  const lines = [
    ...recorded.map(({ what, calls: number }) => `${what.padEnd(28)} ${String(number).padStart(6)} calls`),
    `calls recorded    ${calls.toLocaleString('en')}`,
    `cases             ${outcomes.length.toLocaleString('en')} of ${(platform.length + wire.length).toLocaleString('en')}`,
    `cuts              ${sum(({ cuts }) => cuts)}`,
    `invariant checks  ${sum(({ checks }) => checks)}`,
    `seconds           ${((performance.now() - startedAt) / 1000).toFixed(1)}`,
    failed.length === 0
      ? 'every one of them recovered'
      : `${failed.length} did not recover: ${failed.map(({ id }) => id).join(', ')}`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (failed.length > 0) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
});
