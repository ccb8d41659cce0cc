import { isRecord, listOf, recordOf, stringsOf, textOf, type Json } from '../../json.ts';
import type { KubernetesObject } from '../../model.ts';

export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer' | 'date';
  readonly format?: string;
  /** 1: only with `-o wide`. */
  readonly priority?: 0 | 1;
  readonly cell: (object: KubernetesObject, now: number) => string | number;
}

export const none = '<none>';
export const unknown = '<unknown>';

export const specOf = (object: KubernetesObject): Json => recordOf(object['spec']);
export const statusOf = (object: KubernetesObject): Json => recordOf(object['status']);

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** `45s`, `3m20s`, `7h`, `5d12h`, `2y30d`: the finer part only while it matters, as kubectl has it. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = (big: number, unit: string, small: number, smallUnit: string): string => {
    const rest = Math.floor((whole % big) / small);
    return `${Math.floor(whole / big)}${unit}${rest === 0 ? '' : `${rest}${smallUnit}`}`;
  };
  if (whole < 2 * minute) return `${whole}s`;
  if (whole < 10 * minute) return parts(minute, 'm', 1, 's');
  if (whole < 3 * hour) return `${Math.floor(whole / minute)}m`;
  if (whole < 8 * hour) return parts(hour, 'h', minute, 'm');
  if (whole < 2 * day) return `${Math.floor(whole / hour)}h`;
  if (whole < 8 * day) return parts(day, 'd', hour, 'h');
  if (whole < 2 * year) return `${Math.floor(whole / day)}d`;
  if (whole < 8 * year) return parts(year, 'y', day, 'd');
  return `${Math.floor(whole / year)}y`;
}

export const since = (time: unknown, now: number): string =>
  typeof time === 'string' ? duration((now - Date.parse(time)) / 1000) : unknown;

export const age = ({ metadata }: KubernetesObject, now: number): string =>
  since(metadata.creationTimestamp, now);

/** A label selector as it is written in one line. */
export function selectorText(value: unknown): string {
  if (!isRecord(value)) return none;
  const expressions = listOf(value['matchExpressions']).map((each) => {
    const key = textOf(each['key']);
    const values = stringsOf(each['values']).join(',');
    switch (each['operator']) {
      case 'Exists':
        return key;
      case 'DoesNotExist':
        return `!${key}`;
      default:
        return `${key} ${textOf(each['operator']).toLowerCase()} (${values})`;
    }
  });
  const labels = isRecord(value['matchLabels']) ? value['matchLabels'] : {};
  return [labelsText(labels), ...expressions].filter((each) => each !== '').join(',') || none;
}

export const labelsText = (labels: Json): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${textOf(value)}`)
    .sort()
    .join(',');

const containersOf = (object: KubernetesObject): readonly Json[] =>
  listOf(recordOf(recordOf(specOf(object)['template'])['spec'])['containers']);

/** What a workload runs, for `-o wide`. */
export const containerColumns: readonly Column[] = [
  {
    name: 'Containers',
    priority: 1,
    cell: (object) =>
      containersOf(object)
        .map((each) => textOf(each['name']))
        .join(','),
  },
  {
    name: 'Images',
    priority: 1,
    cell: (object) =>
      containersOf(object)
        .map((each) => textOf(each['image']))
        .join(','),
  },
];
