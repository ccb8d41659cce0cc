import { isRecord, recordOf, type Json } from '../json.ts';
import type { Kind } from '../kinds.ts';
import type { KubernetesObject } from '../model.ts';

/** The names of one thing in core/v1, which is stored, and in events.k8s.io/v1. */
const names: readonly (readonly [stored: string, served: string])[] = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['reportingComponent', 'reportingController'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
];

function renamed(
  object: KubernetesObject,
  to: ReadonlyMap<string, string>,
  apiVersion: string,
): KubernetesObject {
  const entries = Object.entries(object).map(([name, value]) => [to.get(name) ?? name, value] as const);
  return { ...(Object.fromEntries(entries) as KubernetesObject), apiVersion };
}

const toServed = new Map(names);
const toStored = new Map(names.map(([stored, served]) => [served, stored]));

/** An object as the asked version has it. Only events have two. */
export const served = (kind: Kind, object: KubernetesObject): KubernetesObject =>
  kind.storedAs === undefined ? object : renamed(object, toServed, `${kind.group}/${kind.version}`);

/** An object as it is kept. */
export const stored = (kind: Kind, object: KubernetesObject): KubernetesObject =>
  kind.storedAs === undefined ? object : renamed(object, toStored, kind.storedAs.version);

/** When an event was last seen, whichever version it was written in. */
export function lastSeen(event: Json): string | undefined {
  const series = recordOf(event['series']);
  const times = [series['lastObservedTime'], event['lastTimestamp'], event['eventTime']];
  const own = isRecord(event['metadata']) ? event['metadata']['creationTimestamp'] : undefined;
  return [...times, own].find((each) => typeof each === 'string');
}
