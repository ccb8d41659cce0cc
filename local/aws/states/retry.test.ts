import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { namesError } from './failures.ts';
import { block, call, failing, machine, openBench, until } from './testbench.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

describe('which names an error answers to', () => {
  it.each([
    [['Mine'], 'Mine', true],
    [['Other'], 'Mine', false],
    [['States.ALL'], 'Mine', true],
    [['States.ALL'], 'States.Timeout', true],
    [['States.ALL'], 'States.DataLimitExceeded', false],
    [['States.DataLimitExceeded'], 'States.DataLimitExceeded', true],
    [['States.ALL'], 'States.Runtime', false],
    [['States.Runtime'], 'States.Runtime', false],
    [['States.TaskFailed'], 'Mine', true],
    [['States.TaskFailed'], 'States.QueryEvaluationError', true],
    [['States.TaskFailed'], 'States.Timeout', false],
    [['States.TaskFailed'], 'States.HeartbeatTimeout', false],
    [['States.Timeout'], 'States.HeartbeatTimeout', true],
    [['States.HeartbeatTimeout'], 'States.Timeout', false],
  ])('%j and %s: %s', (names, error, expected) => {
    expect(namesError(names, error)).toBe(expected);
  });
});

/** Runs a Task that always fails with these errors in turn. @returns when it was called, in seconds from the start. */
async function tries(
  Retry: object[],
  errors: string[],
  options: { waitScale?: number; random?: () => number } = {},
): Promise<{ at: number[]; error: string | undefined }> {
  const at: number[] = [];
  const begun = Date.now();
  const bench = openBench(
    machine({ S: { ...call('f'), Retry, End: true } }),
    {
      f: () => {
        at.push((Date.now() - begun) / 1000);
        return failing(errors[at.length - 1] ?? errors.at(-1) ?? 'E')();
      },
    },
    options,
  );
  const arn = bench.start();
  const end = bench.end(arn);
  await vi.advanceTimersByTimeAsync(3_600_000);
  const { error } = await end;
  return { at, error };
}

describe('Retry', () => {
  it.each([
    ['the defaults: 3 more, after 1, 2 and 4 s', {}, [0, 1, 3, 7]],
    ['interval and rate', { IntervalSeconds: 3, BackoffRate: 1, MaxAttempts: 2 }, [0, 3, 6]],
    ['at most MaxDelaySeconds', { IntervalSeconds: 2, MaxDelaySeconds: 3, MaxAttempts: 3 }, [0, 2, 5, 8]],
    ['MaxAttempts 0 is none', { MaxAttempts: 0 }, [0]],
    ['full jitter is a part of the delay', { JitterStrategy: 'FULL', IntervalSeconds: 4 }, [0, 1, 3, 7]],
  ])('%s', async (_, retrier, expected) => {
    const { at, error } = await tries([{ ErrorEquals: ['States.ALL'], ...retrier }], ['E'], {
      random: () => 0.25,
    });
    expect(at).toEqual(expected);
    expect(error).toBe('E');
  });

  it('is scaled as waits are', async () => {
    const { at } = await tries([{ ErrorEquals: ['E'] }], ['E'], { waitScale: 10 });
    expect(at).toEqual([0, 0.1, 0.3, 0.7]);
  });

  it('counts per retrier; the first that names the error decides alone', async () => {
    const { at, error } = await tries(
      [
        { ErrorEquals: ['A', 'B'], IntervalSeconds: 1, BackoffRate: 2, MaxAttempts: 2 },
        { ErrorEquals: ['C'], IntervalSeconds: 5 },
        { ErrorEquals: ['States.ALL'], IntervalSeconds: 100 },
      ],
      ['A', 'B', 'C', 'B'],
    );
    expect(at).toEqual([0, 1, 3, 8]);
    expect(error).toBe('B');
  });

  it('shows its count in the context, and begins at 0 in the next state', async () => {
    const bench = openBench(
      machine({
        S: {
          ...call('f', '{% $states.context.State.RetryCount %}'),
          Retry: [{ ErrorEquals: ['E'] }],
          Next: 'T',
        },
        T: { ...call('g', '{% $states.context.State.RetryCount %}'), End: true },
      }),
      { f: (count: number) => (count < 2 ? failing('E')() : count) },
    );
    const arn = bench.start();
    await vi.advanceTimersByTimeAsync(10_000);
    await bench.end(arn);
    expect(bench.calls.map(({ payload }) => payload)).toEqual([0, 1, 2, 0]);
  });

  it('repeats a whole Map', async () => {
    let calls = 0;
    const bench = openBench(
      machine({
        M: {
          Type: 'Map',
          Items: [1, 2],
          ItemProcessor: block({ S: { ...call('f'), Output: '{% $states.result.Payload %}', End: true } }),
          Retry: [{ ErrorEquals: ['E'] }],
          End: true,
        },
      }),
      {
        f: () => {
          calls += 1;
          return calls === 2 ? failing('E')() : calls;
        },
      },
    );
    const arn = bench.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await bench.end(arn)).output).toEqual([3, 4]);
  });
});

const caught = (Catch: object[]): object =>
  machine({
    S: { ...call('f'), Catch, Output: 'unused', Assign: { unused: 1 }, Next: 'Never' },
    Never: { Type: 'Fail' },
    C: {
      Type: 'Pass',
      Output: { in: '{% $states.input %}', v: "{% $exists($v) ? $v : 'unset' %}" },
      End: true,
    },
  });

describe('Catch', () => {
  const functions = {
    f: () => {
      throw Object.assign(new Error('m', { cause: 'why' }), { name: 'E' });
    },
  };

  it.each([
    ['gives the error output', { ErrorEquals: ['E'] }, { in: { Error: 'E', Cause: 'why' }, v: 'unset' }],
    [
      'Output and Assign see $states.errorOutput and the input',
      {
        ErrorEquals: ['States.ALL'],
        Output: "{% $states.errorOutput.Cause & ' ' & $states.input.a %}",
        Assign: { v: '{% $states.errorOutput.Error %}' },
      },
      { in: 'why 1', v: 'E' },
    ],
  ])('%s', async (_, catcher, expected) => {
    const bench = openBench(caught([{ ...catcher, Next: 'C' }]), functions);
    expect((await bench.run({ a: 1 })).output).toEqual(expected);
  });

  it('the first that names the error; none, and the execution fails', async () => {
    const both = [
      { ErrorEquals: ['Other'], Next: 'C' },
      { ErrorEquals: ['States.TaskFailed'], Next: 'C', Output: 'second' },
    ];
    expect(await openBench(caught(both), functions).run({ a: 1 })).toMatchObject({
      output: { in: 'second' },
    });
    expect(await openBench(caught(both.slice(0, 1)), functions).run()).toMatchObject({
      status: 'FAILED',
      error: 'E',
      cause: 'why',
    });
  });

  it("comes after the retries, and takes an expression's failure, too", async () => {
    const bench = openBench(
      machine({
        S: {
          ...call('f'),
          Output: '{% $states.result.missing %}',
          Retry: [{ ErrorEquals: ['States.QueryEvaluationError'], MaxAttempts: 1 }],
          Catch: [{ ErrorEquals: ['States.QueryEvaluationError'], Next: 'C' }],
          End: true,
        },
        C: { Type: 'Pass', Output: '{% $states.input.Error %}', End: true },
      }),
    );
    const arn = bench.start();
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await bench.end(arn)).output).toBe('States.QueryEvaluationError');
    expect(bench.calls).toHaveLength(2);
    const types = (await bench.history(arn)).map(({ type }) => type);
    expect(types.filter((type) => type === 'EvaluationFailed')).toHaveLength(2);
  });

  it('that fails itself fails the state', async () => {
    const bench = openBench(
      caught([{ ErrorEquals: ['States.ALL'], Output: '{% $nothing %}', Next: 'C' }]),
      functions,
    );
    expect(await bench.run()).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});

describe('timeouts are not scaled', () => {
  it('of a task: States.Timeout, and its late result changes nothing', async () => {
    let answer: ((value: string) => void) | undefined;
    const bench = openBench(
      machine({
        S: {
          ...call('slow'),
          TimeoutSeconds: '{% 2 + 3 %}',
          Catch: [{ ErrorEquals: ['States.Timeout'], Next: 'T' }],
          End: true,
        },
        T: { Type: 'Wait', Seconds: 100_000, Next: 'U' },
        U: { Type: 'Succeed' },
      }),
      { slow: () => new Promise((resolve) => (answer = resolve)) },
      { waitScale: 100 },
    );
    const arn = bench.start();
    await vi.advanceTimersByTimeAsync(4_999);
    expect((await bench.history(arn)).at(-1)?.type).toBe('TaskStarted');
    await vi.advanceTimersByTimeAsync(1);
    await until(async () => (await bench.history(arn)).at(-1)?.type === 'WaitStateEntered');
    answer?.('late');
    await vi.advanceTimersByTimeAsync(1_000_000);
    expect((await bench.end(arn)).output).toEqual({ Error: 'States.Timeout', Cause: '' });
    expect((await bench.history(arn)).map(({ type }) => type)).toContain('TaskTimedOut');
  });

  it('of the machine: TIMED_OUT, whatever it was doing', async () => {
    const bench = openBench(
      machine(
        { S: { Type: 'Wait', Seconds: 100, Next: 'T' }, T: { Type: 'Succeed' } },
        { TimeoutSeconds: 9 },
      ),
    );
    const arn = bench.start({ a: 1 });
    await vi.advanceTimersByTimeAsync(9_000);
    expect(await bench.end(arn)).toMatchObject({ status: 'TIMED_OUT' });
    expect(bench.said).toMatchObject([{ status: 'TIMED_OUT', input: '{"a":1}', output: null }]);
    expect((await bench.history(arn)).at(-1)?.type).toBe('ExecutionTimedOut');
  });
});

describe('Wait', () => {
  it.each([
    ['Seconds', { Seconds: 30 }, 30],
    ['an expression', { Seconds: '{% $states.input.n * 2 %}' }, 20],
    ['a timestamp', { Timestamp: '2030-01-01T00:00:40Z' }, 40],
    ['a timestamp by expression', { Timestamp: "{% '2030-01-01T01:00:05.5+01:00' %}" }, 5.5],
    ['a timestamp that is over', { Timestamp: '2020-01-01T00:00:00Z' }, 0],
    ['no time', { Seconds: 0 }, 0],
  ])('%s', async (_, wait, seconds) => {
    vi.setSystemTime(new Date('2030-01-01T00:00:00Z'));
    const bench = openBench(machine({ S: { Type: 'Wait', ...wait, Next: 'T' }, T: { Type: 'Succeed' } }));
    const arn = bench.start({ n: 10 });
    await vi.advanceTimersByTimeAsync(60_000);
    const { startDate, stopDate = 0 } = await bench.end(arn);
    expect(stopDate - startDate).toBeCloseTo(seconds, 3);
  });

  it.each([
    ['a fraction', { Seconds: '{% 1.5 %}' }],
    ['text', { Seconds: "{% '1' %}" }],
    ['less than nothing', { Seconds: '{% -1 %}' }],
    ['a date without time', { Timestamp: "{% '2030-01-01' %}" }],
  ])('fails: %s', async (_, wait) => {
    const bench = openBench(machine({ S: { Type: 'Wait', ...wait, Next: 'T' }, T: { Type: 'Succeed' } }));
    expect(await bench.run()).toMatchObject({ status: 'FAILED', error: 'States.QueryEvaluationError' });
  });
});
