import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { cronerPattern, startSchedule } from './schedule.ts';

beforeEach(() => {
  vi.useFakeTimers({ now: new Date('2025-01-03T11:59:30Z') });
});
afterEach(() => {
  vi.useRealTimers();
});

const runs = (expression: string, seconds: number, scale = 1): number => {
  let count = 0;
  const schedule = startSchedule(expression, scale, () => {
    count += 1;
  });
  vi.advanceTimersByTime(seconds * 1000);
  schedule.stop();
  return count;
};

describe('a schedule', () => {
  it.each([
    ['rate(1 minute)', 300, 1, 5],
    ['rate(2 hours)', 4 * 3600, 1, 2],
    ['rate(1 minute)', 60, 10, 10],
    ['cron(0 12 ? * FRI *)', 60, 1, 1],
    ['cron(0 12 ? * 6 *)', 60, 1, 1],
    ['cron(0 12 ? * 7 *)', 60, 1, 0],
    ['cron(0/1 * * * ? 2025)', 180, 1, 3],
  ])('%s in %i s, %i times as fast, runs %i times', (expression, seconds, scale, count) => {
    expect(runs(expression, seconds, scale)).toBe(count);
  });

  it.each([
    ['rate(0 minutes)', /at least 1/],
    ['rate(1 second)', /neither rate/],
    ['cron(* * * * *)', /six fields/],
    ['every day', /neither rate/],
    ['cron(0 99 * * ? *)', /99/],
  ])('is refused for %s', (expression, reason) => {
    expect(() => startSchedule(expression, 1, () => {})).toThrow(reason);
  });

  it('counts days of the week from Sunday', () => {
    expect(cronerPattern('0 8 ? * 2-6 *')).toBe('0 0 8 * * 1-5 *');
    expect(cronerPattern('0 8 ? * 6#3 *')).toBe('0 0 8 * * 5#3 *');
  });
});
