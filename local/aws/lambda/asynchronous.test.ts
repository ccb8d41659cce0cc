import { describe, expect, it, vi } from 'vitest';
import { openDisk } from '../../disk.ts';
import { AwsError } from '../wire.ts';
import { createAsynchronousInvocations, type AsynchronousSettings } from './asynchronous.ts';
import type { FunctionConfiguration, Outcome } from './function.ts';
import type { Lambda } from './lambda.ts';

const configuration: FunctionConfiguration = {
  logicalId: 'Worker',
  name: 'worker',
  arn: 'arn:aws:lambda:us-east-1:000000000000:function:worker',
  roleArn: 'arn:role',
  folder: '',
  handler: '',
  timeoutMs: 1,
  memoryMb: 128,
  environment: {},
};
const good: Outcome = { ok: true, payload: '"fine"' };
const bad: Outcome = { ok: false, failure: { errorType: 'Broken', errorMessage: 'it broke' } };
const throttled = new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429);

/** Lambda that answers what it is told to, in order, and remembers when it was asked. */
const setUp = (answers: (Outcome | Error)[], settings: Partial<AsynchronousSettings> = {}) => {
  vi.useFakeTimers({ now: 0 });
  const asked: number[] = [];
  const delivered: [string, unknown][] = [];
  const disk = openDisk({ name: 'test' });
  const invocations = () =>
    createAsynchronousInvocations({
      disk,
      lambda: {
        functions: [configuration],
        find: () => configuration,
        invoke: async () => {
          asked.push(Date.now() / 1000);
          const answer = answers.shift() ?? good;
          if (answer instanceof Error) throw answer;
          return answer;
        },
      } as unknown as Lambda,
      settings: new Map([['worker', { retries: 2, ageSecondsMax: 21_600, ...settings }]]),
      deliver: async (arn, _, { body }) => void delivered.push([arn, body]),
      waitScale: 1,
      now: Date.now,
      log: () => {},
    });
  return { asked, delivered, invocations };
};
const pass = (seconds: number): Promise<unknown> => vi.advanceTimersByTimeAsync(seconds * 1000);

describe('an asynchronous invocation', () => {
  it.each<[string, (Outcome | Error)[], Partial<AsynchronousSettings>, number[], string[]]>([
    ['is made once when it is done', [good], { onFailureArn: 'failure' }, [0], []],
    ['is tried again after one minute, then two', [bad, bad, good], {}, [0, 60, 180], []],
    [
      'goes to the destination after its last try',
      [bad, bad, bad],
      { onFailureArn: 'failure' },
      [0, 60, 180],
      ['failure'],
    ],
    ['goes to the dead letters as well', [bad], { retries: 0, deadLetterArn: 'dead' }, [0], ['dead']],
    [
      'is not tried again beyond its age',
      [bad],
      { ageSecondsMax: 30, onFailureArn: 'failure' },
      [0],
      ['failure'],
    ],
    ['tells of success where somebody wants to know', [good], { onSuccessArn: 'success' }, [0], ['success']],
    [
      'waits while it is throttled, without using up a try',
      [throttled, throttled, bad, good],
      { retries: 1 },
      [0, 5, 10, 70],
      [],
    ],
  ])('%s', async (_, answers, settings, asked, destinations) => {
    const world = setUp(answers, settings);
    const invocations = world.invocations();
    invocations.accept(configuration, '{"a":1}');
    await pass(600);
    expect(world.asked).toEqual(asked);
    expect(world.delivered.map(([arn]) => arn)).toEqual(destinations);
    expect(invocations.pending).toBe(0);
    vi.useRealTimers();
  });

  it('is made again by the next process when this one dies', async () => {
    const world = setUp([bad, good]);
    const first = world.invocations();
    first.accept(configuration, '{}');
    await pass(1);
    first.close();
    world.invocations().resume();
    await pass(1);
    expect(world.asked).toHaveLength(2);
    vi.useRealTimers();
  });

  it('tells its destination what happened', async () => {
    const world = setUp([bad], { retries: 0, onFailureArn: 'failure' });
    world.invocations().accept(configuration, '{"a":1}');
    await pass(1);
    expect(world.delivered[0]?.[1]).toMatchObject({
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 1 },
      requestPayload: { a: 1 },
      responsePayload: { errorType: 'Broken' },
    });
    vi.useRealTimers();
  });
});
