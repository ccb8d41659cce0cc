import { timestamp } from '../objects.ts';
import type { Condition, Pod } from './shapes.ts';

export const conditionOf = (
  object: { readonly status?: { readonly conditions?: readonly Condition[] } },
  type: string,
): Condition | undefined => object.status?.conditions?.find((each) => each.type === type);

/** Puts it in its place; the time of its last transition moves only when its status does. */
export function withCondition(
  conditions: readonly Condition[] | undefined,
  wanted: Condition,
  nowMs: number,
): readonly Condition[] {
  const before = conditions?.find(({ type }) => type === wanted.type);
  const next: Condition = {
    ...wanted,
    lastTransitionTime:
      before?.status === wanted.status && before.lastTransitionTime !== undefined
        ? before.lastTransitionTime
        : timestamp(nowMs),
  };
  if (before === undefined) return [...(conditions ?? []), next];
  return (conditions ?? []).map((each) => (each.type === wanted.type ? next : each));
}

export const isReady = (pod: Pod): boolean => conditionOf(pod, 'Ready')?.status === 'True';

/** It will never run again: it holds no room on its node and counts for nobody. */
export const isOver = (pod: Pod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

export const isLeaving = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** What a replica set counts. */
export const isActive = (pod: Pod): boolean => !isOver(pod) && !isLeaving(pod);

/** Epoch milliseconds; undefined when there is no time or not a time. */
export function epochOf(time: string | undefined): number | undefined {
  const epoch = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(epoch) ? undefined : epoch;
}

/** When a ready pod has been so for long enough, in epoch milliseconds; undefined: it is not ready. */
export function availableFrom(pod: Pod, minReadyMs: number): number | undefined {
  const ready = conditionOf(pod, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return (epochOf(ready.lastTransitionTime) ?? 0) + minReadyMs;
}

/** A count, or a percentage of all: `3`, `"25%"`. @param round of percentages */
export function share(wanted: number | string, all: number, round: 'up' | 'down'): number {
  if (typeof wanted === 'number') return wanted;
  const [, digits] = /^(\d+)%$/.exec(wanted) ?? [];
  if (digits === undefined) return Number.parseInt(wanted, 10) || 0;
  const exact = (Number(digits) * all) / 100;
  return round === 'up' ? Math.ceil(exact) : Math.floor(exact);
}
