import { randomBytes } from 'node:crypto';
import type { ClusterClock, ClusterObjects, KubernetesObject } from '../model.ts';
import { timestamp } from '../objects.ts';

export interface Happening {
  readonly type?: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  /** Part of the object that it is about: `spec.containers{web}`. */
  readonly fieldPath?: string;
}

/** Writes down what happened to an object, as `kubectl describe` shows it. The same again only counts up. */
export type RecordEvent = (about: KubernetesObject, happening: Happening) => void;

const rememberedMax = 500;

export function createEventRecorder(options: {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly component: string;
  readonly host?: string;
}): RecordEvent {
  const { objects, clock, component, host } = options;
  const known = new Map<string, string>();

  return (about, { type = 'Normal', reason, message, fieldPath }) => {
    const { name, uid, namespace: own } = about.metadata;
    const namespace = own ?? 'default';
    const home = objects.get('namespaces', namespace);
    // Nothing new is put into a namespace that is being emptied.
    if (home === undefined || home.metadata.deletionTimestamp !== undefined) return;
    const now = timestamp(clock.now());
    const sameness = JSON.stringify([about.kind, uid ?? name, type, reason, message, fieldPath]);
    const before = known.get(sameness);
    if (before !== undefined) {
      const counted = objects.change('events', before, namespace, (event) => ({
        ...event,
        count: Number(event['count'] ?? 1) + 1,
        lastTimestamp: now,
      }));
      if (counted !== undefined) return;
    }
    const event = objects.create('events', {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name}.${randomBytes(8).toString('hex')}`, namespace },
      involvedObject: {
        apiVersion: about.apiVersion,
        kind: about.kind,
        name,
        ...(own === undefined ? {} : { namespace: own }),
        ...(uid === undefined ? {} : { uid }),
        ...(fieldPath === undefined ? {} : { fieldPath }),
      },
      type,
      reason,
      message,
      source: { component, ...(host === undefined ? {} : { host }) },
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      reportingComponent: component,
      reportingInstance: host ?? '',
    });
    if (known.size >= rememberedMax) known.clear();
    known.set(sameness, event.metadata.name);
  };
}
