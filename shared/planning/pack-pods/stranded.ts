import { fitsInto } from './bins.ts';
import type { Bonds, BothBonds } from './bonds.ts';
import type { Demand } from './demands.ts';
import type { Place } from './places.ts';
import type { Scene } from './scene.ts';
import type { Shelves } from './shelves.ts';

/** How many pods that must be where such a pod is could not be there. */
export type Stranded = (number: number, place: Place) => number;

/** Of the pods that must be where such a pod is, those for which nothing is sold there. */
export function strandedBy(scene: Scene, places: readonly Place[], shelves: Shelves): Stranded {
  const ofDomains = followersBy(scene, (bonds) => bonds.ofDomains);
  const ofHosts = followersBy(scene, (bonds) => bonds.ofHosts);
  const known = new Map<string, number>();
  const remembered = (key: string, count: () => number): number => {
    const stranded = known.get(key) ?? count();
    known.set(key, stranded);
    return stranded;
  };
  const countOf = (
    numbers: readonly number[],
    isStranded: (demand: Demand, left: number) => boolean,
  ): number =>
    numbers.reduce((sum, number) => {
      const left = scene.left[number] ?? 0;
      return sum + (isStranded(scene.demands[number] as Demand, left) ? left : 0);
    }, 0);
  const inDomain = (group: number, domain: number): number =>
    remembered(`${group} ${domain}`, () => {
      const there = places.filter(({ domainOf }) => domainOf(group) === domain);
      return countOf(
        ofDomains.get(group) ?? [],
        (demand) => !there.some(({ index }) => shelves.of(demand, index) !== undefined),
      );
    });
  /** They need a node that is for both and holds both, as many of them as there are to one of those whom they follow. */
  const onHost = (group: number, number: number, place: number): number =>
    remembered(`${group} ${number} ${place} host`, () => {
      const lead = scene.demands[number] as Demand;
      const shelf = shelves.of(lead, place);
      return countOf(ofHosts.get(group) ?? [], (demand, left) => {
        const share = Math.ceil(left / Math.max(1, scene.left[number] ?? 0));
        const both = {
          cpuMillis: lead.cpuMillis + demand.cpuMillis * share,
          memoryBytes: lead.memoryBytes + demand.memoryBytes * share,
        };
        const products = shelves.of(demand, place)?.products ?? [];
        return !products.some((product) => shelf?.has(product) === true && fitsInto(product.room, both) > 0);
      });
    });
  return (number, { index, domainOf }) => {
    const bonds = scene.bonds[number] as BothBonds;
    return (
      bonds.ofDomains.company.reduce((sum, group) => sum + inDomain(group, domainOf(group)), 0) +
      bonds.ofHosts.company.reduce((sum, group) => sum + onHost(group, number, index), 0)
    );
  };
}

/** By affinity, the classes that own it. */
function followersBy(
  scene: Scene,
  ofWhich: (bonds: BothBonds) => Bonds,
): ReadonlyMap<number, readonly number[]> {
  const followers = new Map<number, number[]>();
  scene.bonds.forEach((bonds, number) => {
    for (const { group } of ofWhich(bonds).affinities) {
      const numbers = followers.get(group) ?? [];
      numbers.push(number);
      followers.set(group, numbers);
    }
  });
  return followers;
}
