import { expect, it } from 'vitest';
import { openDisk, type Disk } from '../../disk.ts';
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

/** Every write to a disk, in order, so that the disk can be had as it was after each. */
function recordWrites(disk: Disk): { disk: Disk; count(): number; diskAfter(count: number): Disk } {
  const writes: [collection: string, key: string, text: string | undefined][] = [];
  return {
    disk: {
      ...disk,
      collection: <T>(name: string) => {
        const inner = disk.collection<T>(name);
        return {
          ...inner,
          get size() {
            return inner.size;
          },
          set: (key: string, value: T) => {
            inner.set(key, value);
            writes.push([name, key, JSON.stringify(value)]);
          },
          delete: (key: string) => {
            writes.push([name, key, undefined]);
            return inner.delete(key);
          },
        };
      },
    },
    count: () => writes.length,
    diskAfter: (count) => {
      const copy = openDisk({ name: 'states' });
      for (const [name, key, text] of writes.slice(0, count)) {
        if (text === undefined) copy.collection(name).delete(key);
        else copy.collection(name).set(key, JSON.parse(text));
      }
      return copy;
    },
  };
}

const definition = machine({
  Begin: { ...call('add', { n: 1 }), Assign: { base: '{% $states.result.Payload %}' }, Next: 'Both' },
  Both: {
    Type: 'Parallel',
    Branches: [
      block({
        Each: {
          Type: 'Map',
          Items: [1, 2, 3],
          MaxConcurrency: 2,
          ItemProcessor: block({
            Shaky: {
              ...call('shaky', { n: '{% $states.input %}', base: '{% $base %}' }),
              Retry: [{ ErrorEquals: ['Shaky'], MaxAttempts: 5 }],
              Assign: { mine: '{% $states.result.Payload %}' },
              Next: 'Pause',
            },
            Pause: { Type: 'Wait', Seconds: 1, Next: 'Give' },
            Give: { Type: 'Pass', Output: '{% $mine %}', End: true },
          }),
          End: true,
        },
      }),
      block({
        Ask: { ...callForToken('ask'), End: true },
      }),
      block({
        Broken: { ...call('broken'), Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Caught' }], End: true },
        Caught: { Type: 'Pass', Output: '{% $states.input.Error %}', End: true },
      }),
    ],
    Next: 'End',
  },
  End: {
    ...call('add', { n: 0 }),
    Output: { base: '{% $base %}', results: '{% $states.input %}' },
    End: true,
  },
});

/** How answers were refused that came twice, or whose token the copy had not given out yet. */
const refusals = new Set<string>();

/** The world outside, which outlives the process: who was asked, and who has failed once already. */
const world = (): { functions: Functions; tokens: string[] } => {
  const tokens: string[] = [];
  const failed = new Set<number>();
  return {
    tokens,
    functions: {
      add: ({ n }: { n: number }) => n + 1,
      shaky: ({ n, base }: { n: number; base: number }) => {
        if (n === 2 && !failed.has(n)) {
          failed.add(n);
          failing('Shaky')();
        }
        return n * 10 + base;
      },
      ask: ({ token }: { token: string }) => void tokens.push(token),
      broken: failing('Broken'),
    },
  };
};
const finish = async (bench: Bench, arn: string, tokens: () => readonly string[]): Promise<unknown> => {
  await until(async () => {
    for (const taskToken of tokens()) {
      const answer = bench.states.api('SendTaskSuccess', { taskToken, output: '"yes"' });
      await answer.catch((thrown: Error) => void refusals.add(thrown.name));
    }
    return (await bench.describe(arn)).status !== 'RUNNING';
  });
  return (await bench.describe(arn)).output;
};

it('a kill after any single write ends as if there had been none', { timeout: 120_000 }, async () => {
  const expected = { base: 2, results: [[12, 22, 32], 'yes', 'Broken'] };

  const first = world();
  const recorded = recordWrites(openDisk({ name: 'states' }));
  const said: number[] = [];
  const options = { waitScale: 1000 };
  const bench = openBench(definition, first.functions, {
    ...options,
    disk: recorded.disk,
    emitStatusEvent: () => void said.push(recorded.count()),
  });
  const arn = bench.start({}, 'one');
  expect(await finish(bench, arn, () => first.tokens)).toEqual(expected);
  await bench.states.close();
  const count = recorded.count();
  expect(count).toBeGreaterThan(80);

  for (let cut = 0; cut <= count; cut += 1) {
    const second = world();
    const disk = recorded.diskAfter(cut);
    const next = openBench(definition, second.functions, { ...options, disk });
    const wasOver = disk.collection('states-finished').size > 0;
    await next.states.resume();
    // Whoever asked for the start and got no answer asks again.
    const known = disk.collection('states-running').size + disk.collection('states-finished').size > 0;
    if (!known) next.start({}, 'one');
    const output = await finish(next, arn, () => [...first.tokens, ...second.tokens]);
    expect([cut, output]).toEqual([cut, expected]);
    // Nothing is done for an execution whose end is on disk.
    expect([cut, wasOver ? next.calls : []]).toEqual([cut, []]);
    const ids = (await next.history(arn)).map(({ id }) => id);
    expect(ids).toEqual(ids.map((_, index) => index + 1));
    expect([cut, disk.collection('states-running').size]).toEqual([cut, 0]);
    expect([cut, disk.collection('states-event').size]).toEqual([cut, ids.length]);
    const saidBefore = said.some((at) => at < cut);
    expect([cut, next.said.length > 0 || saidBefore]).toEqual([cut, true]);
    expect(next.lines).toEqual([]);
    await next.states.close();
  }
  expect([...refusals].sort()).toEqual(['TaskTimedOut']);
});
