import type { ClusterClock, ClusterObjects, KubernetesObject, ObjectMeta, Plural } from '../model.ts';
import { timestamp } from '../objects.ts';
import { isOver } from './conditions.ts';
import type { Pod } from './shapes.ts';

export const finalizers = { foreground: 'foregroundDeletion', orphan: 'orphan' } as const;

export interface DeletionOptions {
  /** Pods: how long they have to end; absent: what their spec says. 0: gone at once. */
  readonly graceSeconds?: number;
  readonly propagation?: 'Background' | 'Foreground' | 'Orphan';
}

const without = <T extends object, K extends keyof T>(object: T, key: K): Omit<T, K> => {
  const { [key]: _gone, ...rest } = object;
  return rest;
};

function graceOf(plural: Plural, object: KubernetesObject, wanted: number | undefined): number {
  if (plural !== 'pods') return 0;
  const pod = object as Pod;
  // Nobody runs it, so nobody has to end it.
  if ((pod.spec.nodeName ?? '') === '' || isOver(pod)) return 0;
  return wanted ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}

const hasFinalizers = (plural: Plural, object: KubernetesObject): boolean =>
  (object.metadata.finalizers ?? []).length > 0 ||
  (plural === 'namespaces' &&
    ((object['spec'] as { finalizers?: readonly string[] } | undefined)?.finalizers ?? []).length > 0);

/**
 * What a DELETE request does: removes the object, or marks it as leaving when a grace or finalizers hold it. Done again it
 * changes nothing, but that a shorter grace replaces a longer one.
 *
 * @returns the object as it then stands; undefined when it is gone.
 */
export function deleteObject(
  { objects, clock }: { readonly objects: ClusterObjects; readonly clock: ClusterClock },
  plural: Plural,
  { name, namespace }: Pick<ObjectMeta, 'name' | 'namespace'>,
  { graceSeconds, propagation }: DeletionOptions = {},
): KubernetesObject | undefined {
  const added = { Background: undefined, Foreground: finalizers.foreground, Orphan: finalizers.orphan }[
    propagation ?? 'Background'
  ];
  const marked = objects.change(plural, name, namespace, (object) => {
    const { metadata } = object;
    const grace = graceOf(plural, object, graceSeconds);
    const first = metadata.deletionTimestamp === undefined;
    const shorter = (metadata.deletionGracePeriodSeconds ?? 0) > grace;
    const held = [...(metadata.finalizers ?? [])];
    if (added !== undefined && !held.includes(added)) held.push(added);
    return {
      ...object,
      metadata: {
        ...metadata,
        ...(held.length === 0 ? {} : { finalizers: held }),
        ...(first || shorter
          ? {
              // Kubernetes writes the time at which the object is to be gone, not when that was asked.
              deletionTimestamp: timestamp(clock.now() + grace * 1000),
              deletionGracePeriodSeconds: grace,
            }
          : {}),
      },
      ...(plural === 'namespaces' && first
        ? { status: { ...(object['status'] as object | undefined), phase: 'Terminating' } }
        : {}),
    };
  });
  return marked === undefined ? undefined : removeWhenFree(objects, plural, marked);
}

/** When the deletion was asked for, in epoch milliseconds (whole seconds once stored). */
export const startOfDeletion = (
  { deletionTimestamp, deletionGracePeriodSeconds = 0 }: ObjectMeta,
  otherwise: number,
): number =>
  deletionTimestamp === undefined
    ? otherwise
    : Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1000;

/** Takes away what is marked as leaving, once nothing holds it any more. @returns what is left of it */
export function removeWhenFree(
  objects: ClusterObjects,
  plural: Plural,
  object: KubernetesObject,
): KubernetesObject | undefined {
  const { name, namespace, deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds > 0) return object;
  if (hasFinalizers(plural, object)) return object;
  objects.remove(plural, name, namespace);
  return undefined;
}

/** @returns what is left of it */
export function dropFinalizer(
  objects: ClusterObjects,
  plural: Plural,
  { name, namespace }: Pick<ObjectMeta, 'name' | 'namespace'>,
  finalizer: string,
): KubernetesObject | undefined {
  const changed = objects.change(plural, name, namespace, (object) => {
    const left = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
    const bare = without(object.metadata, 'finalizers') as ObjectMeta;
    return { ...object, metadata: left.length === 0 ? bare : { ...bare, finalizers: left } };
  });
  return changed === undefined ? undefined : removeWhenFree(objects, plural, changed);
}

/** The pod's grace is over: it goes, or waits for its finalizers alone. */
export function endGrace(objects: ClusterObjects, { metadata: { name, namespace } }: Pod): void {
  const ended = objects.change('pods', name, namespace, (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, deletionGracePeriodSeconds: 0 },
  }));
  if (ended !== undefined) removeWhenFree(objects, 'pods', ended);
}
