import { nodesPerPlanMax } from '../../domain/node.ts';
import type { Offering } from '../../domain/offering.ts';
import { offeringsToBuy, purchasesResumeAt, vcpusOf, type WantedNode } from '../purchases.ts';
import { mayResize, type Strategy } from './view.ts';

export const buyMinimum: Strategy = {
  name: 'cluster limits',
  reason: 'a cluster is never smaller than it may be; what it must not exceed, nobody buys',
  decide: (view) => {
    const { cluster, nodes, parts, market, now } = view;
    const { minVcpus = 0, maxVcpus = Infinity } = cluster.policies.clusterLimits ?? {};
    const missing = minVcpus - vcpusOf(nodes);
    if (missing <= 0 || market === undefined || !mayResize(view)) return [];
    const resumeAt = purchasesResumeAt(nodes);
    if (resumeAt !== undefined && resumeAt > now) return [];
    // Spot is for pods that say so: what is bought for nobody in particular is for all.
    const offerings = offeringsToBuy({ cluster, parts, market }).filter(
      ({ lifecycle }) => lifecycle === 'on-demand',
    );
    const wanted = cheapest(offerings, missing, maxVcpus - vcpusOf(nodes));
    return wanted.length === 0
      ? []
      : [
          {
            kind: 'plan',
            nodes: wanted,
            because: `${vcpusOf(nodes)} vCPUs are there, and the lower limit is ${minVcpus}`,
          },
        ];
  },
};

/** By the price of a vCPU, as large as what is missing, and in the end what costs least of all that covers the rest. */
function cheapest(offerings: readonly Offering[], missing: number, room: number): readonly WantedNode[] {
  const wanted: WantedNode[] = [];
  let [left, roomLeft] = [missing, room];
  while (left > 0 && wanted.length < nodesPerPlanMax) {
    const fitting = offerings.filter(({ vcpus }) => vcpus <= roomLeft);
    const within = fitting
      .filter(({ vcpus }) => vcpus <= left)
      .toSorted((a, b) => a.usdPerHour / a.vcpus - b.usdPerHour / b.vcpus || b.vcpus - a.vcpus);
    const beyond = fitting.toSorted((a, b) => a.usdPerHour - b.usdPerHour);
    const offering = within[0] ?? beyond[0];
    if (offering === undefined) break;
    wanted.push({ role: 'worker', offering, boughtFor: 'cluster-limits' });
    left -= offering.vcpus;
    roomLeft -= offering.vcpus;
  }
  return wanted;
}
