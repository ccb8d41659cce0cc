import type { CloudParts, Cluster } from '../domain/cluster.ts';
import { secondsBetween, type Instant } from '../domain/ids.ts';
import { nodesPerPlanMax, type Node } from '../domain/node.ts';
import type { Market, Offering } from '../domain/offering.ts';
import type { WorkloadSighting } from '../domain/workload.ts';
import { suits, type NodeRules } from './pack-pods/node-rules.ts';
import { packPods } from './pack-pods/pack-pods.ts';
import type { NewNode, Packing, PackingOptions, Unplaced } from './pack-pods/packing.ts';
import { labelsOnceJoined, taintsOf } from './node-labels.ts';
import { offeringsToBuy, purchasesResumeAt, type WantedNode } from './purchases.ts';
import { standingNodes, type Standing } from './standing-nodes.ts';

/** Nothing is bought or taken away by what was seen longer ago: pods come and go. */
export const workloadSecondsMax = 120;

export interface PodsPlan {
  readonly standing: Standing;
  readonly options: PackingOptions;
  /** Nodes for pods that fit nowhere: one plan's worth. */
  readonly buy: readonly WantedNode[];
  /** Why pods wait for which nothing is bought; absent when none do. */
  readonly blocked?: { readonly fingerprint: string; readonly reason: string };
}

/** What pods need that wait; undefined when nothing is known of them, or not lately. */
export function planForPods(options: {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  readonly parts: readonly CloudParts[];
  readonly sighting: WorkloadSighting | undefined;
  readonly market: Market | undefined;
  readonly now: Instant;
}): PodsPlan | undefined {
  const { cluster, nodes, parts, sighting, market, now } = options;
  const { workload } = sighting ?? {};
  if (sighting === undefined || workload === undefined || market === undefined) return undefined;
  if (secondsBetween(sighting.at, now) > workloadSecondsMax) return undefined;
  const { policies } = cluster;
  const standing = standingNodes({ cluster, nodes, workload, seenAt: sighting.at, now });
  const resumeAt = purchasesResumeAt(nodes);
  const isWaiting = resumeAt !== undefined && resumeAt > now;
  const offerings = offeringsToBuy({ cluster, parts, market });
  const packing: PackingOptions = {
    pods: standing.waiting,
    nodes: standing.nodes,
    offerings: policies.unschedulablePods === undefined || isWaiting ? [] : offerings,
    daemonSets: workload.daemonSets,
    policies,
  };
  if (policies.unschedulablePods === undefined) return { standing, options: packing, buy: [] };
  const packed = packPods(packing);
  const everything = offeringsToBuy({ cluster, parts, market, alsoCoolingOff: true }).filter(
    ({ cloud }) => policies.spot?.clouds?.includes(cloud) !== false,
  );
  const { buy, heldBack } = wanted(packed, policies, everything);
  const blocked = isWaiting
    ? packed.unplaced.length === 0
      ? undefined
      : {
          fingerprint: 'purchases-fail',
          reason: `what was bought came to nothing, so nothing more is bought before ${resumeAt}: ${waiting(packed.unplaced)}`,
        }
    : whyBlocked(packed, { cluster, offerings, heldBack });
  return { standing, options: packing, buy: buy.slice(0, nodesPerPlanMax), ...(blocked && { blocked }) };
}

/** What is bought; on-demand where spot was wanted is marked, or by policy left. */
function wanted(
  packing: Packing,
  { spot }: Cluster['policies'],
  everything: readonly Offering[],
): { readonly buy: readonly WantedNode[]; readonly heldBack: number } {
  const nodes = packing.newNodes.map((node, index) => ({
    node,
    standsIn: spot !== undefined && standsInForSpot(packing, node, index, everything),
  }));
  const bought = nodes.filter(({ standsIn }) => !standsIn || spot?.fallbackToOnDemand !== false);
  return {
    heldBack: nodes.length - bought.length,
    buy: bought.map(({ node: { offering }, standsIn }): WantedNode => ({
      role: 'worker',
      offering,
      boughtFor: 'unschedulable-pods',
      ...(standsIn && { standsInFor: 'spot' }),
    })),
  };
}

/**
 * All its pods may be on spot, and spot of its size, not to be had just now, would be cheaper. Headroom is for pods of which
 * nothing is known, and which spot would not take without their saying so.
 */
function standsInForSpot(
  { classes, placements }: Packing,
  { offering, holdsHeadroom }: NewNode,
  index: number,
  everything: readonly Offering[],
): boolean {
  if (offering.lifecycle === 'spot' || holdsHeadroom === true) return false;
  const specs = placements
    .filter(({ on }) => 'newNode' in on && on.newNode === index)
    .flatMap(({ podClass }) => classes[podClass]?.spec ?? []);
  return everything.some(
    (other) =>
      other.lifecycle === 'spot' &&
      other.vcpus >= offering.vcpus &&
      other.memoryGib >= offering.memoryGib &&
      other.usdPerHour < offering.usdPerHour &&
      specs.every((spec) => mayBeOn(spec, other)),
  );
}

/** Whether a node made of this is one for the pod, room and company aside. */
export const mayBeOn = (spec: NodeRules, offering: Offering): boolean =>
  suits(spec, labelsOnceJoined(offering), taintsOf(offering));

const namedMax = 3;
const waiting = (unplaced: readonly Unplaced[]): string => {
  const pods = unplaced.flatMap((each) => each.pods);
  const count = unplaced.reduce((sum, each) => sum + each.count, 0);
  const more = count > namedMax ? ', …' : '';
  return `${count} ${count === 1 ? 'pod waits' : 'pods wait'} (${pods.slice(0, namedMax).join(', ')}${more})`;
};

function whyBlocked(
  { unplaced }: Packing,
  given: { readonly cluster: Cluster; readonly offerings: readonly Offering[]; readonly heldBack: number },
): PodsPlan['blocked'] {
  const { cluster, offerings, heldBack } = given;
  const { maxVcpus } = cluster.policies.clusterLimits ?? {};
  if (heldBack > 0)
    return {
      fingerprint: 'no-spot',
      reason: `no spot is to be had just now, and on-demand does not stand in for it: pods for ${heldBack} nodes wait`,
    };
  if (unplaced.length === 0) return undefined;
  const limited = unplaced.filter(({ because }) => because.some(({ obstacle }) => obstacle === 'maxVcpus'));
  if (limited.length > 0)
    return {
      fingerprint: `max-vcpus:${maxVcpus ?? 0}`,
      reason: `at the limit of ${maxVcpus ?? 0} vCPUs nothing more is bought: ${waiting(limited)}`,
    };
  if (offerings.length === 0)
    return {
      fingerprint: 'nothing-to-buy',
      reason: `nothing that may be bought is to be had just now: ${waiting(unplaced)}`,
    };
  const [first] = unplaced;
  const [because] = first?.because ?? [];
  return {
    fingerprint: 'unplaceable',
    reason: `no node would do: ${waiting(unplaced)}${because === undefined ? '' : `; ${because.obstacle}: ${because.detail}`}`,
  };
}
