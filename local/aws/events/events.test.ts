import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEvents, DeliveryError, type Events, type Rule } from './events.ts';

const rule: Rule = {
  logicalId: 'Rule',
  name: 'rule',
  arn: 'arn:rule',
  bus: 'overcast',
  pattern: { 'detail-type': ['NodeJoined'] },
  targets: [{ arn: 'target', retriesMax: 3, ageSecondsMax: 3600, deadLetterArn: 'dead' }],
};
const joined = { source: 'overcast.test', detailType: 'NodeJoined', detail: {} };

const setUp = (failures: DeliveryError[], change: Partial<Rule['targets'][number]> = {}) => {
  const tries: number[] = [];
  const dead: Record<string, string>[] = [];
  const events: Events = createEvents({
    buses: ['overcast'],
    rules: [{ ...rule, targets: rule.targets.map((target) => ({ ...target, ...change })) }],
    deliver: async () => {
      tries.push(Date.now() / 1000);
      const failure = failures.shift();
      if (failure !== undefined) throw failure;
    },
    sendDeadLetter: async (_, __, attributes) => void dead.push(attributes),
    waitScale: 1,
    scheduleScale: 1,
    now: Date.now,
    log: () => {},
  });
  return { events, tries, dead };
};
const busy = (): DeliveryError => new DeliveryError('THROTTLING', 'later', true);
const forbidden = (): DeliveryError => new DeliveryError('NO_PERMISSIONS', 'never', false);

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a rule’s target', () => {
  it.each<[string, DeliveryError[], Partial<Rule['targets'][number]>, number[], string[]]>([
    ['is tried once when it takes the event', [], {}, [0], []],
    ['is tried again, ever later', [busy(), busy()], {}, [0, 1, 3], []],
    ['is given up after its retries', [busy(), busy(), busy(), busy()], {}, [0, 1, 3, 7], ['THROTTLING']],
    ['is given up at once when it may not be reached', [forbidden()], {}, [0], ['NO_PERMISSIONS']],
    [
      'is given up when the event is too old',
      [busy(), busy(), busy()],
      { ageSecondsMax: 2 },
      [0, 1, 3],
      ['THROTTLING'],
    ],
  ])('%s', async (_, failures, change, tries, dead) => {
    const world = setUp(failures, change);
    await world.events.put('overcast', joined);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(world.tries).toEqual(tries);
    expect(world.dead.map(({ ERROR_CODE }) => ERROR_CODE)).toEqual(dead);
  });
});

describe('a bus', () => {
  it('hears its own events only', async () => {
    const { events, tries } = setUp([]);
    await events.put('default', joined);
    await events.put('arn:aws:events:us-east-1:000000000000:event-bus/overcast', joined);
    await expect(events.put('other', joined)).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    expect(tries).toHaveLength(1);
  });

  it('loses what it is told to lose', async () => {
    const { events, tries } = setUp([]);
    events.drop((event, bus) => bus === 'overcast' && event.source === 'overcast.test');
    await events.put('overcast', joined);
    events.drop(undefined);
    expect(tries).toHaveLength(0);
  });

  it('must exist when a rule names it', () => {
    expect(() =>
      createEvents({
        buses: [],
        rules: [rule],
        deliver: async () => {},
        sendDeadLetter: async () => {},
        waitScale: 1,
        scheduleScale: 1,
        now: Date.now,
        log: () => {},
      }),
    ).toThrow(/Rule \(AWS::Events::Rule\): no event bus overcast/);
  });
});
