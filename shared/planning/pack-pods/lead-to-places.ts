import { fitsInto, type Bin } from './bins.ts';
import type { Bond, BothBonds } from './bonds.ts';
import type { Demand } from './demands.ts';
import type { Place } from './places.ts';
import type { Scene } from './scene.ts';
import type { Shelf } from './shelves.ts';
import type { Stranded } from './stranded.ts';
import { isRequired } from './tallies.ts';
import { objectionOnNode, put } from './use-standing-nodes.ts';

export interface PlaceGuides {
  /** Whether pods from that shelf are counted in the group: a spread counts on nodes that its own pods may use. */
  readonly counts: (group: number, shelf: Shelf) => boolean;
  readonly stranded: Stranded;
}

/** A place as one class of pods sees it. */
export interface Candidate {
  readonly place: Place;
  readonly shelf: Shelf | undefined;
  /** Nodes that stand there and suit. */
  readonly bins: readonly Bin[];
  /** What such a pod costs there, as a share of what it costs where it is cheapest; the same for what differs by less than a hair. */
  readonly cost: number;
  ordered: number;
  /** What decides between places, the first difference first: less is better. */
  readonly rank: number[];
  /** The standing node that would take the next one. */
  bin: Bin | undefined;
}

/** Says for each of the pods in which place it is to be, and puts it on a standing node there if there is room on one. */
export function leadToPlaces(
  scene: Scene,
  number: number,
  candidates: readonly Candidate[],
  company: HostCompany,
  guides: PlaceGuides,
): void {
  const { ofDomains, ofHosts } = scene.bonds[number] as BothBonds;
  const { tallies } = scene;
  const hasCompany = ofDomains.company.length + ofHosts.company.length > 0;
  const isHeldBack = !isOnlySpreadWith(ofDomains);
  // Where pods are not counted themselves, they leave the level as it is.
  const ownSpreads = ofDomains.spreads.filter(({ isOfItself }) => isOfItself);
  let left = scene.left[number] ?? 0;
  while (left > 0) {
    let best: Candidate | undefined;
    const open: Candidate[] = [];
    for (const candidate of candidates) {
      const { place, rank } = candidate;
      if (isHeldBack && tallies.objection(ofDomains, place.domainOf, number, isRequired) !== undefined)
        continue;
      candidate.bin = candidate.bins.length === 0 ? undefined : roomiest(scene, number, candidate.bins);
      if (candidate.bin === undefined && candidate.shelf === undefined) continue;
      rank[0] = isHeldBack && tallies.objection(ofDomains, place.domainOf, number) !== undefined ? 1 : 0;
      rank[1] = hasCompany ? guides.stranded(number, place) + company.missing(ofHosts, place) : 0;
      rank[2] = levelIn(scene, place, ownSpreads);
      rank[3] = candidate.bin === undefined ? 1 : 0;
      rank[4] = candidate.cost;
      rank[5] = levelIn(scene, place, ofDomains.spreadWith);
      open.push(candidate);
      if (best === undefined || isBefore(candidate, best)) best = candidate;
    }
    if (best === undefined) return;
    company.note(ofHosts, best.place);
    if (best.bin !== undefined) {
      put(scene, number, best.bin, 1);
      left -= 1;
      continue;
    }
    const count = isHeldBack ? 1 : evenShare(best, open, left);
    const { shelf, place } = best;
    tallies.add(
      ofDomains,
      (group) => (shelf !== undefined && guides.counts(group, shelf) ? place.domainOf(group) : -1),
      count,
      number,
    );
    best.ordered += count;
    left -= count;
  }
}

/** In which places there will be hosts with pods whom others want to be with on a host. */
export class HostCompany {
  readonly #places = new Map<number, Set<number>>();

  note({ counted }: BothBonds['ofHosts'], { index }: Place): void {
    for (const group of counted) {
      const places = this.#places.get(group) ?? new Set();
      this.#places.set(group, places.add(index));
    }
  }

  /** How many of the affinities could not be kept there, because whom they are to is elsewhere. */
  missing({ affinities }: BothBonds['ofHosts'], { index }: Place): number {
    return affinities.filter(({ group }) => this.#places.get(group)?.has(index) === false).length;
  }
}

function levelIn({ tallies }: Scene, { domainOf }: Place, bonds: readonly Bond[]): number {
  let level = 0;
  for (const { group } of bonds) level += tallies.selected(group, domainOf(group));
  return level;
}

const isOnlySpreadWith = ({
  spreads,
  affinities,
  antiAffinities,
  repelled,
}: BothBonds['ofDomains']): boolean =>
  spreads.length + affinities.length + antiAffinities.length + repelled.length === 0;

/** How many can go there before another place comes first: of pods that nothing holds back many at once. */
function evenShare({ rank }: Candidate, open: readonly Candidate[], left: number): number {
  const last = rank.length - 1;
  const rivals = open.filter((other) => other.rank.every((each, at) => at === last || each === rank[at]));
  const gaps = rivals.map((other) => (other.rank[last] ?? 0) - (rank[last] ?? 0)).filter((gap) => gap > 0);
  const share = gaps.length === 0 ? Math.floor(left / rivals.length) : Math.min(...gaps);
  return Math.min(left, Math.max(1, share));
}

function isBefore({ rank }: Candidate, other: Candidate): boolean {
  for (let at = 0; at < rank.length; at += 1) {
    const difference = (rank[at] ?? 0) - (other.rank[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** The fullest standing node that still takes one more. */
function roomiest(scene: Scene, number: number, bins: readonly Bin[]): Bin | undefined {
  const { tallies } = scene;
  const { ofHosts } = scene.bonds[number] as BothBonds;
  return bins.find(
    (bin) =>
      fitsInto(bin, scene.demands[number] as Demand) > 0 &&
      tallies.roomOnHost(ofHosts, bin.host, number) > 0 &&
      objectionOnNode(scene, number, bin, isRequired) === undefined,
  );
}
