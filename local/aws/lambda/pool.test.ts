import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { FunctionConfiguration } from './function.ts';
import { createPool, type Pool, type PoolLimits } from './pool.ts';

const folder = mkdtempSync(join(tmpdir(), 'overcast-pool-'));
writeFileSync(
  join(folder, 'index.mjs'),
  `import { threadId } from 'node:worker_threads';
   export const handler = async ({ until }) => {
     while (Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 5));
     return threadId;
   };`,
);
afterAll(() => rmSync(folder, { recursive: true }));

const functionNamed = (name: string): FunctionConfiguration => ({
  logicalId: name,
  name,
  arn: name,
  roleArn: '',
  folder,
  handler: 'index.handler',
  timeoutMs: 30_000,
  memoryMb: 128,
  environment: {},
});

let pool: Pool;
afterEach(() => pool.close());
const open = (limits: Partial<PoolLimits> = {}): void => {
  pool = createPool(
    {
      threadsMax: 10,
      threadsPerFunctionMax: 2,
      patienceMilliseconds: 20,
      idleMillisecondsMax: 60_000,
      ...limits,
    },
    () => {},
  );
};

let calls = 0;
/** @returns the thread that answered */
async function run(name: string, milliseconds = 0): Promise<string> {
  calls += 1;
  const payload = JSON.stringify({ until: Date.now() + milliseconds });
  const outcome = await pool.run(functionNamed(name), `call-${calls}`, payload);
  if (!outcome.ok) throw new Error(outcome.failure.errorMessage);
  return outcome.payload;
}

describe('threads of a function', () => {
  it('are used again', async () => {
    open();
    expect(await run('one')).toBe(await run('one'));
    expect(pool.load).toEqual({ running: 0, waiting: 0, threads: 1 });
  });

  it('are never shared with another function', async () => {
    open();
    expect(await run('one')).not.toBe(await run('other'));
  });

  it('are not started while one that starts will soon have time for all', async () => {
    open({ patienceMilliseconds: 10_000 });
    const answers = await Promise.all(Array.from({ length: 20 }, () => run('one')));
    expect(new Set(answers).size).toBe(1);
  });

  it('become more when one has no time for too long, up to their limit', async () => {
    open();
    await run('one');
    const answers = await Promise.all(Array.from({ length: 6 }, () => run('one', 1500)));
    expect(new Set(answers).size).toBe(2);
    expect(pool.load.threads).toBe(2);
  });

  it('are given up for a function that has none, when no more may be', async () => {
    open({ threadsMax: 2 });
    await run('one');
    await run('other');
    await run('third');
    expect(pool.load.threads).toBe(2);
  });

  it('are let go when nothing was asked of them for a while', async () => {
    open({ idleMillisecondsMax: 100 });
    await run('one');
    await expect.poll(() => pool.load.threads, { timeout: 10_000 }).toBe(0);
  });
});

it('whoever waits when the pool closes is told', async () => {
  open({ threadsPerFunctionMax: 1 });
  const answers = Promise.allSettled([run('one', 60_000), run('one')]);
  await expect.poll(() => pool.load.waiting, { timeout: 10_000 }).toBe(1);
  await pool.close();
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
});
