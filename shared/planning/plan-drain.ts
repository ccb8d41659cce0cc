import { plusSeconds, type Instant } from '../domain/ids.ts';
import type { HeldPod } from '../domain/node.ts';

/** A pod that is bound to the node, as far as draining looks at it. */
export interface PodOnNode {
  readonly namespace: string;
  readonly name: string;
  /** `Pending`, `Running`, `Succeeded`, `Failed`, `Unknown` */
  readonly phase: string;
  /** The kind of what made it: `ReplicaSet`, `DaemonSet`; absent where nobody did. */
  readonly controller?: string;
  /** It stands for a static pod, which only its kubelet can stop. */
  readonly isMirror: boolean;
  /** It was asked to stop: when its grace is over. */
  readonly stopsBy?: Instant;
}

/** A kubelet that has not stopped a pod so long after its grace will not say so any more: nothing waits for it. */
const afterGraceSecondsMax = 60;

/**
 * What has to go before a node may: pods are evicted, and then waited for. What runs on every node stays until the end, what
 * has ended needs nobody. Pods without anybody who would make them anew are evicted too: the node goes, with or without.
 */
export function planDrain(
  pods: readonly PodOnNode[],
  now: Instant,
): { readonly evict: readonly PodOnNode[]; readonly stopping: readonly PodOnNode[] } {
  const work = pods.filter(
    ({ phase, controller, isMirror }) =>
      !isMirror && controller !== 'DaemonSet' && phase !== 'Succeeded' && phase !== 'Failed',
  );
  return {
    evict: work.filter(({ stopsBy }) => stopsBy === undefined),
    stopping: work.filter(
      ({ stopsBy }) => stopsBy !== undefined && now <= plusSeconds(stopsBy, afterGraceSecondsMax),
    ),
  };
}

/** How many are named; what is meant is understood by then. */
const namedMax = 3;

/** `default/web-1: the disruption budget web needs 2 healthy pods and has 2 currently; and 4 more pods` */
export function heldUpText(pods: readonly HeldPod[]): string {
  const named = pods.slice(0, namedMax).map(({ pod, because }) => `${pod}: ${because}`);
  const more = pods.length - named.length;
  return [...named, ...(more > 0 ? [`and ${more} more pods`] : [])].join('; ');
}
