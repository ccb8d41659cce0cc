import type { Cluster } from '../domain/cluster.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import { nodeName, type Node } from '../domain/node.ts';
import type { Pod } from '../domain/pod.ts';
import type { SeenNode, Workload } from '../domain/workload.ts';
import { allocatableOf } from './allocatable.ts';
import { labelsOnceJoined, taintsOf } from './node-labels.ts';
import type { StandingNode } from './pack-pods/packing.ts';

/**
 * A machine that is on its way counts as room for so long after it was asked for: ten minutes of creating and five of joining
 * are many. One that takes longer may never come, and what waits for it must not.
 */
export const joinSecondsMax = 15 * 60;

export interface Standing {
  /** Those that are to stay; one that gives no room is cordoned here, and counts towards the limits all the same. */
  readonly nodes: readonly StandingNode[];
  /** Pods without a node, and those of nodes that are to go. */
  readonly waiting: readonly Pod[];
}

/** What a cluster has for its pods: its nodes as the platform knows them, with what its API showed of them. */
export function standingNodes(options: {
  readonly cluster: Pick<Cluster, 'name' | 'pendingPlan'>;
  readonly nodes: readonly Node[];
  readonly workload: Workload;
  /** When that was seen. */
  readonly seenAt: Instant;
  readonly now: Instant;
}): Standing {
  const { cluster, nodes, workload, seenAt, now } = options;
  const seenBy = new Map(workload.nodes.map((seen) => [seen.name, seen]));
  const seenOf = ({ number }: Node): SeenNode | undefined => seenBy.get(nodeName(cluster.name, number));
  const staying = nodes.filter(isStaying);
  const going = nodes.filter(
    (node) => !isStaying(node) && node.phase !== 'deleted' && node.phase !== 'failed',
  );
  const known = new Set(nodes.map(({ id }) => id));
  return {
    nodes: [
      ...staying.map((node) => stand(cluster, node, seenOf(node), { seenAt, now })),
      ...(cluster.pendingPlan?.nodes ?? [])
        .filter(({ id }) => !known.has(id))
        .map(({ number, role, offering }): StandingNode => ({
          ...onItsWay(nodeName(cluster.name, number), role, offering),
          pods: [],
        })),
    ],
    waiting: [...workload.waiting, ...going.flatMap((node) => seenOf(node)?.pods ?? []).filter(needsPlace)],
  };
}

/** What belongs to its node goes with it; what is asked to stop waits under another name, if it is made anew at all. */
const needsPlace = ({ isNodesOwn, isStopping }: Pod): boolean => isNodesOwn !== true && isStopping !== true;

const isStaying = ({ desired, phase, interruption }: Node): boolean =>
  desired === 'present' && phase !== 'failed' && phase !== 'deleted' && interruption !== 'terminate';

function stand(
  cluster: Pick<Cluster, 'name'>,
  node: Node,
  seen: SeenNode | undefined,
  { seenAt, now }: { readonly seenAt: Instant; readonly now: Instant },
): StandingNode {
  const { offering, role, phase } = node;
  const name = nodeName(cluster.name, node.number);
  if (phase === 'ready' && seen !== undefined && !becameReadySince(node, seen, seenAt)) {
    const { labels, taints, allocatable, pods } = seen;
    const isShut = seen.isUnschedulable === true || !seen.isReady;
    return {
      name,
      offering,
      role,
      labels,
      taints,
      allocatable,
      pods,
      ...(isShut && { isUnschedulable: true }),
    };
  }
  const since = node.createRequest?.requestedAt ?? node.createdAt;
  const isLate = phase !== 'ready' && secondsBetween(since, now) > joinSecondsMax;
  return {
    ...onItsWay(name, role, offering),
    pods: seen?.pods ?? [],
    ...(isLate && { isUnschedulable: true }),
  };
}

/** Who says that a node is ready, and who looks at the cluster, go by clocks of their own. */
const clocksApartSecondsMax = 120;

/** It was still on its way when somebody looked: what it was bought for must not be bought once more. */
const becameReadySince = ({ readyAt }: Node, { isReady }: SeenNode, seenAt: Instant): boolean =>
  !isReady && readyAt !== undefined && secondsBetween(readyAt, seenAt) < clocksApartSecondsMax;

/** A node that was asked for, as it will be once it has joined. */
export const onItsWay = (
  name: string,
  role: Node['role'],
  offering: Node['offering'],
): Omit<StandingNode, 'pods'> => ({
  name,
  offering,
  role,
  labels: { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': name },
  taints: [
    ...taintsOf(offering),
    ...(role === 'control-plane'
      ? [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' as const }]
      : []),
  ],
  allocatable: allocatableOf(offering),
  isJoining: true,
});
