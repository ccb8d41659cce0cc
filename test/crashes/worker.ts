import { parentPort } from 'node:worker_threads';
import { Cases } from './cases.ts';

const cases = new Cases();

parentPort?.on('message', (ids: readonly string[]) => {
  cases.run(ids).then(
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    (outcomes) => parentPort?.postMessage(outcomes),
    (error: unknown) => {
      throw error;
    },
  );
});
