import { storedKinds } from '../kinds.ts';
import type { ClusterObjects, KubernetesObject, ObjectChange, Plural } from '../model.ts';
import { isOver } from './conditions.ts';
import type { Pod } from './shapes.ts';

export interface Stored {
  readonly plural: Plural;
  readonly object: KubernetesObject;
}

/** What would cost a walk over everything to find, kept up with each change. Lists are copies: writing moves what they are made of. */
export interface ClusterIndex {
  /** All pods, over or leaving ones too. */
  pods(): Pod[];
  podsIn(namespace: string): Pod[];
  podsOn(nodeName: string): Pod[];
  /** Not over, not leaving, and without a node. */
  podsWithoutNode(): Pod[];
  /** Every object that names this owner. */
  dependentsOf(ownerUid: string): Stored[];
  /** Those of one kind that this owner controls. */
  controlledBy(ownerUid: string, plural: Plural): KubernetesObject[];
  /** The pods that this owner controls. */
  podsOf(ownerUid: string): Pod[];
  exists(uid: string): boolean;
  apply(change: ObjectChange): void;
}

export const keyOf = ({ metadata: { name, namespace } }: KubernetesObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** Of a namespaced object's key. */
export function placeOf(key: string): { readonly namespace: string; readonly name: string } {
  const [namespace = '', name = ''] = key.split('/');
  return { namespace, name };
}

/** Events own nothing and nobody owns them; they are many. */
const outside = new Set<Plural>(['events']);

class Groups<T> {
  readonly #groups = new Map<string, Map<string, T>>();

  in(group: string): T[] {
    return [...(this.#groups.get(group)?.values() ?? [])];
  }

  put(group: string, key: string, value: T): void {
    const known = this.#groups.get(group) ?? new Map<string, T>();
    this.#groups.set(group, known.set(key, value));
  }

  drop(group: string, key: string): void {
    const known = this.#groups.get(group);
    if (known?.delete(key) === true && known.size === 0) this.#groups.delete(group);
  }
}

export function createClusterIndex(objects: ClusterObjects): ClusterIndex {
  const pods = new Map<string, Pod>();
  const byNamespace = new Groups<Pod>();
  const byNode = new Groups<Pod>();
  const withoutNode = new Map<string, Pod>();
  const byOwner = new Groups<Stored>();
  const uids = new Set<string>();

  const dropPod = (pod: Pod): void => {
    const key = keyOf(pod);
    pods.delete(key);
    withoutNode.delete(key);
    byNamespace.drop(pod.metadata.namespace ?? '', key);
    byNode.drop(pod.spec.nodeName ?? '', key);
  };
  const putPod = (pod: Pod): void => {
    const key = keyOf(pod);
    pods.set(key, pod);
    byNamespace.put(pod.metadata.namespace ?? '', key, pod);
    const { nodeName = '' } = pod.spec;
    if (nodeName !== '') byNode.put(nodeName, key, pod);
    else if (!isOver(pod) && pod.metadata.deletionTimestamp === undefined) withoutNode.set(key, pod);
  };
  const forget = (plural: Plural, object: KubernetesObject): void => {
    const { uid, ownerReferences = [] } = object.metadata;
    if (uid !== undefined) uids.delete(uid);
    for (const owner of ownerReferences) byOwner.drop(owner.uid, `${plural}/${keyOf(object)}`);
    if (plural === 'pods') dropPod(object as Pod);
  };
  const learn = (plural: Plural, object: KubernetesObject): void => {
    const { uid, ownerReferences = [] } = object.metadata;
    if (uid !== undefined) uids.add(uid);
    for (const owner of ownerReferences) {
      byOwner.put(owner.uid, `${plural}/${keyOf(object)}`, { plural, object });
    }
    if (plural === 'pods') putPod(object as Pod);
  };

  for (const { plural } of storedKinds) {
    if (outside.has(plural)) continue;
    for (const object of objects.list(plural)) learn(plural, object);
  }

  const controlledBy = (uid: string, plural: Plural): KubernetesObject[] =>
    byOwner
      .in(uid)
      .filter(
        (each) =>
          each.plural === plural &&
          each.object.metadata.ownerReferences?.some(
            (owner) => owner.uid === uid && owner.controller === true,
          ) === true,
      )
      .map(({ object }) => object);

  return {
    pods: () => [...pods.values()],
    podsIn: (namespace) => byNamespace.in(namespace),
    podsOn: (nodeName) => byNode.in(nodeName),
    podsWithoutNode: () => [...withoutNode.values()],
    dependentsOf: (uid) => byOwner.in(uid),
    controlledBy,
    podsOf: (uid) => controlledBy(uid, 'pods') as Pod[],
    exists: (uid) => uids.has(uid),
    apply: ({ type, plural, object, before }) => {
      if (outside.has(plural)) return;
      if (before !== undefined) forget(plural, before);
      if (type === 'DELETED') forget(plural, object);
      else learn(plural, object);
    },
  };
}
