import type { Cluster } from '../domain/cluster.ts';
import type { ClusterRequest, NodeGroup } from '../domain/cluster-request.ts';
import type { Instant, NodeId } from '../domain/ids.ts';
import { overlayAddress, type Node, type PlannedNode } from '../domain/node.ts';
import type { Market } from '../domain/offering.ts';
import { placeNodes, type PlacedNode } from './place-nodes.ts';

export interface NodePlan {
  readonly nodes: readonly PlannedNode[];
  /** The cluster's next number once this plan is written. */
  readonly nextNumber: number;
  /** For people; the plan is carried out all the same. */
  readonly warnings: readonly string[];
}

/** Overlay host numbers: 10.4.0.0/16 without its first and last address. */
export const numberMax = 65_534;

/** The first nodes of a cluster, control planes first, numbered from 1. */
export function planCluster(options: {
  request: Pick<ClusterRequest, 'groups' | 'clouds'>;
  market: Market;
  newId: () => NodeId;
}): NodePlan {
  const { request, market, newId } = options;
  const placed = placeNodes({ groups: request.groups, clouds: request.clouds, standing: [], market });
  const { numbers, nextNumber } = takeNumbers({ from: 1, taken: [], count: placed.length });
  return { nodes: planned(placed, numbers, newId), nextNumber, warnings: warningsOf(request, placed) };
}

/**
 * More nodes for a cluster that lives.
 *
 * @param nodes every node item of the cluster, also deleted ones: a number rests for 24 h after its last use.
 */
export function planNodes(options: {
  cluster: Pick<Cluster, 'clouds' | 'nextNumber'>;
  nodes: readonly Pick<Node, 'number' | 'role' | 'cloud' | 'desired' | 'phase'>[];
  groups: readonly NodeGroup[];
  market: Market;
  newId: () => NodeId;
}): NodePlan {
  const { cluster, nodes, groups, market, newId } = options;
  const placed = placeNodes({
    groups,
    clouds: cluster.clouds,
    standing: nodes.filter((node) => node.desired === 'present' && node.phase !== 'failed'),
    market,
  });
  const { numbers, nextNumber } = takeNumbers({
    from: cluster.nextNumber,
    taken: nodes.map((node) => node.number),
    count: placed.length,
  });
  return { nodes: planned(placed, numbers, newId), nextNumber, warnings: [] };
}

/** Upwards from `from`, without those that are taken, around the end. @throws when all are taken. */
export function takeNumbers(options: { from: number; taken: readonly number[]; count: number }): {
  readonly numbers: readonly number[];
  readonly nextNumber: number;
} {
  const taken = new Set(options.taken);
  const numbers: number[] = [];
  let next = options.from;
  for (let tries = 0; numbers.length < options.count; tries += 1) {
    if (tries > numberMax) throw new Error('every node number is taken');
    if (next > numberMax) next = 1;
    if (!taken.has(next)) numbers.push(next);
    next += 1;
  }
  return { numbers, nextNumber: next > numberMax ? 1 : next };
}

/** The node item that a planned node becomes. @throws when its cloud is none of the cluster's. */
export function materialiseNode(options: {
  cluster: Pick<Cluster, 'id' | 'clouds'>;
  planned: PlannedNode;
  now: Instant;
}): Node {
  const { cluster, planned: node, now } = options;
  const cloud = cluster.clouds.find((candidate) => candidate.cloud === node.offering.cloud);
  if (cloud === undefined) throw new Error(`${node.offering.cloud} is none of the cluster's clouds`);
  return {
    ...node,
    clusterId: cluster.id,
    cloud: cloud.cloud,
    accountId: cloud.accountId,
    lifecycle: node.offering.lifecycle,
    desired: 'present',
    phase: 'planned',
    attempt: 0,
    overlayAddress: overlayAddress(node.number),
    createdAt: now,
  };
}

const planned = (
  placed: readonly PlacedNode[],
  numbers: readonly number[],
  newId: () => NodeId,
): readonly PlannedNode[] =>
  placed.flatMap(({ group, offering }, index) => {
    const number = numbers[index];
    if (number === undefined) return [];
    return [
      {
        id: newId(),
        number,
        role: group.role,
        offering,
        ...(group.shape !== undefined && { shape: group.shape }),
      },
    ];
  });

function warningsOf(
  request: Pick<ClusterRequest, 'clouds'>,
  placed: readonly PlacedNode[],
): readonly string[] {
  const controlPlanes = placed.filter(({ group }) => group.role === 'control-plane');
  const perCloud = Map.groupBy(controlPlanes, ({ offering }) => offering.cloud);
  const quorum = Math.floor(controlPlanes.length / 2) + 1;
  const holders = [...perCloud].filter(([, nodes]) => controlPlanes.length - nodes.length < quorum);
  if (request.clouds.length === 1) {
    return ['the cluster stands in one cloud: losing it loses the cluster'];
  }
  if (controlPlanes.length === 1) return [];
  return holders.map(
    ([cloud, nodes]) =>
      `${cloud} holds ${nodes.length} of ${controlPlanes.length} control planes: losing it loses the quorum`,
  );
}
