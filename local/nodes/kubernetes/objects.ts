import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Collection } from '../../disk.ts';
import { alreadyExists, notFound, staleWrite } from './errors.ts';
import { apiVersionOf, kindOf } from './kinds.ts';
import type { ClusterClock, ClusterObjects, KubernetesObject, ObjectChange, Plural } from './model.ts';

/** RFC 3339 in whole seconds, as Kubernetes writes times. */
export const timestamp = (epochMs: number): string =>
  new Date(epochMs).toISOString().replace(/\.\d{3}Z$/, 'Z');

const keyOf = (name: string, namespace: string | undefined): string => `${namespace ?? ''}/${name}`;

/** The collection holds objects alone; this one remembers the version of the last removal over a restart. */
const lastRemovalKey = 'last-removal';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    for (const each of Object.values(value)) frozen(each);
    Object.freeze(value);
  }
  return value;
}

/** All but what a change of `generation` looks at. */
const wanted = ({ metadata: _metadata, status: _status, ...rest }: KubernetesObject): unknown => rest;

/** The objects of one cluster, kept in one collection; given out frozen, so nobody changes them in place. */
export function createClusterObjects(options: {
  collection: Collection<KubernetesObject>;
  clock: ClusterClock;
}): ClusterObjects {
  const { collection, clock } = options;
  const byPlural = new Map<Plural, Map<string, KubernetesObject>>();
  const listeners = new Set<(change: ObjectChange) => void>();
  let resourceVersion = 0;

  const of = (plural: Plural): Map<string, KubernetesObject> => {
    const known = byPlural.get(plural);
    if (known !== undefined) return known;
    kindOf(plural);
    const added = new Map<string, KubernetesObject>();
    byPlural.set(plural, added);
    return added;
  };

  for (const [key, object] of collection.entries()) {
    resourceVersion = Math.max(resourceVersion, Number(object.metadata.resourceVersion ?? 0));
    if (key === lastRemovalKey) continue;
    const [plural = ''] = key.split('/');
    of(plural).set(keyOf(object.metadata.name, object.metadata.namespace), frozen(object));
  }

  const tell = (change: ObjectChange): void => {
    for (const listener of listeners) listener(change);
  };

  const rememberVersion = (): void =>
    collection.set(lastRemovalKey, {
      apiVersion: 'v1',
      kind: 'LastRemoval',
      metadata: { name: lastRemovalKey, resourceVersion: String(resourceVersion) },
    });

  const put = (plural: Plural, object: KubernetesObject, before?: KubernetesObject): KubernetesObject => {
    resourceVersion += 1;
    const stored = frozen({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(resourceVersion) },
    });
    const key = keyOf(stored.metadata.name, stored.metadata.namespace);
    of(plural).set(key, stored);
    collection.set(`${plural}/${key}`, stored);
    tell(
      before === undefined
        ? { type: 'ADDED', plural, object: stored }
        : { type: 'MODIFIED', plural, object: stored, before },
    );
    return stored;
  };

  const update = (plural: Plural, object: KubernetesObject): KubernetesObject => {
    const { name, namespace, resourceVersion: expected } = object.metadata;
    const kind = kindOf(plural);
    const before = of(plural).get(keyOf(name, namespace));
    if (before === undefined) throw notFound(kind, name);
    if (expected !== undefined && expected !== before.metadata.resourceVersion) throw staleWrite(kind, name);
    const { uid, creationTimestamp, generation } = before.metadata;
    const next: KubernetesObject = structuredClone({
      ...object,
      apiVersion: before.apiVersion,
      kind: before.kind,
      metadata: {
        ...object.metadata,
        ...(uid === undefined ? {} : { uid }),
        ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
        ...(generation === undefined ? {} : { generation }),
        resourceVersion: before.metadata.resourceVersion ?? '',
      },
    });
    if (isDeepStrictEqual(next, before)) return before;
    const moved =
      kind.counted &&
      (!isDeepStrictEqual(wanted(next), wanted(before)) ||
        // A deletion that begins counts as a change of what is wanted.
        (next.metadata.deletionTimestamp !== undefined && before.metadata.deletionTimestamp === undefined));
    const metadata = moved ? { ...next.metadata, generation: (generation ?? 0) + 1 } : next.metadata;
    return put(plural, { ...next, metadata }, before);
  };

  return {
    get: (plural, name, namespace) => of(plural).get(keyOf(name, namespace)),

    list: (plural, namespace) =>
      [...of(plural)]
        .filter(([, { metadata }]) => namespace === undefined || metadata.namespace === namespace)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([, object]) => object),

    create: (plural, object) => {
      const kind = kindOf(plural);
      const { name, namespace } = object.metadata;
      if (of(plural).has(keyOf(name, namespace))) throw alreadyExists(kind, name);
      const made = structuredClone(object);
      return put(plural, {
        ...made,
        apiVersion: apiVersionOf(kind),
        kind: kind.kind,
        metadata: {
          ...made.metadata,
          uid: made.metadata.uid ?? randomUUID(),
          creationTimestamp: timestamp(clock.now()),
          ...(kind.counted ? { generation: 1 } : {}),
        },
      });
    },

    update,

    change: (plural, name, namespace, how) => {
      const before = of(plural).get(keyOf(name, namespace));
      return before === undefined ? undefined : update(plural, how(before));
    },

    remove: (plural, name, namespace) => {
      const key = keyOf(name, namespace);
      const before = of(plural).get(key);
      if (before === undefined) return false;
      of(plural).delete(key);
      resourceVersion += 1;
      // The last state carries the removal's version, so that a watch can go on from it.
      const object = frozen({
        ...before,
        metadata: { ...before.metadata, resourceVersion: String(resourceVersion) },
      });
      collection.delete(`${plural}/${key}`);
      rememberVersion();
      tell({ type: 'DELETED', plural, object, before });
      return true;
    },

    get resourceVersion() {
      return resourceVersion;
    },

    skipVersions: (count) => {
      resourceVersion += count;
      rememberVersion();
    },

    listen: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
