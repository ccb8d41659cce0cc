import type { Offering } from '../../shared/domain/offering.ts';
import type { LabelSelector, Pod } from '../../shared/domain/pod.ts';
import type { Allocatable } from '../../shared/planning/pack-pods/packing.ts';
import { isSelected, mayRunOn } from './kubernetes-rules.ts';

/** A node that grows: it becomes the cheapest of the offerings that hold what is on it. */
interface GrowingNode {
  readonly pods: Pod[];
  /** Of one zone; the largest last. */
  offerings: readonly Offering[];
  cpuMillis: number;
  memoryBytes: number;
}

const zoneKey = 'topology.kubernetes.io/zone';

/**
 * The yardstick: plain first-fit decreasing, pod by pod. The largest pod first; it goes on the first node on which some
 * offering still holds everything, and onto a new one otherwise. It knows spread, affinity and anti-affinity over zones and
 * hosts as far as the benchmark's pods have them, and shares no code with the solver.
 *
 * @returns US dollars per hour, and how many pods had no place.
 */
export function firstFitDecreasing(
  pods: readonly Pod[],
  offerings: readonly Offering[],
  allocatableOf: (offering: Offering) => Allocatable,
): { readonly usdPerHour: number; readonly nodes: number; readonly unplaced: number } {
  const rooms = new Map(offerings.map((offering) => [offering, allocatableOf(offering)]));
  const roomOf = (offering: Offering): Allocatable => rooms.get(offering) as Allocatable;
  const zones = [...new Set(offerings.map(({ zone }) => zone))].sort();
  const bySize = offerings.toSorted(
    (a, b) => roomOf(a).cpuMillis - roomOf(b).cpuMillis || roomOf(a).memoryBytes - roomOf(b).memoryBytes,
  );
  const nodes: GrowingNode[] = [];
  const zoneOf = (node: GrowingNode): string => node.offerings[0]?.zone ?? '';
  const counts = new Counts();
  let unplaced = 0;

  const holds = (offering: Offering, node: GrowingNode, { requests }: Pod): boolean => {
    const room = roomOf(offering);
    return (
      node.cpuMillis + requests.cpuMillis <= room.cpuMillis &&
      node.memoryBytes + requests.memoryBytes <= room.memoryBytes &&
      node.pods.length < room.pods
    );
  };
  const put = (pod: Pod, node: GrowingNode, host: number): void => {
    node.offerings = node.offerings.filter((offering) => holds(offering, node, pod));
    node.pods.push(pod);
    node.cpuMillis += pod.requests.cpuMillis;
    node.memoryBytes += pod.requests.memoryBytes;
    counts.add(pod, zoneOf(node), host);
  };

  const sorted = pods.toSorted(
    (a, b) =>
      b.requests.cpuMillis - a.requests.cpuMillis ||
      b.requests.memoryBytes - a.requests.memoryBytes ||
      (a.name < b.name ? -1 : 1),
  );
  for (const pod of sorted) counts.watch(pod);
  for (const pod of sorted) {
    const host = nodes.findIndex(
      (node, at) =>
        node.offerings.some((offering) => mayRunOn(pod, offering) && holds(offering, node, pod)) &&
        counts.allow(pod, zoneOf(node), at, zones),
    );
    const found = nodes[host];
    if (found !== undefined) {
      found.offerings = found.offerings.filter((offering) => mayRunOn(pod, offering));
      put(pod, found, host);
      continue;
    }
    const fresh = zones
      .map((zone): GrowingNode => ({
        pods: [],
        offerings: bySize.filter((offering) => offering.zone === zone && mayRunOn(pod, offering)),
        cpuMillis: 0,
        memoryBytes: 0,
      }))
      .filter(
        (node) =>
          node.offerings.some((offering) => holds(offering, node, pod)) &&
          counts.allow(pod, zoneOf(node), nodes.length, zones),
      )
      .sort((a, b) => cheapest(a, pod) - cheapest(b, pod));
    const [node] = fresh;
    if (node === undefined) {
      unplaced += 1;
      continue;
    }
    nodes.push(node);
    put(pod, node, nodes.length - 1);
  }
  function cheapest(node: GrowingNode, pod: Pod): number {
    return Math.min(
      ...node.offerings.filter((offering) => holds(offering, node, pod)).map(({ usdPerHour }) => usdPerHour),
    );
  }
  const usdPerHour = nodes.reduce(
    (sum, { offerings }) => sum + Math.min(...offerings.map((offering) => offering.usdPerHour)),
    0,
  );
  return { usdPerHour, nodes: nodes.length, unplaced };
}

/** How many pods each selector of each rule selects, by zone and by host. */
class Counts {
  readonly #bySelector = new Map<string, { selector: LabelSelector; selected: Map<string, number> }>();

  #of(selector: LabelSelector): Map<string, number> {
    const key = JSON.stringify(selector);
    let known = this.#bySelector.get(key);
    if (known === undefined) {
      known = { selector, selected: new Map() };
      this.#bySelector.set(key, known);
    }
    return known.selected;
  }

  watch(pod: Pod): void {
    for (const { selector } of rulesOf(pod)) this.#of(selector);
  }

  add(pod: Pod, zone: string, host: number): void {
    for (const { selector, selected } of this.#bySelector.values())
      if (isSelected(selector, pod))
        for (const domain of [zone, `host ${host}`, ''])
          selected.set(domain, (selected.get(domain) ?? 0) + 1);
  }

  allow(pod: Pod, zone: string, host: number, zones: readonly string[]): boolean {
    return rulesOf(pod).every(({ kind, topologyKey, selector }) => {
      const selected = this.#of(selector);
      const domain = topologyKey === zoneKey ? zone : `host ${host}`;
      const there = selected.get(domain) ?? 0;
      const self = isSelected(selector, pod) ? 1 : 0;
      if (kind === 'anti') return there === 0;
      if (kind === 'affinity') return there > 0 || ((selected.get('') ?? 0) === 0 && self === 1);
      // There may always be a host without any.
      const fewest = topologyKey === zoneKey ? Math.min(...zones.map((each) => selected.get(each) ?? 0)) : 0;
      return there + self - fewest <= 1;
    });
  }
}

const rulesOf = (pod: Pod) => [
  ...(pod.topologySpread ?? []).map(({ topologyKey, selector }) => ({
    kind: 'spread',
    topologyKey,
    selector,
  })),
  ...(pod.podAffinity?.required ?? []).map(({ topologyKey, selector }) => ({
    kind: 'affinity',
    topologyKey,
    selector,
  })),
  ...(pod.podAntiAffinity?.required ?? []).map(({ topologyKey, selector }) => ({
    kind: 'anti',
    topologyKey,
    selector,
  })),
];
