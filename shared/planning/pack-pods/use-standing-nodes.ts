import { fitsInto, take, type Bin } from './bins.ts';
import type { Bond, BothBonds } from './bonds.ts';
import type { Demand } from './demands.ts';
import { isHeadroom } from './headroom.ts';
import { preference, suits } from './node-rules.ts';
import type { StandingNode } from './packing.ts';
import type { Place } from './places.ts';
import type { Scene } from './scene.ts';
import { isRequired, running } from './tallies.ts';

/** A node with room left, as one class of pods sees it. */
interface Choice {
  readonly bin: Bin;
  readonly preference: number;
}

const nodeOf = ({ from }: Bin): StandingNode | undefined => ('node' in from ? from.node : undefined);

interface Guides {
  /** Whether pods that must be on one host may begin there. */
  readonly mayBegin: (demand: number, bin: Bin) => boolean;
  /** How many others must be where such a pod is, and could not be there. */
  readonly stranded: (demand: number, place: Place) => number;
}

const passesMax = 4;

/**
 * Puts on the nodes that stand what the kube-scheduler would put there by itself, were it asked now: for that nothing is
 * bought. It knows the standing nodes alone, so only their zones and hosts are domains here. The fullest node that takes the
 * pods is used first, so that the emptiest may go one day.
 */
export function useStandingNodes(scene: Scene, guides: Guides): void {
  const bins = scene.bins.toSorted((a, b) => roomOf(a) - roomOf(b) || a.host - b.host);
  const choicesByRules = new Map<object, readonly Choice[]>();
  const choicesOf = ({ rules }: Demand): readonly Choice[] => {
    let choices = choicesByRules.get(rules);
    if (choices === undefined) {
      choices = bins
        .flatMap((bin) => {
          const node = nodeOf(bin);
          return node !== undefined && suits(rules, node.labels, node.taints)
            ? [{ bin, preference: preference(rules, node.labels, node.taints) }]
            : [];
        })
        .sort((a, b) => b.preference - a.preference);
      choicesByRules.set(rules, choices);
    }
    return choices;
  };

  const usePods = (demand: Demand, number: number): void => {
    const bonds = scene.bonds[number] as BothBonds;
    const choices = choicesOf(demand);
    if (bonds.ofHosts.areNone && bonds.ofDomains.areNone) {
      for (const { bin } of choices) {
        const count = Math.min(scene.left[number] ?? 0, fitsInto(bin, demand));
        if (count > 0) put(scene, number, bin, count);
      }
      return;
    }
    while ((scene.left[number] ?? 0) > 0) {
      const best = bestFor(scene, number, choices, guides);
      if (best === undefined) return;
      put(scene, number, best, 1);
    }
  };

  // Where others went since may let in whom they kept out: the scheduler asks again.
  for (let pass = 1, before = -1; pass <= passesMax && scene.placed.length !== before; pass += 1) {
    before = scene.placed.length;
    scene.demands.forEach((demand, number) => {
      if ((scene.left[number] ?? 0) > 0 && !isHeadroom(demand)) usePods(demand, number);
    });
  }
  scene.demands.forEach((demand, number) => {
    if (isHeadroom(demand)) usePods(demand, number);
  });
}

const roomOf = ({ cpuMillis, memoryBytes }: Bin): number => cpuMillis / 1000 + memoryBytes / 2 ** 32;

/** Records pods on a node, and that they are there. */
export function put(scene: Scene, number: number, bin: Bin, count: number): void {
  const bonds = scene.bonds[number] as BothBonds;
  take(bin, scene.demands[number] as Demand, count);
  // What goes on standing nodes at once is there before all that waits for new ones.
  const podClass = scene.isBuying ? number : running;
  scene.tallies.add(bonds.ofHosts, () => bin.host, count, podClass);
  scene.tallies.add(bonds.ofDomains, bin.domainOf, count, podClass);
  scene.left[number] = (scene.left[number] ?? 0) - count;
  scene.placed.push({ demand: number, count, bin, isLate: scene.isBuying });
}

/** The scheduler's own objection to one more such pod on a standing node. */
export function objectionOnNode(
  scene: Pick<Scene, 'bonds' | 'tallies'>,
  number: number,
  bin: Pick<Bin, 'host' | 'domainOf'>,
  isMinded?: (bond: Bond) => boolean,
): Bond | undefined {
  const bonds = scene.bonds[number] as BothBonds;
  return (
    scene.tallies.objection(bonds.ofHosts, () => bin.host, number, isMinded) ??
    scene.tallies.objection(bonds.ofDomains, bin.domainOf, number, isMinded)
  );
}

/** The node that takes one more, keeps most of what the pods prefer, and whose domains have fewest of them. */
function bestFor(
  scene: Scene,
  number: number,
  choices: readonly Choice[],
  { mayBegin, stranded }: Guides,
): Bin | undefined {
  const { tallies } = scene;
  const demand = scene.demands[number] as Demand;
  const { ofHosts, ofDomains } = scene.bonds[number] as BothBonds;
  let best: Bin | undefined;
  let bestRank: readonly number[] = [];
  for (const { bin, preference } of choices) {
    if (fitsInto(bin, demand) === 0 || objectionOnNode(scene, number, bin, isRequired)) continue;
    if (!mayBegin(number, bin)) continue;
    const rank = [
      objectionOnNode(scene, number, bin) === undefined ? 0 : 1,
      ofDomains.company.length + ofHosts.company.length === 0
        ? 0
        : stranded(number, { index: bin.place, domainOf: bin.domainOf }),
      -preference,
      ...ofDomains.spreads.map(({ group }) => tallies.selected(group, bin.domainOf(group))),
      ...ofHosts.spreads.map(({ group }) => tallies.selected(group, bin.host)),
    ];
    // Of equals the first stays: the fullest.
    if (best === undefined || isBefore(rank, bestRank)) [best, bestRank] = [bin, rank];
  }
  return best;
}

function isBefore(a: readonly number[], b: readonly number[]): boolean {
  for (let at = 0; at < a.length; at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
