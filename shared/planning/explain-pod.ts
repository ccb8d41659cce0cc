import type { PodExplanation } from '../domain/api-types.ts';
import type { CloudParts, Cluster } from '../domain/cluster.ts';
import type { Instant } from '../domain/ids.ts';
import { nodeName, type Node } from '../domain/node.ts';
import type { Market, Offering } from '../domain/offering.ts';
import type { WorkloadSighting } from '../domain/workload.ts';
import { packPods } from './pack-pods/pack-pods.ts';
import type { Packing } from './pack-pods/packing.ts';
import { offeringsToBuy } from './purchases.ts';
import { standingNodes } from './standing-nodes.ts';

const inWords = ({ instanceType, cloud, lifecycle, usdPerHour }: Offering): string =>
  `${instanceType} in ${cloud} (${lifecycle}, $${usdPerHour.toFixed(4)} per hour)`;

/**
 * Why a pod is where it is, or waits: by what its cluster's API last showed, and what can be bought now.
 *
 * @param pod `namespace/name`
 * @returns undefined when no such pod was seen.
 */
export function explainPod(options: {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  readonly parts: readonly CloudParts[];
  readonly sighting: Extract<WorkloadSighting, { workload: object }>;
  readonly market: Market;
  readonly pod: string;
  readonly now: Instant;
}): PodExplanation | undefined {
  const { cluster, nodes, parts, sighting, market, pod, now } = options;
  const { workload, at: seenAt } = sighting;
  const isIt = (each: { readonly namespace: string; readonly name: string }): boolean =>
    `${each.namespace}/${each.name}` === pod;
  const heldUp = workload.heldUp.find((each) => each.pod === pod);
  if (heldUp !== undefined) return { pod, seenAt, state: 'held up', because: [heldUp.why] };
  const on = workload.nodes.find(({ pods }) => pods.some(isIt));
  if (on !== undefined) {
    const node = nodes.find(({ number }) => nodeName(cluster.name, number) === on.name);
    const running = on.pods.find(isIt);
    return {
      pod,
      seenAt,
      state: 'placed',
      node: on.name,
      because: [
        ...(node === undefined ? [] : [`${on.name} is ${inWords(node.offering)}`]),
        ...(node?.boughtFor === undefined ? [] : [`it was bought by policy: ${node.boughtFor}`]),
        ...(node?.standsInFor === undefined ? [] : ['it stands in for spot, which was not to be had']),
        ...(running?.isNodesOwn === true ? ['the pod belongs to its node'] : []),
      ],
    };
  }
  if (!workload.waiting.some(isIt)) return undefined;
  const standing = standingNodes({ cluster, nodes, workload, seenAt, now });
  const packing = packPods({
    pods: standing.waiting,
    nodes: standing.nodes,
    offerings: offeringsToBuy({ cluster, parts, market }),
    daemonSets: workload.daemonSets,
    policies: cluster.policies,
  });
  return { pod, seenAt, state: 'waiting', because: whyWaiting(packing, pod, cluster) };
}

function whyWaiting(packing: Packing, pod: string, { policies }: Cluster): readonly string[] {
  const number = packing.classes.findIndex(({ pods }) => pods.includes(pod));
  const unplaced = packing.unplaced.find((each) => each.podClass === number && each.pods.includes(pod));
  if (unplaced !== undefined)
    return [
      ...unplaced.because.map(
        ({ obstacle, detail, nodes, offerings }) =>
          `${obstacle}: ${detail} (rules out ${nodes} nodes and ${offerings} offerings)`,
      ),
      ...(unplaced.nearest === undefined
        ? ['nothing that may be bought is to be had just now']
        : [
            `nearest is ${inWords(unplaced.nearest.offering)}, but for ${unplaced.nearest.obstacles.join(', ')}`,
          ]),
    ];
  // Its place among its equals says where it goes: they are taken in their order.
  let before = packing.classes[number]?.pods.indexOf(pod) ?? 0;
  for (const { podClass, count, on } of packing.placements) {
    if (podClass !== number) continue;
    if (before >= count) {
      before -= count;
      continue;
    }
    if ('node' in on)
      return [`there is room on ${on.node}, which the scheduler finds, or which is on its way`];
    const bought = packing.newNodes[on.newNode];
    const what = bought === undefined ? 'a node' : inWords(bought.offering);
    return policies.unschedulablePods === undefined
      ? [`it needs ${what}, and no policy buys it: unschedulablePods is off`]
      : [`${what} is to be bought for it and others`];
  }
  return ['nothing is known against it'];
}
