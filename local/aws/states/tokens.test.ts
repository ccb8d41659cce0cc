import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { block, callForToken, failing, machine, openBench, until, type Bench } from './testbench.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const waiting = (more: object = {}): object => machine({ S: { ...callForToken('ask'), ...more, End: true } });

const tokenOf = (bench: Bench, call = 0): string =>
  (bench.calls[call]?.payload as { token: string } | undefined)?.token ?? '';

/** Starts, and waits until the function has been asked. */
async function ask(bench: Bench): Promise<{ arn: string; token: string }> {
  const arn = bench.start();
  await until(async () => (await bench.history(arn)).at(-1)?.type === 'TaskSubmitted');
  return { arn, token: tokenOf(bench) };
}

const success = (bench: Bench, taskToken: string, output: unknown): Promise<unknown> =>
  bench.states.api('SendTaskSuccess', { taskToken, output: JSON.stringify(output) });
const failure = (bench: Bench, taskToken: string): Promise<unknown> =>
  bench.states.api('SendTaskFailure', { taskToken, error: 'Mine', cause: 'because' });
const heartbeat = (bench: Bench, taskToken: string): Promise<unknown> =>
  bench.states.api('SendTaskHeartbeat', { taskToken });

describe('a task with a token', () => {
  it("ends with the answer as its result; the function's own result is nothing", async () => {
    const bench = openBench(waiting({ Output: { got: '{% $states.result %}' } }), { ask: () => 'ignored' });
    const { arn, token } = await ask(bench);
    expect(await success(bench, token, { ok: 1 })).toEqual({});
    expect((await bench.end(arn)).output).toEqual({ got: { ok: 1 } });
  });

  it('fails with the error of SendTaskFailure', async () => {
    const bench = openBench(waiting());
    const { arn, token } = await ask(bench);
    expect(await failure(bench, token)).toEqual({});
    expect(await bench.end(arn)).toMatchObject({ status: 'FAILED', error: 'Mine', cause: 'because' });
  });

  it('may be answered while the function still runs; how that ends is nothing, then', async () => {
    let bench: Bench | undefined;
    const opened = openBench(waiting(), {
      ask: async ({ token }: { token: string }) => {
        if (bench !== undefined) await success(bench, token, 'early');
        failing('TooLate')();
      },
    });
    bench = opened;
    expect(await opened.run()).toMatchObject({ status: 'SUCCEEDED', output: 'early' });
  });

  it('fails when the function fails first', async () => {
    const bench = openBench(waiting(), { ask: failing('Mine') });
    expect(await bench.run()).toMatchObject({ status: 'FAILED', error: 'Mine' });
    await expect(success(bench, tokenOf(bench), 1)).rejects.toThrow('does not exist anymore');
  });

  it('gets another token with each try', async () => {
    const bench = openBench(waiting({ Retry: [{ ErrorEquals: ['Mine'] }] }));
    const { arn, token } = await ask(bench);
    await failure(bench, token);
    await vi.advanceTimersByTimeAsync(1_000);
    await until(() => bench.calls.length === 2);
    expect(tokenOf(bench, 1)).not.toBe(token);
    await expect(success(bench, token, 1)).rejects.toMatchObject({ name: 'TaskTimedOut' });
    await success(bench, tokenOf(bench, 1), 2);
    expect((await bench.end(arn)).output).toBe(2);
  });

  it('is one of many in a Map', async () => {
    const bench = openBench(
      machine({
        M: {
          Type: 'Map',
          Items: ['a', 'b'],
          ItemProcessor: block({ S: { ...callForToken('ask'), End: true } }),
          End: true,
        },
      }),
    );
    const arn = bench.start();
    await until(() => bench.calls.length === 2);
    await success(bench, tokenOf(bench, 1), 'second');
    await success(bench, tokenOf(bench, 0), 'first');
    expect((await bench.end(arn)).output).toEqual(['first', 'second']);
  });
});

describe('an answer is refused', () => {
  const gone = { name: 'TaskTimedOut' };
  it.each([
    ['the second time', async (bench: Bench, token: string) => success(bench, token, 1), gone],
    ['after the timeout', async () => vi.advanceTimersByTimeAsync(10_000), gone],
    [
      'after the execution was stopped',
      async (bench: Bench, _: string, arn: string) =>
        bench.states.api('StopExecution', { executionArn: arn }),
      gone,
    ],
  ])('%s', async (_, before, expected) => {
    const bench = openBench(waiting({ TimeoutSeconds: 10 }));
    const { arn, token } = await ask(bench);
    await before(bench, token, arn);
    await expect(success(bench, token, 2)).rejects.toMatchObject(expected);
    await expect(failure(bench, token)).rejects.toMatchObject(expected);
    await expect(heartbeat(bench, token)).rejects.toMatchObject(expected);
  });

  it('when its time is over even though no timer has fired yet', async () => {
    const bench = openBench(waiting({ TimeoutSeconds: 10 }));
    const { arn, token } = await ask(bench);
    vi.setSystemTime(Date.now() + 10_000);
    await expect(success(bench, token, 2)).rejects.toMatchObject(gone);
    expect(await bench.end(arn)).toMatchObject({ status: 'FAILED', error: 'States.Timeout' });
  });

  it.each([
    ['of what never was a token', 'nonsense', 'InvalidToken'],
    [
      'of an execution that nobody knows',
      Buffer.from(JSON.stringify(['arn:x', 0, 'n'])).toString('base64url'),
      'TaskDoesNotExist',
    ],
  ])('%s', async (_, token, name) => {
    const bench = openBench(waiting());
    await expect(success(bench, token, 1)).rejects.toMatchObject({ name });
    await expect(heartbeat(bench, token)).rejects.toMatchObject({ name });
  });

  it('that is no JSON', async () => {
    const bench = openBench(waiting());
    const { token } = await ask(bench);
    await expect(
      bench.states.api('SendTaskSuccess', { taskToken: token, output: '{' }),
    ).rejects.toMatchObject({ name: 'InvalidOutput' });
    await success(bench, token, 'still open');
  });
});

it('just before the timeout an answer counts', async () => {
  const bench = openBench(waiting({ TimeoutSeconds: 10 }), {}, { waitScale: 1000 });
  const { arn, token } = await ask(bench);
  await vi.advanceTimersByTimeAsync(9_990);
  await success(bench, token, 'in time');
  expect((await bench.end(arn)).output).toBe('in time');
});

it('heartbeats hold a task open; without one in time it is States.HeartbeatTimeout', async () => {
  const bench = openBench(
    machine({
      S: {
        ...callForToken('ask'),
        HeartbeatSeconds: 10,
        Catch: [{ ErrorEquals: ['States.Timeout'], Output: '{% $states.errorOutput.Error %}', Next: 'C' }],
        End: true,
      },
      C: { Type: 'Succeed' },
    }),
  );
  const { arn, token } = await ask(bench);
  const begun = Date.now();
  for (let beat = 0; beat < 3; beat += 1) {
    await vi.advanceTimersByTimeAsync(8_000);
    await heartbeat(bench, token);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  const { output, stopDate = 0 } = await bench.end(arn);
  expect(output).toBe('States.HeartbeatTimeout');
  expect(stopDate * 1000 - begun).toBe(34_000);
});
