import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { ClusterCloud } from '../domain/cluster.ts';
import type { NodeGroup } from '../domain/cluster-request.ts';
import type { NodeRole } from '../domain/network.ts';
import type { Market, Offering } from '../domain/offering.ts';
import { chooseOffering, isCoolingOff, suitableOfferings } from './choose-offering.ts';

export interface PlacedNode {
  readonly group: NodeGroup;
  readonly offering: Offering;
}

/** Where a node stands already; only nodes that are wanted count. */
export interface Standing {
  readonly role: NodeRole;
  readonly cloud: CloudName;
}

/**
 * Decides for each node its cloud and offering. A group with a cloud stays there. The others are spread: each control
 * plane to the cloud with the fewest control planes (three go to three clouds where the cluster has three), then each
 * worker to the cloud with the fewest nodes, ties in the clouds' fixed order. A cloud in which nothing suitable is
 * available is passed over while another has something.
 *
 * @throws when no cloud of the cluster has anything suitable: requests have been validated.
 */
export function placeNodes(options: {
  groups: readonly NodeGroup[];
  clouds: readonly ClusterCloud[];
  standing: readonly Standing[];
  market: Market;
}): readonly PlacedNode[] {
  const { market } = options;
  const ours = cloudNames.filter((name) => options.clouds.some(({ cloud }) => cloud === name));
  const standing = [...options.standing];
  const placed: PlacedNode[] = [];

  const crowding = (role: NodeRole, cloud: CloudName): number =>
    standing.filter((node) => node.cloud === cloud && (role === 'worker' || node.role === role)).length;

  const place = (group: NodeGroup): void => {
    const candidates = (group.cloud === undefined ? ours : [group.cloud])
      .map((cloud) => ({
        cloud,
        suitable: suitableOfferings({ cloud, wanted: group, offerings: market.offerings }),
      }))
      .filter(({ suitable }) => suitable.length > 0);
    const available = candidates.filter(({ suitable }) =>
      suitable.some((offering) => !isCoolingOff(offering, market.coolOffs)),
    );
    // toSorted is stable: equally crowded clouds keep their order.
    const [best] = (available.length > 0 ? available : candidates).toSorted(
      (a, b) => crowding(group.role, a.cloud) - crowding(group.role, b.cloud),
    );
    const offering = best && chooseOffering({ cloud: best.cloud, wanted: group, market });
    if (offering === undefined) {
      throw new Error(
        `no cloud of the cluster offers ${group.instanceType ?? group.shape ?? 'this'} as ${group.lifecycle}`,
      );
    }
    placed.push({ group, offering });
    standing.push({ role: group.role, cloud: offering.cloud });
  };

  // Nodes whose cloud was named first, so that the spread ones go where those are not; control planes before workers.
  for (const role of ['control-plane', 'worker'] as const) {
    const groups = options.groups.filter((group) => group.role === role);
    for (const group of groups.toSorted(
      (a, b) => Number(a.cloud === undefined) - Number(b.cloud === undefined),
    )) {
      for (let count = 0; count < group.count; count += 1) place(group);
    }
  }
  return placed;
}
