import type { Cluster } from '../../shared/domain/cluster.ts';
import { secondsBetween, type Instant } from '../../shared/domain/ids.ts';
import { heldPodsMax, nodeName, type HeldPod, type Node } from '../../shared/domain/node.ts';
import { heldUpText, planDrain, type PodOnNode } from '../../shared/planning/plan-drain.ts';
import {
  cordon,
  evict,
  mayPass,
  podsOn,
  type ClusterAccess,
  type ClusterApi,
} from '../../shared/runtime/cluster-access.ts';

const evictionsAtOnce = 8;
/** A cluster that does not answer for a moment is nothing to tell anybody. */
const unansweredSecondsMax = 60;

/** What one pass over a node's pods came to. */
export type Handover =
  /** Nothing of its work is left on it. */
  | { readonly isDone: true; readonly why: string }
  /** Pods are stopping, or were asked to. */
  | { readonly isDone: false; readonly waitingFor: string; readonly heldUp?: never }
  /** Nothing moves, and why. */
  | {
      readonly isDone: false;
      readonly waitingFor: string;
      readonly heldUp: { readonly because: string; readonly pods: readonly HeldPod[] };
    };

/**
 * One pass: the node is cordoned, then every pod on it is asked to go by the Eviction API, which minds disruption budgets.
 * Right when done again, since it looks at what is there each time.
 *
 * @throws what the cluster's API refuses for good.
 */
export async function handOver(
  access: ClusterAccess,
  options: {
    readonly cluster: Cluster;
    readonly node: Pick<Node, 'number' | 'drainHeldUp'>;
    readonly startedAt: Instant;
    readonly now: Instant;
  },
): Promise<Handover> {
  const { cluster, node, startedAt, now } = options;
  const name = nodeName(cluster.name, node.number);
  try {
    const api = await access(cluster);
    if (!(await cordon(api, name))) return { isDone: true, why: 'its cluster does not know it' };
    const { evict: toEvict, stopping } = planDrain(await podsOn(api, name), now);
    if (toEvict.length + stopping.length === 0) return { isDone: true, why: 'nothing runs on it any more' };
    const held = await evictAll(api, toEvict);
    const pods = toEvict.length + stopping.length;
    const waitingFor = `${pods} ${pods === 1 ? 'pod' : 'pods'} of node ${node.number} to stop`;
    // While some go, what is refused now may be allowed as soon as they run elsewhere.
    const isMoving = stopping.length > 0 || held.length < toEvict.length;
    return isMoving
      ? { isDone: false, waitingFor }
      : {
          isDone: false,
          waitingFor,
          heldUp: { because: heldUpText(held), pods: held.slice(0, heldPodsMax) },
        };
  } catch (error) {
    if (!mayPass(error)) throw error;
    const waitingFor = `the API of cluster ${cluster.name}: ${error.message}`;
    // What has held it up for longer does so still.
    const isNew = node.drainHeldUp === undefined && secondsBetween(startedAt, now) < unansweredSecondsMax;
    return isNew
      ? { isDone: false, waitingFor }
      : { isDone: false, waitingFor, heldUp: { because: waitingFor, pods: [] } };
  }
}

/** @returns those that must not go now. */
async function evictAll(api: ClusterApi, pods: readonly PodOnNode[]): Promise<readonly HeldPod[]> {
  const held: HeldPod[] = [];
  for (let first = 0; first < pods.length; first += evictionsAtOnce)
    await Promise.all(
      pods.slice(first, first + evictionsAtOnce).map(async (pod) => {
        const because = await evict(api, pod);
        if (because !== undefined) held.push({ pod: `${pod.namespace}/${pod.name}`, because });
      }),
    );
  return held.toSorted((a, b) => (a.pod < b.pod ? -1 : 1));
}
