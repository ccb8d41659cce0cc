import { fitsInto, take, type Bin } from './bins.ts';
import type { BothBonds } from './bonds.ts';
import type { Scene } from './scene.ts';
import type { Stranded } from './stranded.ts';
import { useStandingNodes } from './use-standing-nodes.ts';

/**
 * Whether pods that must be on one host may begin on a standing node: once the first is there, all others must follow. So it
 * is one with room for all of them.
 */
export function holdsTogether(scene: Scene) {
  return (number: number, bin: Bin): boolean => {
    const { ofHosts } = scene.bonds[number] as BothBonds;
    const first = ofHosts.affinities.find(({ isOfItself }) => isOfItself);
    if (first === undefined || scene.tallies.hasBegun(first.group, number)) return true;
    const draft = { cpuMillis: bin.cpuMillis, memoryBytes: bin.memoryBytes, pods: bin.pods };
    return scene.demands.every((demand, other) => {
      const left = scene.left[other] ?? 0;
      const { affinities } = (scene.bonds[other] as BothBonds).ofHosts;
      if (left === 0 || !affinities.some(({ group }) => group === first.group)) return true;
      if (fitsInto(draft, demand) < left) return false;
      take(draft, demand, left);
      return true;
    });
  };
}

/** Pods that wanted one host for all of them, and found none, new or old: as many of them as there is one for. */
export function useStandingNodesApart(scene: Scene, stranded: Stranded): void {
  const isLeftOver = (number: number): boolean => {
    const { ofHosts, ofDomains } = scene.bonds[number] as BothBonds;
    return (
      (scene.left[number] ?? 0) > 0 &&
      ofHosts.affinities.some(({ group, isOfItself }) => isOfItself && !scene.tallies.hasBegun(group)) &&
      ofDomains.counted.length + ofDomains.owned.length === 0
    );
  };
  const leftOver = new Set(scene.demands.map((_demand, number) => number).filter(isLeftOver));
  if (leftOver.size > 0) useStandingNodes(scene, { mayBegin: (number) => leftOver.has(number), stranded });
}
