import { kindByName, storedKinds } from '../kinds.ts';
import type { KubernetesObject, ObjectMeta, OwnerReference, Plural } from '../model.ts';
import type { ClusterIndex } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject, dropFinalizer, finalizers } from './deletion.ts';

/** `plural/namespace/name`; the namespace is empty for what belongs to the cluster. */
const keyOf = (plural: Plural, { name, namespace = '' }: Pick<ObjectMeta, 'name' | 'namespace'>): string =>
  `${plural}/${namespace}/${name}`;

/** An owner of a kind that is not kept here is somebody else's business. */
const isGone = (index: ClusterIndex, { apiVersion, kind, uid }: OwnerReference): boolean =>
  kindByName(apiVersion, kind) !== undefined && !index.exists(uid);

const isHeld = ({ metadata }: KubernetesObject): boolean =>
  metadata.deletionTimestamp !== undefined &&
  (metadata.finalizers ?? []).some((each) => each === finalizers.foreground || each === finalizers.orphan);

/** Deletes what has lost its owners, and holds owners back while what they own has to go first. */
export function createGarbageCollector(context: ControllerContext): Controller {
  const { objects, index } = context;

  const dropOwners = (
    plural: Plural,
    { metadata: { name, namespace } }: KubernetesObject,
    goes: (owner: OwnerReference) => boolean,
  ): void => {
    objects.change(plural, name, namespace, (object) => {
      const { ownerReferences = [], ...bare } = object.metadata;
      const left = ownerReferences.filter((owner) => !goes(owner));
      return { ...object, metadata: left.length === 0 ? bare : { ...bare, ownerReferences: left } };
    });
  };

  const orphan = (plural: Plural, owner: KubernetesObject): void => {
    const { uid = '' } = owner.metadata;
    for (const dependent of index.dependentsOf(uid)) {
      dropOwners(dependent.plural, dependent.object, (each) => each.uid === uid);
    }
    dropFinalizer(objects, plural, owner.metadata, finalizers.orphan);
  };

  const deleteDependentsFirst = (plural: Plural, owner: KubernetesObject): void => {
    const { uid = '' } = owner.metadata;
    for (const dependent of index.dependentsOf(uid)) {
      if (dependent.object.metadata.deletionTimestamp !== undefined) continue;
      deleteObject(context, dependent.plural, dependent.object.metadata, { propagation: 'Foreground' });
    }
    const blocked = index
      .dependentsOf(uid)
      .some(({ object }) =>
        (object.metadata.ownerReferences ?? []).some(
          (each) => each.uid === uid && each.blockOwnerDeletion === true,
        ),
      );
    if (!blocked) dropFinalizer(objects, plural, owner.metadata, finalizers.foreground);
  };

  return {
    name: 'garbage-collection',
    keys: () =>
      storedKinds.flatMap(({ plural }) =>
        objects
          .list(plural)
          .filter((object) => isHeld(object) || (object.metadata.ownerReferences ?? []).length > 0)
          .map((object) => keyOf(plural, object.metadata)),
      ),
    wokenBy: ({ type, plural, object }) => {
      if (plural === 'events') return [];
      const { ownerReferences = [], uid = '' } = object.metadata;
      if (type === 'DELETED') {
        const owners = ownerReferences.flatMap((owner) => {
          const kind = kindByName(owner.apiVersion, owner.kind);
          if (kind === undefined) return [];
          const { namespace } = object.metadata;
          return [
            keyOf(kind.plural, {
              name: owner.name,
              ...(kind.namespaced && namespace !== undefined ? { namespace } : {}),
            }),
          ];
        });
        const dependents = index.dependentsOf(uid).map((each) => keyOf(each.plural, each.object.metadata));
        return [...owners, ...dependents];
      }
      const lost = ownerReferences.some((owner) => isGone(index, owner));
      return lost || isHeld(object) ? [keyOf(plural, object.metadata)] : [];
    },
    reconcile: (key) => {
      const [plural = '', namespace = '', name = ''] = key.split('/');
      const object = objects.get(plural, name, namespace === '' ? undefined : namespace);
      if (object === undefined) return undefined;
      if (isHeld(object)) {
        if (object.metadata.finalizers?.includes(finalizers.orphan) === true) orphan(plural, object);
        else deleteDependentsFirst(plural, object);
        return undefined;
      }
      const { ownerReferences = [] } = object.metadata;
      const gone = ownerReferences.filter((owner) => isGone(index, owner));
      if (gone.length === 0) return undefined;
      if (gone.length < ownerReferences.length) dropOwners(plural, object, (owner) => gone.includes(owner));
      else deleteObject(context, plural, object.metadata);
      return undefined;
    },
  };
}
