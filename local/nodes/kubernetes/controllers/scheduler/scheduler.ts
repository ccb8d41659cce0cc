import { isDeepStrictEqual } from 'node:util';
import type { ObjectChange } from '../../model.ts';
import { conditionOf, isOver, withCondition } from '../conditions.ts';
import { keyOf } from '../cluster-index.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import type { Node, Pod } from '../shapes.ts';
import { chooseNode } from './choose-node.ts';
import { schedulingState } from './scheduling-state.ts';

const schedulerName = 'default-scheduler';
const everything = ['pending pods'];
/** A pod that still cannot be placed says so again after this long, not at every change. */
const repeatSeconds = 300;

const isOurs = ({ spec }: Pod): boolean => (spec.schedulerName ?? schedulerName) === schedulerName;

/** In the order in which they are placed: the most important first, then the oldest. */
const byUrgency = (a: Pod, b: Pod): number =>
  (b.spec.priority ?? 0) - (a.spec.priority ?? 0) ||
  (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? '') ||
  Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion);

/** What of a node decides about placing; its heartbeats do not. */
const matters = (node: Node): unknown => [
  node.metadata.labels,
  node.spec?.taints,
  node.spec?.unschedulable,
  node.status?.allocatable,
];

/** Whether this may let a pod be placed that could not be before. */
function opens({ type, plural, object, before }: ObjectChange): boolean {
  if (plural === 'nodes') {
    return before === undefined || !isDeepStrictEqual(matters(object), matters(before));
  }
  if (plural !== 'pods') return false;
  const pod = object as Pod;
  if (type === 'DELETED') return true;
  if ((pod.spec.nodeName ?? '') === '') {
    return before === undefined || !isDeepStrictEqual((before as Pod).spec, pod.spec);
  }
  const had = before as Pod | undefined;
  // It ended, another may want to be beside it, or what it says of itself changed.
  return (
    had === undefined ||
    isOver(pod) !== isOver(had) ||
    had.spec.nodeName !== pod.spec.nodeName ||
    !isDeepStrictEqual(had.metadata.labels, pod.metadata.labels)
  );
}

/** Gives each pending pod its node. All of them in one pass, so that the cluster is looked at once. */
export function createScheduler({ objects, clock, index, recorder }: ControllerContext): Controller {
  const record = recorder(schedulerName);
  /** When each pod last said that it cannot be placed, by uid. */
  const said = new Map<string, number>();

  const refuse = (pod: Pod, reason: string, message: string): void => {
    const { name, namespace, uid = '' } = pod.metadata;
    const before = conditionOf(pod, 'PodScheduled');
    objects.change('pods', name, namespace, (object) => {
      const { status } = object as Pod;
      const conditions = withCondition(
        status?.conditions,
        { type: 'PodScheduled', status: 'False', reason, message },
        clock.now(),
      );
      return { ...object, status: { ...status, phase: 'Pending', conditions } };
    });
    const again = (said.get(uid) ?? 0) + clock.scaled(repeatSeconds) <= clock.now();
    if (before?.message === message && !again) return;
    said.set(uid, clock.now());
    if (reason === 'Unschedulable') record(pod, { type: 'Warning', reason: 'FailedScheduling', message });
  };

  const bind = (pod: Pod, nodeName: string): void => {
    const { name, namespace, uid = '' } = pod.metadata;
    objects.change('pods', name, namespace, (object) => {
      const { spec, status } = object as Pod;
      const bare = (status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
      const conditions = withCondition(bare, { type: 'PodScheduled', status: 'True' }, clock.now());
      return { ...object, spec: { ...spec, nodeName }, status: { ...status, conditions } };
    });
    said.delete(uid);
    record(pod, { reason: 'Scheduled', message: `Successfully assigned ${keyOf(pod)} to ${nodeName}` });
  };

  return {
    name: 'scheduler',
    keys: () => everything,
    wokenBy: (change) => {
      if (change.type === 'DELETED') said.delete(change.object.metadata.uid ?? '');
      return opens(change) ? everything : [];
    },
    reconcile: () => {
      const waiting = index.podsWithoutNode().filter(isOurs).sort(byUrgency);
      if (waiting.length === 0) return undefined;
      const state = schedulingState({
        nodes: objects.list('nodes').map((node) => node as Node),
        podsOn: (name) => index.podsOn(name),
        namespaceLabels: (name) => objects.get('namespaces', name)?.metadata.labels ?? {},
      });
      for (const pod of waiting) {
        if ((pod.spec.schedulingGates ?? []).length > 0) {
          refuse(pod, 'SchedulingGated', 'Scheduling is blocked due to non-empty scheduling gates');
          continue;
        }
        const choice = chooseNode(pod, state);
        if ('message' in choice) {
          refuse(pod, 'Unschedulable', choice.message);
        } else {
          state.place(pod, choice.nodeName);
          bind(pod, choice.nodeName);
        }
      }
      return undefined;
    },
  };
}
