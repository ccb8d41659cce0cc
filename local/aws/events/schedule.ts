import { Cron } from 'croner';

/** Something that runs again and again until it is stopped. */
export interface Schedule {
  stop(): void;
}

const unitSeconds: Readonly<Record<string, number>> = { minute: 60, hour: 3600, day: 86_400 };

/**
 * EventBridge's two kinds: `rate(5 minutes)` and `cron(0 12 ? * MON-FRI *)`, in UTC.
 * @param scale rates run so many times faster; cron names times of day and is not scaled
 * @throws for an expression that EventBridge would refuse
 */
export function startSchedule(expression: string, scale: number, run: () => void): Schedule {
  const [, count, unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? [];
  const seconds = unitSeconds[unit];
  if (count !== undefined && seconds !== undefined) {
    if (Number(count) < 1) throw new Error(`${expression}: a rate is at least 1`);
    const timer = setInterval(run, (Number(count) * seconds * 1000) / scale);
    return { stop: () => clearInterval(timer) };
  }
  const [, fields] = /^cron\((.+)\)$/.exec(expression) ?? [];
  if (fields === undefined) throw new Error(`${expression} is neither rate(…) nor cron(…)`);
  const job = new Cron(cronerPattern(fields), { timezone: 'UTC', mode: '7-part', sloppyRanges: true }, run);
  return { stop: () => job.stop() };
}

/** AWS writes minutes hours day-of-month month day-of-week year, days of the week as 1–7 from Sunday, and `?` for any. */
export function cronerPattern(fields: string): string {
  const parts = fields.trim().split(/\s+/);
  if (parts.length !== 6) throw new Error(`cron(${fields}) needs six fields`);
  const [minute, hour, dayOfMonth, month, dayOfWeek = '*', year] = parts.map((part) =>
    part === '?' ? '*' : part,
  );
  // Of `6#3`, the third Friday, only the 6 is a day.
  const days = dayOfWeek.replaceAll(
    /(^|[,-])(\d)/g,
    (_, before: string, day: string) => `${before}${Number(day) - 1}`,
  );
  return ['0', minute, hour, dayOfMonth, month, days, year].join(' ');
}
