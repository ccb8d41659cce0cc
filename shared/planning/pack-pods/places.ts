import type { Labels } from '../../domain/pod.ts';
import type { TopologyGroup } from './topology-groups.ts';

/** Where nodes are alike to every group that looks beyond single hosts: a zone, a cloud, or both together. */
export interface Place {
  readonly index: number;
  /** The number of this place's domain for a group; -1: it has none, or the group is one of hosts. */
  readonly domainOf: (group: number) => number;
}

/** Tells places apart as far as some group does: where no group looks beyond hosts there is one. */
export function mapPlaces(groups: readonly TopologyGroup[]): (labels: Labels) => Place {
  const keys = [
    ...new Set(groups.filter(({ isOfHosts }) => !isOfHosts).map(({ topologyKey }) => topologyKey)),
  ];
  const keyOf = groups.map(({ isOfHosts, topologyKey }) => (isOfHosts ? -1 : keys.indexOf(topologyKey)));
  const domains = keys.map(() => new Map<string, number>());
  const places = new Map<string, Place>();
  return (labels) => {
    const numbers = keys.map((key, at) => {
      const value = labels[key];
      const known = domains[at] as Map<string, number>;
      if (value !== undefined && !known.has(value)) known.set(value, known.size);
      return value === undefined ? -1 : (known.get(value) ?? -1);
    });
    const name = numbers.join();
    let place = places.get(name);
    if (place === undefined) {
      const ofGroups = keyOf.map((key) => numbers[key] ?? -1);
      place = { index: places.size, domainOf: (group) => ofGroups[group] ?? -1 };
      places.set(name, place);
    }
    return place;
  };
}
