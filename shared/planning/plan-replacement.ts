import type { Cluster } from '../domain/cluster.ts';
import type { NodeId } from '../domain/ids.ts';
import type { Node, PlannedNode } from '../domain/node.ts';
import type { OfferingName } from '../domain/offering.ts';
import { chooseOffering } from './choose-offering.ts';
import { takeNumbers } from './plan-cluster.ts';

/**
 * One more like each lost node: of the same role, size and lifecycle, in the same cloud, by today's prices and cool-offs.
 *
 * @param nodes every node item of the cluster, also deleted ones: their numbers rest.
 */
export function planReplacement(options: {
  cluster: Pick<Cluster, 'region' | 'nextNumber'>;
  nodes: readonly Node[];
  numbers: readonly number[];
  coolOffs: readonly OfferingName[];
  newId: () => NodeId;
}): { readonly nodes: readonly PlannedNode[]; readonly nextNumber: number } {
  const { cluster, nodes, coolOffs, newId } = options;
  const lost = options.numbers.flatMap((number) => nodes.filter((node) => node.number === number));
  const { numbers, nextNumber } = takeNumbers({
    from: cluster.nextNumber,
    taken: nodes.map(({ number }) => number),
    count: lost.length,
  });
  return {
    nextNumber,
    nodes: lost.flatMap((node, index) => {
      const number = numbers[index];
      return number === undefined
        ? []
        : [
            {
              id: newId(),
              number,
              role: node.role,
              offering: offeringLike(node, cluster.region, coolOffs),
              ...(node.shape !== undefined && { shape: node.shape }),
              replaces: node.id,
            },
          ];
    }),
  };
}

/** What it had, should its cloud no longer offer anything like it: trying is better than nothing. */
const offeringLike = (
  { cloud, role, shape, lifecycle, offering }: Node,
  region: string,
  coolOffs: readonly OfferingName[],
) =>
  chooseOffering({
    cloud,
    region,
    wanted: {
      role,
      lifecycle,
      ...(shape === undefined ? { instanceType: offering.instanceType } : { shape }),
    },
    coolOffs,
  }) ?? offering;
