import type { KubernetesObject } from '../model.ts';
import { epochOf } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';

/** A real API server keeps events for an hour. In scaled time that is soon over: a person still reads at their own pace. */
const keepSeconds = 3600;
const keepMsMin = 10 * 60_000;
const eventsMax = 1_000;

/** Drops events that are old, and the oldest when there are too many. */
export function createEventExpiry({ objects, clock }: ControllerContext): Controller {
  // The oldest first: a map keeps the order in which its keys came.
  const lastSeen = new Map<string, number>();
  const see = (event: KubernetesObject): void => {
    const key = keyOf(event);
    lastSeen.delete(key);
    lastSeen.set(key, epochOf(event['lastTimestamp'] as string | undefined) ?? clock.now());
  };
  return {
    name: 'event-expiry',
    keys: () => {
      const stored = objects.list('events');
      for (const event of [...stored].sort(
        (a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion),
      )) {
        see(event);
      }
      return ['events'];
    },
    wokenBy: ({ type, plural, object }) => {
      if (plural !== 'events') return [];
      if (type === 'DELETED') lastSeen.delete(keyOf(object));
      else see(object);
      return type === 'ADDED' ? ['events'] : [];
    },
    reconcile: () => {
      const keepMs = Math.max(keepMsMin, clock.scaled(keepSeconds));
      for (const [key, seenMs] of lastSeen) {
        if (lastSeen.size <= eventsMax && seenMs + keepMs > clock.now()) return seenMs + keepMs;
        const { namespace, name } = placeOf(key);
        lastSeen.delete(key);
        objects.remove('events', name, namespace);
      }
      return undefined;
    },
  };
}
