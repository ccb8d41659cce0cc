import type { DaemonSet } from '../../domain/pod.ts';
import type { Bin } from './bins.ts';
import { findBonds, type BothBonds } from './bonds.ts';
import type { Demand, Demands } from './demands.ts';
import { takenByDaemonSets } from './market.ts';
import { meetsLabels, untolerated } from './node-rules.ts';
import type { StandingNode } from './packing.ts';
import type { Place } from './places.ts';
import type { Scene } from './scene.ts';
import { running, Tallies } from './tallies.ts';
import type { TopologyGroup } from './topology-groups.ts';

/** Whether a spread counts what runs on such a node, and whether it is a domain. Other groups look at all nodes. */
export const isOfAllNodes = ({ kind, domainRules }: TopologyGroup): boolean =>
  kind !== 'spread' || (domainRules.labels === undefined && domainRules.taints === undefined);

export const isCountedOn = (
  { kind, domainRules }: TopologyGroup,
  { labels, taints }: Pick<StandingNode, 'labels' | 'taints'>,
): boolean =>
  kind !== 'spread' ||
  ((domainRules.labels === undefined || meetsLabels(domainRules.labels, labels)) &&
    (domainRules.taints === undefined || untolerated(taints, domainRules.taints) === undefined));

/** A scene in which nothing is placed yet: the nodes that stand, with what runs there and what room they have. */
export function standUp(options: {
  readonly demands: readonly Demand[];
  readonly counts: readonly number[];
  readonly groups: readonly TopologyGroup[];
  readonly tiesOf: Demands['tiesOf'];
  readonly minding: (group: TopologyGroup) => boolean;
  /** In order of their names. */
  readonly nodes: readonly StandingNode[];
  readonly placeOf: (labels: StandingNode['labels']) => Place;
  readonly daemonSets: readonly DaemonSet[];
}): Scene {
  const { demands, groups, nodes } = options;
  const bondsOf = findBonds(groups, options.minding);
  const tallies = new Tallies(groups);
  const bins: Bin[] = [];
  nodes.forEach((node, host) => {
    const place = options.placeOf(node.labels);
    const isCounted = groups.map((group) => isCountedOn(group, node));
    const domainOf = (group: number): number => (isCounted[group] === true ? place.domainOf(group) : -1);
    const hostOf = (group: number): number => (isCounted[group] === true ? host : -1);
    groups.forEach(({ kind, isOfHosts }, group) => {
      if (kind === 'spread') tallies.addDomain(group, isOfHosts ? hostOf(group) : domainOf(group));
    });
    const room = { ...node.allocatable };
    for (const pod of node.pods) {
      room.cpuMillis -= pod.requests.cpuMillis;
      room.memoryBytes -= pod.requests.memoryBytes;
      room.pods -= 1;
      const bonds: BothBonds = bondsOf(options.tiesOf(pod));
      tallies.add(bonds.ofHosts, hostOf, 1, running);
      tallies.add(bonds.ofDomains, domainOf, 1, running);
    }
    if (node.isJoining === true) {
      const taken = takenByDaemonSets(options.daemonSets, node.labels, node.taints);
      room.cpuMillis -= taken.cpuMillis;
      room.memoryBytes -= taken.memoryBytes;
      room.pods -= taken.pods;
    }
    if (node.isUnschedulable !== true)
      bins.push({ host, place: place.index, domainOf, from: { node }, ...room });
  });
  return {
    demands,
    left: [...options.counts],
    bonds: demands.map(({ ties }) => bondsOf(ties)),
    tallies,
    bins,
    placed: [],
    hosts: nodes.length,
    isBuying: false,
  };
}
