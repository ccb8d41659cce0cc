import { describe, expect, it } from 'vitest';
import { openDisk } from '../../disk.ts';
import { block, call, failing, machine, machineArn, openBench, until } from './testbench.ts';

const passing = machine({ S: { Type: 'Pass', End: true } });
const endless = machine({ S: { Type: 'Wait', Seconds: 1_000_000, Next: 'T' }, T: { Type: 'Succeed' } });
const executionArn = 'arn:aws:states:eu-central-1:000000000000:execution:Machine:one';

const start = (bench: ReturnType<typeof openBench>, input: string, name = 'one'): Promise<unknown> =>
  bench.states.api('StartExecution', { stateMachineArn: machineArn, name, input });

describe('StartExecution', () => {
  it('answers ARN and date; the same name and input again are the same execution while it runs', async () => {
    const bench = openBench(endless);
    const first = await start(bench, '{"a":1}');
    expect(first).toEqual({ executionArn, startDate: expect.any(Number) as number });
    expect(await start(bench, '{ "a": 1 }')).toEqual(first);
    expect(bench.start({ a: 1 }, 'one')).toBe(executionArn);
    await expect(start(bench, '{"a":2}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
    await bench.states.close();
  });

  it('refuses the name of one that is over', async () => {
    const bench = openBench(passing);
    await start(bench, '{}');
    await bench.end(executionArn);
    await expect(start(bench, '{}')).rejects.toMatchObject({ name: 'ExecutionAlreadyExists' });
  });

  it.each([
    ['an unknown machine', { stateMachineArn: 'arn:x' }, 'StateMachineDoesNotExist'],
    ['no machine', {}, 'ValidationException'],
    ['input that is no JSON', { stateMachineArn: machineArn, input: '{' }, 'InvalidExecutionInput'],
    [
      'input that is too long',
      { stateMachineArn: machineArn, input: JSON.stringify('x'.repeat(262_144)) },
      'InvalidExecutionInput',
    ],
    ['a name with blanks', { stateMachineArn: machineArn, name: 'a b' }, 'InvalidName'],
    ['a name of 81 characters', { stateMachineArn: machineArn, name: 'x'.repeat(81) }, 'InvalidName'],
  ])('refuses %s', async (_, body, name) => {
    const bench = openBench(passing);
    await expect(bench.states.api('StartExecution', body)).rejects.toMatchObject({ name });
  });
});

it('DescribeExecution', async () => {
  const bench = openBench(passing);
  bench.start({ a: 1 }, 'one');
  await bench.end(executionArn);
  expect(await bench.states.api('DescribeExecution', { executionArn })).toEqual({
    executionArn,
    stateMachineArn: machineArn,
    name: 'one',
    status: 'SUCCEEDED',
    startDate: expect.any(Number) as number,
    stopDate: expect.any(Number) as number,
    input: '{"a":1}',
    inputDetails: { included: true },
    output: '{"a":1}',
    outputDetails: { included: true },
    redriveCount: 0,
  });
});

it('each end is said once', async () => {
  const bench = openBench(machine({ S: { ...call('f'), End: true } }), { f: failing('Mine') });
  const arn = bench.start({ a: 1 });
  const { startDate, stopDate = 0, cause } = await bench.end(arn);
  expect(bench.said).toEqual([
    {
      executionArn: arn,
      stateMachineArn: machineArn,
      name: arn.split(':').at(-1),
      status: 'FAILED',
      startDate: startDate * 1000,
      stopDate: stopDate * 1000,
      input: '{"a":1}',
      inputDetails: { included: true },
      output: null,
      outputDetails: null,
      error: 'Mine',
      cause,
    },
  ]);
});

describe('StopExecution', () => {
  it('drops branches, waits and tasks in flight', async () => {
    let answer: ((value: unknown) => void) | undefined;
    const bench = openBench(
      machine({
        P: {
          Type: 'Parallel',
          Branches: [
            block({ A: { ...call('slow'), Next: 'Z' }, Z: { ...call('never'), End: true } }),
            block({ W: { Type: 'Wait', Seconds: 1_000_000, Next: 'X' }, X: { Type: 'Succeed' } }),
          ],
          End: true,
        },
      }),
      { slow: () => new Promise((resolve) => (answer = resolve)) },
    );
    const arn = bench.start();
    await until(() => answer !== undefined);
    expect(
      await bench.states.api('StopExecution', { executionArn: arn, error: 'Stop', cause: 'asked' }),
    ).toEqual({ stopDate: expect.any(Number) as number });
    const described = await bench.describe(arn);
    expect(described).toMatchObject({ status: 'ABORTED', error: 'Stop', cause: 'asked' });
    answer?.('late');
    expect(await bench.states.api('StopExecution', { executionArn: arn })).toEqual({
      stopDate: described.stopDate,
    });
    expect(bench.calls).toHaveLength(1);
    expect(bench.said).toMatchObject([{ status: 'ABORTED' }]);
    const types = (await bench.history(arn)).map(({ type }) => type);
    expect(types.slice(-4)).toEqual([
      'WaitStateAborted',
      'TaskStateAborted',
      'ParallelStateAborted',
      'ExecutionAborted',
    ]);
  });

  it('of what is unknown', async () => {
    const bench = openBench(passing);
    await expect(bench.states.api('StopExecution', { executionArn })).rejects.toMatchObject({
      name: 'ExecutionDoesNotExist',
    });
  });
});

describe('GetExecutionHistory', () => {
  const definition = machine({
    Task: { ...call('f', { n: 1 }), Assign: { v: 7 }, Output: '{% 5 %}', Next: 'Map' },
    Map: {
      Type: 'Map',
      Items: [1],
      ItemProcessor: block({ In: { Type: 'Pass', End: true } }),
      Next: 'Done',
    },
    Done: { Type: 'Succeed' },
  });

  it("tells the story in AWS's words", async () => {
    const bench = openBench(definition, { f: () => 2 });
    const arn = bench.start({ a: 1 });
    await bench.end(arn);
    const events = await bench.history(arn);
    expect(events.map(({ id, previousEventId, type }) => [id, previousEventId, type])).toEqual([
      [1, 0, 'ExecutionStarted'],
      [2, 1, 'TaskStateEntered'],
      [3, 2, 'TaskScheduled'],
      [4, 3, 'TaskStarted'],
      [5, 4, 'TaskSucceeded'],
      [6, 5, 'TaskStateExited'],
      [7, 6, 'MapStateEntered'],
      [8, 7, 'MapStateStarted'],
      [9, 8, 'MapIterationStarted'],
      [10, 9, 'PassStateEntered'],
      [11, 10, 'PassStateExited'],
      [12, 11, 'MapIterationSucceeded'],
      [13, 12, 'MapStateSucceeded'],
      [14, 13, 'MapStateExited'],
      [15, 14, 'SucceedStateEntered'],
      [16, 15, 'SucceedStateExited'],
      [17, 16, 'ExecutionSucceeded'],
    ]);
    expect(events[1]).toMatchObject({
      timestamp: expect.any(Number) as number,
      stateEnteredEventDetails: { name: 'Task', input: '{"a":1}' },
    });
    expect(events[2]).toMatchObject({
      taskScheduledEventDetails: {
        resourceType: 'lambda',
        resource: 'invoke',
        region: 'eu-central-1',
        parameters: '{"FunctionName":"f","Payload":{"n":1}}',
      },
    });
    expect(events[4]).toMatchObject({
      taskSucceededEventDetails: { output: '{"StatusCode":200,"Payload":2}' },
    });
    expect(events[5]).toMatchObject({
      stateExitedEventDetails: { name: 'Task', output: '5', assignedVariables: { v: '7' } },
    });
    expect(events[16]).toMatchObject({ executionSucceededEventDetails: { output: '[1]' } });
  });

  it.each([
    ['forwards', false],
    ['backwards', true],
  ])('pages %s', async (_, reverseOrder) => {
    const bench = openBench(definition);
    const arn = bench.start();
    await bench.end(arn);
    const ids: number[] = [];
    let nextToken: string | undefined;
    let pages = 0;
    do {
      const page = (await bench.states.api('GetExecutionHistory', {
        executionArn: arn,
        maxResults: 5,
        reverseOrder,
        nextToken,
      })) as { events: { id: number }[]; nextToken?: string };
      ids.push(...page.events.map(({ id }) => id));
      ({ nextToken } = page);
      pages += 1;
    } while (nextToken !== undefined);
    const all = Array.from({ length: 17 }, (_, index) => index + 1);
    expect(ids).toEqual(reverseOrder ? all.toReversed() : all);
    expect(pages).toBe(4);
  });

  it('can leave the payloads out', async () => {
    const bench = openBench(definition);
    const arn = bench.start();
    await bench.end(arn);
    const { events } = (await bench.states.api('GetExecutionHistory', {
      executionArn: arn,
      includeExecutionData: false,
    })) as { events: Record<string, unknown>[] };
    expect(events[1]?.['stateEnteredEventDetails']).toEqual({
      name: 'Task',
      inputDetails: { truncated: false },
    });
  });
});

it('ListExecutions: newest first, by status, in pages', async () => {
  let time = 1000;
  const bench = openBench(
    machine({
      S: { Type: 'Choice', Choices: [{ Condition: '{% $states.input.wait %}', Next: 'W' }], Default: 'T' },
      W: { Type: 'Wait', Seconds: 1_000_000, Next: 'T' },
      T: { Type: 'Succeed' },
    }),
    {},
    { now: () => time },
  );
  for (const [index, wait] of [false, true, false, true, false].entries()) {
    time += 1000;
    const arn = bench.start({ wait }, `n${index}`);
    if (!wait) await bench.end(arn);
  }
  const list = async (more: object): Promise<{ names: string[]; nextToken?: string }> => {
    const { executions, ...rest } = (await bench.states.api('ListExecutions', {
      stateMachineArn: machineArn,
      ...more,
    })) as { executions: { name: string }[]; nextToken?: string };
    return { names: executions.map(({ name }) => name), ...rest };
  };
  expect(await list({})).toEqual({ names: ['n4', 'n3', 'n2', 'n1', 'n0'] });
  expect(await list({ statusFilter: 'RUNNING' })).toEqual({ names: ['n3', 'n1'] });
  const { names, nextToken } = await list({ maxResults: 2 });
  expect(names).toEqual(['n4', 'n3']);
  time += 1000;
  bench.start({ wait: true }, 'n5');
  expect((await list({ maxResults: 3, nextToken })).names).toEqual(['n2', 'n1', 'n0']);
  await bench.states.close();
});

it('machines are described and listed', async () => {
  const bench = openBench(passing);
  const known = {
    stateMachineArn: machineArn,
    name: 'Machine',
    type: 'STANDARD',
    creationDate: expect.any(Number) as number,
  };
  expect(await bench.states.api('ListStateMachines', {})).toEqual({ stateMachines: [known] });
  expect(await bench.states.api('DescribeStateMachine', { stateMachineArn: machineArn })).toMatchObject({
    ...known,
    status: 'ACTIVE',
    definition: JSON.stringify(passing),
    roleArn: 'arn:aws:iam::000000000000:role/machine',
  });
  await expect(bench.states.api('Nonsense', {})).rejects.toMatchObject({ name: 'UnknownOperationException' });
});

it('1,000 small executions take well under a few seconds', async () => {
  const bench = openBench(
    machine({
      A: {
        ...call('f', { n: '{% $states.input.n %}' }),
        Assign: { n: '{% $states.result.Payload %}' },
        Next: 'B',
      },
      B: { Type: 'Choice', Choices: [{ Condition: '{% $n > 0 %}', Next: 'C' }], Default: 'D' },
      C: { Type: 'Pass', Output: { n: '{% $n %}' }, Next: 'D' },
      D: { Type: 'Succeed' },
    }),
    { f: ({ n }: { n: number }) => n + 1 },
  );
  // Processor time, so that a busy machine does not count.
  const begun = process.cpuUsage();
  for (let n = 0; n < 1_000; n += 1) bench.start({ n });
  await until(() => bench.said.length === 1_000);
  const { user, system } = process.cpuUsage(begun);
  expect((user + system) / 1e6).toBeLessThan(4);
});

it('what is over is kept within bounds, the newest the longest', async () => {
  const disk = openDisk({ name: 'states' });
  const retention = { finishedMax: 5, eventsPerFinishedMax: 3, eventsOfFinishedMax: 6 };
  const bench = openBench(passing, {}, { disk, retention });
  const arns: string[] = [];
  for (let n = 0; n < 8; n += 1) {
    arns.push(bench.start());
    await bench.end(arns.at(-1) ?? '');
  }
  const kept = async (arn: string): Promise<unknown> => {
    try {
      return (await bench.history(arn)).length;
    } catch (thrown) {
      return (thrown as Error).name;
    }
  };
  const gone = 'ExecutionDoesNotExist';
  expect(await Promise.all(arns.map(kept))).toEqual([gone, gone, gone, 0, 0, 0, 3, 3]);
  expect(disk.collection('states-event').size).toBe(6);
  expect(disk.collection('states-running').size).toBe(0);
});
