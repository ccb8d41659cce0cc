import { setTimeout } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/**
 * What a worker is started with: a bundle's URL, and the events to call its handler with, one after the other. An answer
 * that says `done: false` is asked for again, as state machines do.
 */
export interface BundleWork {
  readonly bundle: string;
  readonly events: readonly unknown[];
}
export type BundleOutcome =
  | { readonly result: unknown }
  | { readonly error: { readonly name: string; readonly message: string; readonly stack: string } };

const { bundle, events } = workerData as BundleWork;

const context = {
  awsRequestId: '11111111-2222-4333-8444-555555555555',
  functionName: 'smoke',
  functionVersion: '$LATEST',
  invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:smoke',
  memoryLimitInMB: '512',
  logGroupName: 'smoke',
  logStreamName: 'smoke',
  callbackWaitsForEmptyEventLoop: false,
  getRemainingTimeInMillis: () => 20_000,
};

const told = (thrown: unknown): BundleOutcome => {
  const { name, message, stack = '' } = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { error: { name, message, stack } };
};

const pollsMax = 200;

async function untilDone(call: () => Promise<unknown>): Promise<unknown> {
  for (let poll = 1; ; poll += 1) {
    const result = await call();
    const isPending =
      typeof result === 'object' && result !== null && 'done' in result && result.done === false;
    if (!isPending || poll === pollsMax) return result;
    await setTimeout(5);
  }
}

async function work(): Promise<readonly BundleOutcome[]> {
  const { handler } = (await import(bundle)) as {
    handler: (event: unknown, context: unknown) => Promise<unknown>;
  };
  const outcomes: BundleOutcome[] = [];
  for (const event of events)
    try {
      outcomes.push({ result: await untilDone(() => handler(event, context)) });
    } catch (thrown) {
      outcomes.push(told(thrown));
    }
  return outcomes;
}

async function outcome(): Promise<readonly BundleOutcome[]> {
  try {
    return await work();
  } catch (thrown) {
    // The bundle could not even be loaded.
    return [told(thrown)];
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage(await outcome());
