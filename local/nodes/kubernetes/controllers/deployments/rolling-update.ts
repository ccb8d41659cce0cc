import { share } from '../conditions.ts';
import type { Deployment } from '../shapes.ts';

/** One replica set as the roll-out sees it. */
export interface Rollable {
  readonly name: string;
  /** What it is to have. */
  readonly wanted: number;
  /** What it has. */
  readonly replicas: number;
  readonly available: number;
}

/** To how many replicas each is to go; those that are not named stay as they are. */
export type Scaling = ReadonlyMap<string, number>;

export interface Bounds {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** Surge is rounded up, unavailability down; both zero would never move. */
export function boundsOf({ spec }: Deployment): Bounds {
  const { replicas = 1, strategy } = spec;
  const { maxSurge = '25%', maxUnavailable = '25%' } = strategy?.rollingUpdate ?? {};
  const surge = share(maxSurge, replicas, 'up');
  const unavailable = share(maxUnavailable, replicas, 'down');
  return {
    maxSurge: surge,
    maxUnavailable: Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable),
  };
}

const sum = (sets: readonly Rollable[], of: (set: Rollable) => number): number =>
  sets.reduce((total, set) => total + of(set), 0);

/**
 * The next step of a rolling update: as much of the new as the surge allows, then as little of the old as availability
 * allows, sick ones first. Pure; done again after each change it ends with the new alone.
 *
 * @param old the oldest first
 */
export function nextRollingStep(options: {
  readonly replicas: number;
  readonly bounds: Bounds;
  readonly fresh: Rollable;
  readonly old: readonly Rollable[];
}): Scaling {
  const { replicas, bounds, fresh, old } = options;
  const all = [fresh, ...old];
  if (fresh.wanted > replicas) return new Map([[fresh.name, replicas]]);
  if (fresh.wanted < replicas) {
    const room = replicas + bounds.maxSurge - sum(all, ({ wanted }) => wanted);
    const more = Math.min(room, replicas - fresh.wanted);
    if (more > 0) return new Map([[fresh.name, fresh.wanted + more]]);
  }
  return scaleDownOld({ replicas, bounds, fresh, old });
}

function scaleDownOld({ replicas, bounds, fresh, old }: Parameters<typeof nextRollingStep>[0]): Scaling {
  const steps = new Map<string, number>();
  const oldWanted = sum(old, ({ wanted }) => wanted);
  if (oldWanted === 0) return steps;
  const minAvailable = replicas - bounds.maxUnavailable;
  const freshUnavailable = Math.max(0, fresh.wanted - fresh.available);
  let spare = oldWanted + fresh.wanted - minAvailable - freshUnavailable;
  if (spare <= 0) return steps;
  // What does not serve anyway goes first: it costs nobody anything.
  for (const set of old) {
    const sick = Math.min(spare, Math.max(0, set.wanted - set.available));
    if (sick === 0) continue;
    steps.set(set.name, set.wanted - sick);
    spare -= sick;
  }
  let healthy = Math.min(spare, sum([fresh, ...old], ({ available }) => available) - minAvailable);
  for (const set of old) {
    const left = steps.get(set.name) ?? set.wanted;
    const down = Math.min(left, Math.max(0, healthy));
    if (down === 0) continue;
    steps.set(set.name, left - down);
    healthy -= down;
  }
  return steps;
}

/**
 * A deployment is scaled in the middle of a roll-out: each replica set gets its part of the difference, so that the shares of
 * old and new stay. The largest takes what rounding leaves.
 */
export function scaleProportionally(sets: readonly Rollable[], before: number, after: number): Scaling {
  const total = sum(sets, ({ wanted }) => wanted);
  const steps = new Map<string, number>();
  let left = after - total;
  if (left === 0 || total === 0 || before === 0) return steps;
  const bySize = [...sets].sort((a, b) => b.wanted - a.wanted);
  for (const set of bySize) {
    const part = Math.round((set.wanted * after) / total) - set.wanted;
    const bounded = left > 0 ? Math.min(left, Math.max(0, part)) : Math.max(left, Math.min(0, part));
    steps.set(set.name, set.wanted + bounded);
    left -= bounded;
  }
  const [largest] = bySize;
  if (largest !== undefined && left !== 0) {
    steps.set(largest.name, Math.max(0, (steps.get(largest.name) ?? largest.wanted) + left));
  }
  return steps;
}
