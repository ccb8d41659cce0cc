import { secondsBetween } from '../../domain/ids.ts';
import { nodeName, type Node } from '../../domain/node.ts';
import type { Offering } from '../../domain/offering.ts';
import { policyDefaults } from '../../domain/policy.ts';
import { mayBeOn } from '../plan-for-pods.ts';
import { offeringsToBuy, vcpusOf } from '../purchases.ts';
import { isIdle, mayResize, type Action, type Strategy, type View } from './view.ts';

export const returnToSpot: Strategy = {
  name: 'return to spot',
  reason:
    'what stands in for spot is given back when spot can be had again: the other one comes first, then it goes',
  decide: (view) => {
    if (view.cluster.policies.spot === undefined || !mayResize(view)) return [];
    const stand = view.nodes.filter(
      (node) =>
        node.standsInFor === 'spot' &&
        node.role === 'worker' &&
        node.phase === 'ready' &&
        isIdle(node, 'present') &&
        node.interruption !== 'terminate',
    );
    const successorOf = ({ id }: Node): Node | undefined =>
      view.nodes.find(
        ({ replaces, desired, phase }) => replaces === id && desired === 'present' && phase !== 'failed',
      );
    const over = stand.filter((node) => successorOf(node)?.phase === 'ready');
    if (over.length > 0)
      return over.map(({ number }): Action => ({
        kind: 'retire',
        number,
        because: `node ${number} stood in for spot, and another is ready in its place`,
        isLost: false,
      }));
    // One at a time: for a while both are there.
    if (stand.some((node) => successorOf(node) !== undefined)) return [];
    for (const node of stand) {
      const offering = spotInPlaceOf(node, view);
      if (offering !== undefined)
        return [
          {
            kind: 'plan',
            nodes: [{ role: 'worker', offering, boughtFor: 'spot', replaces: node.id }],
            because: `node ${node.number} stands in for spot, which is to be had again`,
          },
        ];
    }
    return [];
  },
};

/**
 * The cheapest that is as large, cheaper, allowed by the policy, and one for what runs there; while that is not known, of the
 * same cloud.
 */
function spotInPlaceOf(node: Node, view: View): Offering | undefined {
  const { cluster, nodes, parts, market, now } = view;
  const { spot = {}, clusterLimits } = cluster.policies;
  const { returnAfterSeconds = policyDefaults.spot.returnAfterSeconds } = spot;
  const { sharePercent = policyDefaults.spot.sharePercent, clouds } = spot;
  if (market === undefined || node.readyAt === undefined) return undefined;
  if (secondsBetween(node.readyAt, now) < returnAfterSeconds) return undefined;
  const workers = nodes.filter(({ role }) => role === 'worker');
  const onSpot = vcpusOf(workers.filter(({ offering }) => offering.lifecycle === 'spot'));
  const [all, inAll] = [vcpusOf(workers) - node.offering.vcpus, vcpusOf(nodes) - node.offering.vcpus];
  const { maxVcpus = Infinity } = clusterLimits ?? {};
  const name = nodeName(cluster.name, node.number);
  const running = view.pods && view.workload?.workload?.nodes.find((seen) => seen.name === name)?.pods;
  const suits = (offering: Offering): boolean =>
    running === undefined
      ? offering.cloud === node.cloud
      : running.every((pod) => pod.isNodesOwn === true || mayBeOn(pod, offering));
  return offeringsToBuy({ cluster, parts, market })
    .filter(suits)
    .filter(
      ({ lifecycle, cloud, architecture, vcpus, memoryGib, usdPerHour }) =>
        lifecycle === 'spot' &&
        clouds?.includes(cloud) !== false &&
        architecture === node.offering.architecture &&
        vcpus >= node.offering.vcpus &&
        memoryGib >= node.offering.memoryGib &&
        usdPerHour < node.offering.usdPerHour &&
        inAll + vcpus <= maxVcpus &&
        (onSpot + vcpus) * 100 <= sharePercent * (all + vcpus),
    )
    .toSorted((a, b) => a.usdPerHour - b.usdPerHour)[0];
}
