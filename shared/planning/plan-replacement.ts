import type { CloudName } from '../domain/cloud.ts';
import type { Cluster } from '../domain/cluster.ts';
import type { NodeId } from '../domain/ids.ts';
import type { Node, PlannedNode } from '../domain/node.ts';
import { isSameOffering, type Market, type Offering } from '../domain/offering.ts';
import { chooseOffering } from './choose-offering.ts';
import { mayBeBought } from './may-be-bought.ts';
import { otherOfferings } from './next-offering.ts';
import { takeNumbers } from './plan-cluster.ts';

interface Replacing {
  readonly cluster: Pick<Cluster, 'nextNumber' | 'clouds' | 'policies'>;
  /** Every node item of the cluster, also deleted ones: their numbers rest. */
  readonly nodes: readonly Node[];
  /** Where a network of the cluster stands. */
  readonly standing: readonly CloudName[];
  /** Of all the cluster's clouds; what is taken back just now is cooling off in it. */
  readonly market: Market;
}

/**
 * One node for each that is lost or being taken back. A lost one gets one like it: of the same role, size and lifecycle, in
 * the same cloud, by today's prices and cool-offs. In place of one that its cloud takes back comes another type, or else
 * another lifecycle or cloud, and several at once are spread over types: what is taken back from one is soon from the next.
 */
export function planReplacement(
  options: Replacing & { readonly numbers: readonly number[]; readonly newId: () => NodeId },
): { readonly nodes: readonly PlannedNode[]; readonly nextNumber: number } {
  const { cluster, nodes, newId } = options;
  const going = options.numbers.flatMap((number) => nodes.filter((node) => node.number === number));
  const { numbers, nextNumber } = takeNumbers({
    from: cluster.nextNumber,
    taken: nodes.map(({ number }) => number),
    count: going.length,
  });
  const planned: PlannedNode[] = [];
  for (const [index, node] of going.entries()) {
    const number = numbers[index];
    if (number === undefined) break;
    const chosen = planned.map(({ offering }) => offering);
    const offering =
      node.interruption === 'terminate'
        ? offeringElsewhere(node, chosen, options)
        : offeringLike(node, options);
    const wasToBeSpot = node.lifecycle === 'spot' || node.standsInFor === 'spot';
    planned.push({
      id: newId(),
      number,
      role: node.role,
      offering,
      ...(node.shape !== undefined && { shape: node.shape }),
      replaces: node.id,
      ...(node.boughtFor !== undefined && { boughtFor: node.boughtFor }),
      ...(wasToBeSpot && offering.lifecycle !== 'spot' && { standsInFor: 'spot' as const }),
    });
  }
  return { nextNumber, nodes: planned };
}

/** What it had, should its cloud no longer offer anything like it: trying is better than nothing. */
const offeringLike = ({ cloud, role, shape, lifecycle, offering }: Node, { market }: Replacing): Offering =>
  chooseOffering({
    cloud,
    wanted: {
      role,
      lifecycle,
      ...(shape === undefined ? { instanceType: offering.instanceType } : { shape }),
    },
    market,
  }) ?? offering;

/** Of the first cloud and lifecycle that have anything, what the cluster has least of, and then the cheapest. */
function offeringElsewhere(
  node: Node,
  chosen: readonly Offering[],
  { cluster, nodes, standing, market }: Replacing,
): Offering {
  const clouds = cluster.clouds.filter(({ cloud }) => cloud === node.cloud || standing.includes(cloud));
  const mayFallBack = cluster.policies.spot?.fallbackToOnDemand ?? true;
  const others = otherOfferings({ node, clouds, market }).filter(
    (offering) =>
      (mayFallBack || offering.lifecycle === node.offering.lifecycle) &&
      // What people asked for is their own decision.
      (node.boughtFor === undefined ||
        mayBeBought(
          offering,
          cluster.policies,
          cluster.clouds.map(({ cloud }) => cloud),
        )),
  );
  const [first] = others;
  if (first === undefined) return node.offering;
  const held = [
    ...nodes
      .filter(({ desired, phase }) => desired === 'present' && phase !== 'failed')
      .map(({ offering }) => offering),
    ...chosen,
  ];
  const count = (offering: Offering): number => held.filter((each) => isSameOffering(each, offering)).length;
  const [best = first] = others
    .filter(({ cloud, lifecycle }) => cloud === first.cloud && lifecycle === first.lifecycle)
    // toSorted is stable: they come by price.
    .toSorted((a, b) => count(a) - count(b));
  return best;
}
