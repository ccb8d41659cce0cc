import type { Demand } from './demands.ts';
import type { TopologyGroup } from './topology-groups.ts';

/** Longer chains of pods that follow pods that follow pods are cut. */
const chainMax = 8;

/**
 * The order in which classes are placed. Higher priorities go first, and with them whatever they want to be with, which goes
 * before them. Then whoever has least choice: what fits on no offering, then what is tied to other pods, then what fewer
 * offerings suit. Of the rest, large ones go before small ones.
 *
 * @param choiceOf how many offerings would do.
 */
export function orderDemands(
  demands: readonly Demand[],
  groups: readonly TopologyGroup[],
  choiceOf: (demand: Demand) => number,
): readonly Demand[] {
  const isAffinity = (group: number): boolean =>
    groups[group]?.kind === 'affinity' && groups[group].isRequired;
  const selectedBy = new Map<number, Demand[]>();
  for (const demand of demands)
    for (const group of demand.ties.selectedBy)
      if (isAffinity(group)) {
        const selected = selectedBy.get(group) ?? [];
        selected.push(demand);
        selectedBy.set(group, selected);
      }
  // Pods of one group that want to be together do not follow each other.
  const leadersOf = (follower: Demand): readonly Demand[] =>
    follower.ties.owns.filter(isAffinity).flatMap((group) => {
      const isOfItself = follower.ties.selectedBy.includes(group);
      return (selectedBy.get(group) ?? []).filter(({ ties }) => !(isOfItself && ties.owns.includes(group)));
    });
  const following = demands
    .map((follower) => ({ follower, leaders: leadersOf(follower) }))
    .filter(({ leaders }) => leaders.length > 0);

  const depths = new Map<Demand, number>();
  const priorities = new Map(demands.map((demand) => [demand, demand.priority]));
  const of = (map: ReadonlyMap<Demand, number>, demand: Demand, otherwise: number): number =>
    map.get(demand) ?? otherwise;
  const raise = (map: Map<Demand, number>, demand: Demand, to: number): boolean => {
    if (of(map, demand, 0) >= to) return false;
    map.set(demand, to);
    return true;
  };
  let changes = true;
  for (let round = 0; round < chainMax && changes; round += 1) {
    changes = false;
    for (const { follower, leaders } of following)
      for (const leader of leaders) {
        const isDeeper = raise(depths, follower, Math.min(chainMax, of(depths, leader, 0) + 1));
        const isHigher = raise(priorities, leader, of(priorities, follower, 0));
        changes ||= isDeeper || isHigher;
      }
  }

  const keyed = demands.map((demand, at) => ({
    demand,
    rank: [
      -of(priorities, demand, 0),
      of(depths, demand, 0),
      choiceOf(demand) === 0 ? 0 : 1,
      demand.ties.owns.length > 0 ? 0 : 1,
      choiceOf(demand),
      at,
    ],
  }));
  return keyed.sort((a, b) => compare(a.rank, b.rank)).map(({ demand }) => demand);
}

function compare(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < a.length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0 && !Number.isNaN(difference)) return difference;
  }
  return 0;
}
