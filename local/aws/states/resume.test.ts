import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openDisk } from '../../disk.ts';
import type { StatesOptions } from './index.ts';
import {
  block,
  call,
  callForToken,
  failing,
  machine,
  openBench,
  until,
  type Bench,
  type Functions,
} from './testbench.ts';

const folders: string[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'states-'));
  folders.push(folder);
  return folder;
};
beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => {
  vi.useRealTimers();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** A bench on real files, and what a `kill -9` in this moment would leave of it. */
function openOnFiles(definition: object, functions: Functions = {}, options: Partial<StatesOptions> = {}) {
  const folder = newFolder();
  const bench = openBench(definition, functions, { disk: openDisk({ folder, name: 'states' }), ...options });
  /** Copies the files as they are and goes on from the copy; the first one lives on beside it, unheard. */
  const killAndResume = async (
    nextFunctions: Functions = functions,
    nextDefinition: object = definition,
  ): Promise<Bench> => {
    const copy = newFolder();
    cpSync(folder, copy, { recursive: true });
    const next = openBench(nextDefinition, nextFunctions, {
      disk: openDisk({ folder: copy, name: 'states' }),
      ...options,
    });
    await bench.states.close();
    await next.states.resume();
    return next;
  };
  return { bench, killAndResume };
}

const lastType = async (bench: Bench, arn: string): Promise<string | undefined> =>
  (await bench.history(arn)).at(-1)?.type;
const tokensOf = (bench: Bench): string[] =>
  bench.calls
    .map(({ payload }) => (payload as { token?: string }).token ?? '')
    .filter((token) => token !== '');

const tokenOfItem = (from: Bench, item: number): string | undefined =>
  (
    from.calls.find(({ name, payload }) => name === 'ask' && (payload as { item: number }).item === item)
      ?.payload as { token: string } | undefined
  )?.token;

const answer = (to: Bench, taskToken: string | undefined, output: number): Promise<unknown> =>
  to.states.api('SendTaskSuccess', { taskToken, output: String(output) });

describe('after a kill', () => {
  it('a Wait goes on with the time that is left', async () => {
    const { bench, killAndResume } = openOnFiles(
      machine({ S: { Type: 'Wait', Seconds: 100, Next: 'T' }, T: { Type: 'Succeed' } }),
    );
    const arn = bench.start({ a: 1 });
    await vi.advanceTimersByTimeAsync(60_000);
    const next = await killAndResume();
    await vi.advanceTimersByTimeAsync(39_999);
    expect((await next.describe(arn)).status).toBe('RUNNING');
    await vi.advanceTimersByTimeAsync(1);
    const { output, startDate, stopDate = 0 } = await next.end(arn);
    expect(output).toEqual({ a: 1 });
    expect(stopDate - startDate).toBeCloseTo(100, 3);
  });

  it('a Wait that ended while nothing ran is over at once', async () => {
    const { bench, killAndResume } = openOnFiles(
      machine({ S: { Type: 'Wait', Seconds: 100, Next: 'T' }, T: { Type: 'Succeed' } }),
    );
    const arn = bench.start();
    await until(async () => (await lastType(bench, arn)) === 'WaitStateEntered');
    await bench.states.close();
    vi.setSystemTime(Date.now() + 500_000);
    const next = await killAndResume();
    expect((await next.describe(arn)).status).toBe('SUCCEEDED');
  });

  it('a token can still be answered, and nothing is called again', async () => {
    const { bench, killAndResume } = openOnFiles(machine({ S: { ...callForToken('ask'), End: true } }));
    const arn = bench.start();
    await until(async () => (await lastType(bench, arn)) === 'TaskSubmitted');
    const next = await killAndResume();
    const [taskToken] = tokensOf(bench);
    await next.states.api('SendTaskSuccess', { taskToken, output: '"yes"' });
    expect(await next.end(arn)).toMatchObject({ output: 'yes' });
    expect(next.calls).toEqual([]);
  });

  it('a token whose function was still running is handed out again, the same one', async () => {
    const never = { ask: () => new Promise(() => {}) };
    const { bench, killAndResume } = openOnFiles(
      machine({ S: { ...callForToken('ask'), End: true } }),
      never,
    );
    bench.start();
    await until(() => bench.calls.length === 1);
    const next = await killAndResume({});
    await until(() => next.calls.length === 1);
    expect(next.calls).toEqual(bench.calls);
  });

  it("a task's and a machine's timeout still come, on time", async () => {
    const { bench, killAndResume } = openOnFiles(
      machine(
        {
          S: {
            ...callForToken('ask'),
            TimeoutSeconds: 50,
            Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'W' }],
            End: true,
          },
          W: { Type: 'Wait', Seconds: 1000, Next: 'E' },
          E: { Type: 'Succeed' },
        },
        { TimeoutSeconds: 70 },
      ),
    );
    const arn = bench.start();
    await vi.advanceTimersByTimeAsync(40_000);
    const next = await killAndResume();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await lastType(next, arn)).toBe('WaitStateEntered');
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await next.end(arn)).toMatchObject({ status: 'TIMED_OUT' });
  });

  it('a task in flight is called again (at least once), with the same arguments', async () => {
    const { bench, killAndResume } = openOnFiles(
      machine({
        S: { ...call('f', { id: '{% $uuid() %}' }), Output: '{% $states.result.Payload %}', End: true },
      }),
      { f: () => new Promise(() => {}) },
    );
    const arn = bench.start();
    await until(() => bench.calls.length === 1);
    const next = await killAndResume({ f: () => 'second' });
    expect((await next.end(arn)).output).toBe('second');
    expect(next.calls).toEqual(bench.calls);
  });

  it('tries that were used stay used', async () => {
    const functions = { f: failing('E') };
    const { bench, killAndResume } = openOnFiles(
      machine({
        S: { ...call('f'), Retry: [{ ErrorEquals: ['E'], MaxAttempts: 3, BackoffRate: 1 }], End: true },
      }),
      functions,
    );
    const arn = bench.start();
    await until(async () => (await lastType(bench, arn)) === 'TaskFailed');
    await vi.advanceTimersByTimeAsync(1_000);
    await until(() => bench.calls.length === 2);
    await until(async () => (await lastType(bench, arn)) === 'TaskFailed');
    const next = await killAndResume();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await next.end(arn)).toMatchObject({ status: 'FAILED', error: 'E' });
    expect(bench.calls.length + next.calls.length).toBe(4);
  });

  it('each branch of a Map goes on where it was; those that were done stay done', async () => {
    const definition = machine({
      V: { Type: 'Pass', Assign: { base: 10 }, Next: 'M' },
      M: {
        Type: 'Map',
        Items: [1, 2, 3, 4],
        MaxConcurrency: 3,
        ItemProcessor: block({
          First: {
            ...call('first', '{% $states.input %}'),
            Assign: { got: '{% $states.result.Payload %}' },
            Next: 'Ask',
          },
          Ask: {
            ...callForToken('ask', { item: '{% $states.context.Map.Item.Value %}' }),
            Output: '{% $got + $base + $states.result %}',
            End: true,
          },
        }),
        End: true,
      },
    });
    const { bench, killAndResume } = openOnFiles(definition, {
      // The second item's function never comes back.
      first: (n: number) => (n === 2 ? new Promise(() => {}) : n * 100),
    });
    const arn = bench.start();
    await until(() => tokenOfItem(bench, 1) !== undefined && tokenOfItem(bench, 3) !== undefined);
    await answer(bench, tokenOfItem(bench, 1), 1);
    await until(() => tokenOfItem(bench, 4) !== undefined);
    const next = await killAndResume({ first: (n: number) => n * 1000 });
    await until(() => tokenOfItem(next, 2) !== undefined);
    expect(next.calls.filter(({ name }) => name === 'first')).toEqual([{ name: 'first', payload: 2 }]);
    await answer(next, tokenOfItem(next, 2), 2);
    await answer(next, tokenOfItem(bench, 3), 3);
    await answer(next, tokenOfItem(bench, 4), 4);
    expect((await next.end(arn)).output).toEqual([111, 2012, 313, 414]);
  });

  it('an execution keeps the definition it began with; the next one has the new one', async () => {
    const wait = { Type: 'Wait', Seconds: 10, Next: 'T' };
    const version = (Output: string): object => machine({ S: wait, T: { Type: 'Succeed', Output } });
    const { bench, killAndResume } = openOnFiles(version('old'));
    const arn = bench.start();
    await until(async () => (await lastType(bench, arn)) === 'WaitStateEntered');
    const next = await killAndResume({}, version('new'));
    const second = next.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect((await next.end(arn)).output).toBe('old');
    expect((await next.end(second)).output).toBe('new');
  });

  it('what is over is still known, and its name still taken', async () => {
    const { bench, killAndResume } = openOnFiles(machine({ S: { Type: 'Pass', End: true } }));
    const arn = bench.start({ a: 1 }, 'one');
    await bench.end(arn);
    const next = await killAndResume();
    expect(await next.describe(arn)).toMatchObject({ status: 'SUCCEEDED', output: { a: 1 } });
    expect((await next.history(arn)).at(-1)).toMatchObject({ type: 'ExecutionSucceeded' });
    expect(() => next.start({ a: 1 }, 'one')).toThrow('Already Exists');
    expect(next.said).toEqual([]);
  });
});
