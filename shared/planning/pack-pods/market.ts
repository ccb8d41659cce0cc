import type { Offering } from '../../domain/offering.ts';
import type { DaemonSet, Labels, Taint } from '../../domain/pod.ts';
import { allocatableOf } from '../allocatable.ts';
import { labelsOnceJoined, taintsOf } from '../node-labels.ts';
import { suits } from './node-rules.ts';
import type { Allocatable, PackingOptions } from './packing.ts';

/** An offering as pods see it. */
export interface Product {
  /** Its place in the market. */
  readonly index: number;
  readonly offering: Offering;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  /** What is left once every node's own pods run there; nothing where they alone do not fit. */
  readonly room: Allocatable;
  readonly usdPerHour: number;
  readonly vcpus: number;
  readonly isSpot: boolean;
}

/** What every node's own pods take of a node with these labels and taints: the DaemonSets that choose it. */
export function takenByDaemonSets(
  daemonSets: readonly DaemonSet[],
  labels: Labels,
  taints: readonly Taint[],
): Allocatable {
  const taken = { cpuMillis: 0, memoryBytes: 0, pods: 0 };
  for (const { requests, ...rules } of daemonSets) {
    if (!suits(rules, labels, taints)) continue;
    taken.cpuMillis += requests.cpuMillis;
    taken.memoryBytes += requests.memoryBytes;
    taken.pods += 1;
  }
  return taken;
}

const noRoom: Allocatable = { cpuMillis: 0, memoryBytes: 0, pods: 0 };

function without(whole: Allocatable, taken: Allocatable): Allocatable {
  const left = {
    cpuMillis: whole.cpuMillis - taken.cpuMillis,
    memoryBytes: whole.memoryBytes - taken.memoryBytes,
    pods: whole.pods - taken.pods,
  };
  return left.cpuMillis < 0 || left.memoryBytes < 0 || left.pods < 0 ? noRoom : left;
}

const nameOf = ({ cloud, region, zone, instanceType, lifecycle }: Offering): string =>
  `${cloud} ${region} ${zone} ${instanceType} ${lifecycle}`;

/** In one order, whichever they came in: at equal prices on-demand stands before spot. */
export function toMarket(
  offerings: readonly Offering[],
  options: Pick<PackingOptions, 'daemonSets' | 'allocatableOf'>,
): readonly Product[] {
  const named = offerings.map((offering) => ({ offering, name: nameOf(offering) }));
  named.sort((a, b) => a.offering.usdPerHour - b.offering.usdPerHour || (a.name < b.name ? -1 : 1));
  return named.map(({ offering }, index) => {
    const labels = labelsOnceJoined(offering);
    const taints = taintsOf(offering);
    const whole = (options.allocatableOf ?? allocatableOf)(offering);
    return {
      index,
      offering,
      labels,
      taints,
      room: without(whole, takenByDaemonSets(options.daemonSets, labels, taints)),
      usdPerHour: offering.usdPerHour,
      vcpus: offering.vcpus,
      isSpot: offering.lifecycle === 'spot',
    };
  });
}
