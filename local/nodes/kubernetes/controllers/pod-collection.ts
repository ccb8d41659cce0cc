import { epochOf, isOver } from './conditions.ts';
import { keyOf, placeOf } from './cluster-index.ts';
import type { Controller, ControllerContext } from './controller.ts';
import { deleteObject } from './deletion.ts';
import type { Pod } from './shapes.ts';

/** A Node may be made anew under its name, so its pods are not given up at once. */
const quarantineSeconds = 40;
/** Ended pods are kept to be looked at, but not for ever. */
const endedMax = 1_000;

/** Takes away pods that no kubelet will ever end, because their node is gone, and the oldest of too many ended ones. */
export function createPodCollector(context: ControllerContext): Controller {
  const { objects, clock, index } = context;
  /** When each node was first missed, in epoch milliseconds. */
  const missedSince = new Map<string, number>();

  const collectFrom = (nodeName: string): number | undefined => {
    if (objects.get('nodes', nodeName) !== undefined) {
      missedSince.delete(nodeName);
      return undefined;
    }
    const pods = index.podsOn(nodeName);
    if (pods.length === 0) {
      missedSince.delete(nodeName);
      return undefined;
    }
    const since = missedSince.get(nodeName) ?? clock.now();
    missedSince.set(nodeName, since);
    const dueMs = since + clock.scaled(quarantineSeconds);
    if (dueMs > clock.now()) return dueMs;
    for (const pod of pods) {
      if (deleteObject(context, 'pods', pod.metadata, { graceSeconds: 0 }) === undefined) continue;
      // Finalizers hold it: it is at least said to have failed.
      objects.change('pods', pod.metadata.name, pod.metadata.namespace, (object) => ({
        ...object,
        status: { ...(object as Pod).status, phase: 'Failed' },
      }));
    }
    return undefined;
  };

  const collectEnded = (): void => {
    const ended = index.pods().filter(isOver);
    if (ended.length <= endedMax) return;
    const oldest = ended.sort(
      (a, b) => (epochOf(a.metadata.creationTimestamp) ?? 0) - (epochOf(b.metadata.creationTimestamp) ?? 0),
    );
    for (const pod of oldest.slice(0, ended.length - endedMax)) {
      deleteObject(context, 'pods', pod.metadata, { graceSeconds: 0 });
    }
  };

  return {
    name: 'pod-collection',
    keys: () => [
      ...new Set(
        index
          .pods()
          .map(({ spec }) => `node/${spec.nodeName ?? ''}`)
          .filter((key) => key !== 'node/'),
      ),
    ],
    wokenBy: ({ type, plural, object, before }) => {
      if (plural === 'nodes') return type === 'MODIFIED' ? [] : [`node/${object.metadata.name}`];
      if (plural !== 'pods' || type === 'DELETED') return [];
      const pod = object as Pod;
      const { nodeName = '' } = pod.spec;
      const placed = nodeName !== '' && nodeName !== (before as Pod | undefined)?.spec.nodeName;
      // One that was never placed has nobody to end it.
      const homeless = nodeName === '' && pod.metadata.deletionTimestamp !== undefined;
      const ended = isOver(pod) && (before === undefined || !isOver(before as Pod));
      return [
        ...(placed ? [`node/${nodeName}`] : []),
        ...(homeless ? [`pod/${keyOf(pod)}`] : []),
        ...(ended ? ['ended/'] : []),
      ];
    },
    reconcile: (key) => {
      const what = key.slice(0, key.indexOf('/'));
      const rest = key.slice(what.length + 1);
      if (what === 'node') return collectFrom(rest);
      if (what === 'ended') collectEnded();
      else {
        const { namespace, name } = placeOf(rest);
        deleteObject(context, 'pods', { name, namespace }, { graceSeconds: 0 });
      }
      return undefined;
    },
  };
}
