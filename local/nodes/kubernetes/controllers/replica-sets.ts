import type { ObjectChange } from '../model.ts';
import { availableFrom, conditionOf, epochOf, isActive, isOver, isReady } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import { ownerKey, type Controller, type ControllerContext } from './controller.ts';
import { deleteObject } from './deletion.ts';
import { controllerReference, createPod } from './new-pod.ts';
import { selects } from './selectors.ts';
import type { Pod, ReplicaSet } from './shapes.ts';

/** So many are made or deleted in one go; the rest follows in the next. */
const burstPods = 100;

/** Which goes first when there are too many: what serves least, then what is youngest. */
export function worthOf(pod: Pod): readonly number[] {
  return [
    (pod.spec.nodeName ?? '') === '' ? 0 : 1,
    pod.status?.phase === 'Running' ? 1 : 0,
    isReady(pod) ? 1 : 0,
    Number(pod.metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'] ?? 0),
    // Older ones stay.
    -(epochOf(conditionOf(pod, 'Ready')?.lastTransitionTime) ?? 0),
    -(epochOf(pod.metadata.creationTimestamp) ?? 0),
  ];
}

export function byWorth(a: Pod, b: Pod): number {
  const [left, right] = [worthOf(a), worthOf(b)];
  for (const [index, value] of left.entries()) {
    const other = right[index] ?? 0;
    if (value !== other) return value - other;
  }
  return 0;
}

/** Keeps as many pods as a replica set wants, and counts them in its status. */
export function createReplicaSetController(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const record = context.recorder('replicaset-controller');

  /** Pods that fit and belong to nobody become its own: they were orphaned, or made by hand. */
  const adopt = (set: ReplicaSet): void => {
    for (const pod of index.podsIn(set.metadata.namespace ?? '')) {
      const owned = (pod.metadata.ownerReferences ?? []).some((each) => each.controller === true);
      if (owned || !isActive(pod) || !selects(set.spec.selector, pod.metadata.labels)) continue;
      objects.change('pods', pod.metadata.name, pod.metadata.namespace, (object) => ({
        ...object,
        metadata: {
          ...object.metadata,
          ownerReferences: [...(object.metadata.ownerReferences ?? []), controllerReference(set)],
        },
      }));
    }
  };

  /** @returns whether there is more to do than one burst. */
  const fill = (set: ReplicaSet, active: readonly Pod[]): boolean => {
    const wanted = set.spec.replicas ?? 1;
    const missing = wanted - active.length;
    for (let made = 0; made < Math.min(missing, burstPods); made += 1) {
      const pod = createPod(objects, set, set.spec.template);
      if (pod === undefined) return false;
      record(set, { reason: 'SuccessfulCreate', message: `Created pod: ${pod.metadata.name}` });
    }
    const surplus = [...active].sort(byWorth).slice(0, Math.min(burstPods, Math.max(0, -missing)));
    for (const pod of surplus) {
      deleteObject(context, 'pods', pod.metadata);
      record(set, { reason: 'SuccessfulDelete', message: `Deleted pod: ${pod.metadata.name}` });
    }
    return Math.abs(missing) > burstPods;
  };

  return {
    name: 'replica-sets',
    keys: () => objects.list('replicasets').map(keyOf),
    wokenBy: (change) => {
      if (change.plural === 'replicasets') return change.type === 'DELETED' ? [] : [keyOf(change.object)];
      if (change.plural !== 'pods') return [];
      return podOwners(change, 'ReplicaSet');
    },
    reconcile: (key) => {
      const { namespace, name } = placeOf(key);
      const set = objects.get('replicasets', name, namespace) as ReplicaSet | undefined;
      if (set === undefined) return undefined;
      const { uid = '' } = set.metadata;
      const leaving = set.metadata.deletionTimestamp !== undefined;
      if (!leaving) adopt(set);
      const more = leaving ? false : fill(set, index.podsOf(uid).filter(isActive));
      return count(set, more);
    },
  };

  function count(set: ReplicaSet, more: boolean): number | undefined {
    const now = clock.now();
    const { minReadySeconds = 0, template } = set.spec;
    const pods = index.podsOf(set.metadata.uid ?? '').filter((pod) => !isOver(pod));
    const active = pods.filter(isActive);
    const from = active.map((pod) => availableFrom(pod, clock.scaled(minReadySeconds)));
    const labelled = active.filter((pod) =>
      selects({ matchLabels: template.metadata?.labels ?? {} }, pod.metadata.labels),
    );
    const counts = {
      replicas: active.length,
      fullyLabeledReplicas: labelled.length,
      readyReplicas: active.filter(isReady).length,
      availableReplicas: from.filter((each) => each !== undefined && each <= now).length,
      terminatingReplicas: pods.length - active.length,
      observedGeneration: set.metadata.generation ?? 1,
    };
    objects.change('replicasets', set.metadata.name, set.metadata.namespace, (object) => ({
      ...object,
      status: { ...(object['status'] as object | undefined), ...counts },
    }));
    if (more) return now;
    const later = from.filter((each) => each !== undefined && each > now).map(Number);
    return later.length === 0 ? undefined : Math.min(...later);
  }
}

/** Whose pod it is and, when it changed hands, was. */
export function podOwners({ object, before }: ObjectChange, kind: string): readonly string[] {
  const owners = ownerKey(object, kind);
  return before === undefined || before.metadata.ownerReferences === object.metadata.ownerReferences
    ? owners
    : [...new Set([...owners, ...ownerKey(before, kind)])];
}
