import { describe, expect, it } from 'vitest';
import { block, call, failing, machine, openBench } from './testbench.ts';

/** Runs a machine to its end. */
const outcome = async (
  states: Record<string, object>,
  input: unknown = {},
  functions: Parameters<typeof openBench>[1] = {},
): Promise<unknown> => {
  const bench = openBench(machine(states), functions, { waitScale: 1000 });
  const { status, output, error } = await bench.run(input);
  await bench.states.close();
  return status === 'SUCCEEDED' ? output : `${status} ${error}`;
};

describe('what a state gives on', () => {
  it.each([
    ['Pass gives its input', { S: { Type: 'Pass', End: true } }, { a: 1 }],
    ['Succeed gives its input', { S: { Type: 'Succeed' } }, { a: 1 }],
    ['Succeed may have an Output', { S: { Type: 'Succeed', Output: '{% $states.input.a + 1 %}' } }, 2],
    [
      'Output replaces it',
      { S: { Type: 'Pass', Output: { b: '{% $states.input.a %}' }, End: true } },
      { b: 1 },
    ],
    [
      'Output may be any JSON',
      { S: { Type: 'Pass', Output: [1, '{% $states.input.a %}', ''], End: true } },
      [1, 1, ''],
    ],
    ['null is a value', { S: { Type: 'Pass', Output: '{% null %}', End: true } }, null],
    [
      'text without braces is text',
      { S: { Type: 'Pass', Output: '$states.input', End: true } },
      '$states.input',
    ],
    [
      'a Task gives its result',
      { S: { ...call('double', { n: '{% $states.input.a %}' }), End: true } },
      { StatusCode: 200, Payload: 2 },
    ],
    [
      'and its Output sees the result and the input',
      {
        S: {
          ...call('double', { n: 4 }),
          Output: '{% $states.result.Payload + $states.input.a %}',
          End: true,
        },
      },
      9,
    ],
    [
      'Wait gives its input',
      { S: { Type: 'Wait', Seconds: 1, Next: 'T' }, T: { Type: 'Succeed' } },
      { a: 1 },
    ],
    [
      'Parallel gives the results in the order of its branches',
      {
        S: {
          Type: 'Parallel',
          Branches: [
            block({
              A: { Type: 'Wait', Seconds: 2, Next: 'B' },
              B: { Type: 'Pass', Output: 'a', End: true },
            }),
            block({ C: { Type: 'Pass', End: true } }),
          ],
          End: true,
        },
      },
      ['a', { a: 1 }],
    ],
    [
      'Arguments of a Parallel are the input of every branch',
      {
        S: {
          Type: 'Parallel',
          Arguments: { x: '{% $states.input.a %}' },
          Branches: [block({ A: { Type: 'Pass', End: true } })],
          End: true,
        },
      },
      [{ x: 1 }],
    ],
    [
      'Map gives a result per item',
      {
        S: {
          Type: 'Map',
          Items: [5, 6],
          ItemProcessor: block({ A: { Type: 'Pass', Output: '{% $states.input * 2 %}', End: true } }),
          End: true,
        },
      },
      [10, 12],
    ],
    [
      'ItemSelector shapes each item; the context names item and index, inside the processor, too',
      {
        S: {
          Type: 'Map',
          Items: "{% ['x', 'y'] %}",
          ItemSelector: {
            value: '{% $states.context.Map.Item.Value %}',
            index: '{% $states.context.Map.Item.Index %}',
            all: '{% $states.input.a %}',
          },
          ItemProcessor: block({
            A: {
              Type: 'Pass',
              Output: { got: '{% $states.input %}', again: '{% $states.context.Map.Item.Value %}' },
              End: true,
            },
          }),
          End: true,
        },
      },
      [
        { got: { value: 'x', index: 0, all: 1 }, again: 'x' },
        { got: { value: 'y', index: 1, all: 1 }, again: 'y' },
      ],
    ],
    [
      'a Map over nothing gives nothing',
      {
        S: {
          Type: 'Map',
          Items: [],
          ItemProcessor: block({ A: { Type: 'Pass', End: true } }),
          End: true,
        },
      },
      [],
    ],
  ])('%s', async (_, states, expected) => {
    expect(await outcome(states, { a: 1 }, { double: ({ n }: { n: number }) => n * 2 })).toEqual(expected);
  });
});

describe('Choice', () => {
  const choices = {
    Choose: {
      Type: 'Choice',
      Choices: [
        { Condition: '{% $states.input.n > 10 %}', Next: 'End', Output: 'many', Assign: { size: 'big' } },
        { Condition: '{% $states.input.n > 5 %}', Next: 'End' },
      ],
      Default: 'End',
      Output: 'few',
      Assign: { size: 'small' },
    },
    End: {
      Type: 'Pass',
      Output: { in: '{% $states.input %}', size: "{% $exists($size) ? $size : 'unset' %}" },
      End: true,
    },
  };
  it.each([
    ['the first rule that holds decides, with its own Output and Assign', 11, { in: 'many', size: 'big' }],
    ['a rule without them gives the input', 6, { in: { n: 6 }, size: 'unset' }],
    ["the state's own belong to its Default", 1, { in: 'few', size: 'small' }],
  ])('%s', async (_, n, expected) => {
    expect(await outcome(choices, { n })).toEqual(expected);
  });

  it.each([
    ['no rule and no Default', '{% false %}', 'FAILED States.NoChoiceMatched'],
    ['a condition that is no boolean', '{% 1 %}', 'FAILED States.QueryEvaluationError'],
  ])('fails: %s', async (_, Condition, expected) => {
    const states = {
      C: { Type: 'Choice', Choices: [{ Condition, Next: 'E' }] },
      E: { Type: 'Succeed' },
    };
    expect(await outcome(states)).toBe(expected);
  });
});

describe('variables', () => {
  it('are seen from the next state on; in one Assign all see the old values', async () => {
    expect(
      await outcome(
        {
          A: { Type: 'Pass', Assign: { x: 1, y: '{% $states.input.a %}' }, Next: 'B' },
          B: {
            Type: 'Pass',
            Assign: { x: '{% $x + $y %}', y: '{% $x %}' },
            Output: '{% $x %}',
            Next: 'C',
          },
          C: { Type: 'Pass', Output: '{% [$states.input, $x, $y] %}', End: true },
        },
        { a: 5 },
      ),
    ).toEqual([1, 6, 1]);
  });

  it('of outer scopes are read in a Map in a Parallel; inner ones stay inside', async () => {
    const inner = {
      Type: 'Map',
      Items: '{% $numbers %}',
      ItemProcessor: block({
        In: { Type: 'Pass', Assign: { mine: '{% $states.input + $base %}' }, Next: 'Out' },
        Out: {
          ...call('echo', { v: '{% $mine + $branch %}' }),
          Output: '{% $states.result.Payload.v %}',
          End: true,
        },
      }),
      Assign: { sum: '{% $sum($states.result) %}' },
      Next: 'Sum',
    };
    expect(
      await outcome(
        {
          Set: { Type: 'Pass', Assign: { base: 100, numbers: [1, 2, 3] }, Next: 'Both' },
          Both: {
            Type: 'Parallel',
            Branches: [
              block({
                Mark: { Type: 'Pass', Assign: { branch: 1000 }, Next: 'Each' },
                Each: inner,
                Sum: { Type: 'Pass', Output: '{% $sum %}', End: true },
              }),
              block({
                Look: { Type: 'Pass', Output: '{% $exists($branch) or $exists($mine) %}', End: true },
              }),
            ],
            Next: 'After',
          },
          After: { Type: 'Pass', Output: ['{% $states.input %}', '{% $exists($sum) %}'], End: true },
        },
        {},
        { echo: (payload: unknown) => payload },
      ),
      // $sum is JSONata's function where no variable of that name is in sight.
    ).toEqual([[3306, false], true]);
  });
});

describe('the context', () => {
  it('names execution, state and machine', async () => {
    const bench = openBench(machine({ S: { Type: 'Pass', Output: '{% $states.context %}', End: true } }));
    const arn = bench.start({ a: 1 }, 'one');
    const { output, startDate } = await bench.end(arn);
    expect(output).toEqual({
      Execution: {
        Id: arn,
        Input: { a: 1 },
        Name: 'one',
        RoleArn: 'arn:aws:iam::000000000000:role/machine',
        StartTime: new Date(startDate * 1000).toISOString(),
        RedriveCount: 0,
      },
      State: { EnteredTime: expect.stringMatching(/^\d{4}-/) as string, Name: 'S', RetryCount: 0 },
      StateMachine: {
        Id: 'arn:aws:states:eu-central-1:000000000000:stateMachine:Machine',
        Name: 'Machine',
      },
    });
  });
});

describe("JSONata's functions in Step Functions", () => {
  it.each([
    ['$parse', '{% $parse(\'{"a":[1]}\').a %}', [1]],
    ['$range', '{% $range(0, 10, 5) %}', [0, 5, 10]],
    ['$partition', '{% $partition([1,2,3], 2) %}', [[1, 2], [3]]],
    ['$hash', "{% $hash('x', 'SHA-1') %}", '11f6ad8ec52a2984abaafd7c3b516503785c2072'],
    ['$random of a seed repeats', '{% $random(7) = $random(7) %}', true],
    ['$uuid', '{% $length($uuid()) %}', 36],
    ['$lookup on a variable map', "{% $lookup({'a': 'A'}, 'a') %}", 'A'],
    ['$eval is not there', "{% $eval('1') %}", 'FAILED States.QueryEvaluationError'],
    ['a function is no value', '{% function($x) { $x } %}', 'FAILED States.QueryEvaluationError'],
    ['nothing is no value', '{% $states.input.missing %}', 'FAILED States.QueryEvaluationError'],
    ['an error', "{% $error('no') %}", 'FAILED States.QueryEvaluationError'],
    [
      'endless recursion',
      '{% ($f := function() { 1 + $f() }; $f()) %}',
      'FAILED States.QueryEvaluationError',
    ],
  ])('%s', async (_, Output, expected) => {
    expect(await outcome({ S: { Type: 'Pass', Output, End: true } })).toEqual(expected);
  });
});

describe('Fail', () => {
  it('says its Error and Cause, which may be expressions', async () => {
    const bench = openBench(
      machine({ S: { Type: 'Fail', Error: 'Mine', Cause: "{% 'got ' & $states.input.a %}" } }),
    );
    expect(await bench.run({ a: 1 })).toMatchObject({ status: 'FAILED', error: 'Mine', cause: 'got 1' });
  });

  it('in a branch fails the Parallel with that error and stops the other branches', async () => {
    const states = {
      P: {
        Type: 'Parallel',
        Branches: [
          block({ A: { Type: 'Fail', Error: 'Mine', Cause: 'c' } }),
          block({ B: { Type: 'Wait', Seconds: 10_000_000, Next: 'X' }, X: { Type: 'Succeed' } }),
        ],
        Catch: [{ ErrorEquals: ['Mine'], Next: 'Caught' }],
        End: true,
      },
      Caught: { Type: 'Pass', End: true },
    };
    expect(await outcome(states)).toEqual({ Error: 'Mine', Cause: 'c' });
  });
});

describe('limits', () => {
  it.each([
    ['an Output over 256 KiB', { S: { Type: 'Pass', Output: "{% $pad('', 262143, 'x') %}", End: true } }],
    ['a result over 256 KiB', { S: { ...call('much'), Output: 1, End: true } }],
    [
      'and States.ALL does not catch it',
      {
        S: {
          ...call('much'),
          Catch: [{ ErrorEquals: ['States.ALL'], Next: 'T' }],
          Next: 'T',
        },
        T: { Type: 'Succeed' },
      },
    ],
  ])('%s is States.DataLimitExceeded', async (_, states) => {
    expect(await outcome(states, {}, { much: () => 'x'.repeat(262_144) })).toBe(
      'FAILED States.DataLimitExceeded',
    );
  });

  it('256 KiB are fine', async () => {
    const states = { S: { Type: 'Pass', Output: "{% $pad('', 262142, 'x') %}", End: true } };
    expect(await outcome(states)).toHaveLength(262_142);
  });

  it('25,000 events end an execution, even of an endless loop without tasks', async () => {
    const bench = openBench(
      machine({
        S: { Type: 'Pass', Next: 'Again' },
        Again: { Type: 'Choice', Choices: [{ Condition: '{% false %}', Next: 'Out' }], Default: 'S' },
        Out: { Type: 'Succeed' },
      }),
    );
    const arn = bench.start();
    expect(await bench.end(arn)).toMatchObject({ status: 'FAILED', error: 'States.Runtime' });
    const events = await bench.history(arn);
    expect(events).toHaveLength(1000);
    expect(events.at(-1)).toMatchObject({ id: 25_000, type: 'ExecutionFailed' });
  });
});

describe('MaxConcurrency', () => {
  it.each([
    ['2', 2, 2],
    ["'{% 1 + 2 %}'", '{% 1 + 2 %}', 3],
    ['0, which is as many as AWS runs: 40', 0, 40],
  ])('%s', async (_, MaxConcurrency, expected) => {
    let now = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((resolve) => setTimeout(resolve, 1));
      now -= 1;
    };
    const states = {
      S: {
        Type: 'Map',
        Items: '{% [1..45] %}',
        MaxConcurrency,
        ItemProcessor: block({ W: { ...call('work'), Output: '{% $states.input %}', End: true } }),
        Output: '{% $count($states.result) %}',
        End: true,
      },
    };
    expect(await outcome(states, {}, { work })).toBe(45);
    expect(most).toBe(expected);
  });
});

it('a failing function is its error type, with what Lambda says as cause', async () => {
  const bench = openBench(machine({ S: { ...call('f'), End: true } }), {
    f: failing('Superseded', 'somebody else'),
  });
  const { status, error, cause = '' } = await bench.run();
  expect([status, error]).toEqual(['FAILED', 'Superseded']);
  expect(JSON.parse(cause)).toMatchObject({
    errorType: 'Superseded',
    errorMessage: 'somebody else',
    trace: expect.any(Array) as unknown,
  });
});
