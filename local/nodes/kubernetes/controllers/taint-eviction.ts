import { epochOf, isLeaving, isOver } from './conditions.ts';
import { keyOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject } from './deletion.ts';
import { tolerates } from './selectors.ts';
import type { Node, Pod, Taint } from './shapes.ts';

/** When a pod has to leave these taints' node; `never`: it bears them all. Pure. */
export function leaveBy(
  pod: Pod,
  taints: readonly Taint[],
  nowMs: number,
  scaled: (seconds: number) => number,
): number | 'never' {
  let dueMs: number | 'never' = 'never';
  for (const taint of taints.filter(({ effect }) => effect === 'NoExecute')) {
    const borne = (pod.spec.tolerations ?? []).filter((each) => tolerates(each, taint));
    if (borne.length === 0) return nowMs;
    const limits = borne
      .map(({ tolerationSeconds }) => tolerationSeconds)
      .filter((each) => each !== undefined);
    // One toleration without a limit does not outweigh one with: the shortest counts.
    if (limits.length === 0) continue;
    const sinceMs = epochOf(taint.timeAdded) ?? nowMs;
    const until = sinceMs + scaled(Math.max(0, Math.min(...limits)));
    dueMs = dueMs === 'never' ? until : Math.min(dueMs, until);
  }
  return dueMs;
}

const taintsOf = (node: Node | undefined): readonly Taint[] => node?.spec?.taints ?? [];

/** Drives pods off nodes whose taints they do not bear, or not for so long. */
export function createTaintEviction(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  const record = context.recorder('taint-eviction-controller');

  return {
    name: 'taint-eviction',
    keys: () => objects.list('nodes').map(({ metadata }) => metadata.name),
    wokenBy: ({ type, plural, object, before }) => {
      if (type === 'DELETED') return [];
      if (plural === 'nodes') {
        const had = JSON.stringify(taintsOf(before));
        return JSON.stringify(taintsOf(object)) === had ? [] : [object.metadata.name];
      }
      if (plural !== 'pods') return [];
      const { nodeName = '' } = (object as Pod).spec;
      if (nodeName === '' || (before as Pod | undefined)?.spec.nodeName === nodeName) return [];
      return [nodeName];
    },
    reconcile: (name) => {
      const node: Node | undefined = objects.get('nodes', name);
      const taints = (node?.spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute');
      if (taints.length === 0) return undefined;
      const now = clock.now();
      let againMs: number | undefined;
      for (const pod of index.podsOn(name)) {
        if (isOver(pod) || isLeaving(pod)) continue;
        const dueMs = leaveBy(pod, taints, now, (seconds) => clock.scaled(seconds));
        if (dueMs === 'never') continue;
        if (dueMs > now) {
          againMs = Math.min(againMs ?? dueMs, dueMs);
          continue;
        }
        record(pod, { reason: 'TaintManagerEviction', message: `Marking for deletion Pod ${keyOf(pod)}` });
        deleteObject(context, 'pods', pod.metadata);
      }
      return againMs;
    },
  };
}
