import type { Offering } from '../domain/offering.ts';
import type { Resources } from '../domain/pod.ts';

const mebibyte = 2 ** 20;
const gibibyte = 2 ** 30;

/** A kubelet's own default, and less than the /24 of addresses that each node has for its pods. */
export const podsPerNodeMax = 110;
/** A kubelet evicts when less memory than this is free: its own default. */
const evictionBytes = 100 * mebibyte;
/**
 * Firmware, hypervisor and kernel keep some of what is sold before the kubelet counts it: up to 7.5 % on AWS by Karpenter's
 * measure (its `VM_MEMORY_OVERHEAD_PERCENT`), less elsewhere. Too much here leaves room unused; too little promises room
 * that a new node does not have.
 */
const keptByMachineShare = 0.075;

/** Of each further part so much is kept for what runs beside the pods; `of` in vCPUs or GiB, the last part is the rest. */
interface Part {
  readonly of: number;
  readonly share: number;
}
/**
 * As Google publishes it for GKE's nodes ("Plan node sizes"), and Amazon for the CPU of EKS's. Kubernetes has no rule of its
 * own, so this is the careful one of the clouds', and the same for all four.
 */
const keptCpu: readonly Part[] = [
  { of: 1, share: 0.06 },
  { of: 1, share: 0.01 },
  { of: 2, share: 0.005 },
  { of: Infinity, share: 0.0025 },
];
const keptMemory: readonly Part[] = [
  { of: 4, share: 0.25 },
  { of: 4, share: 0.2 },
  { of: 8, share: 0.1 },
  { of: 112, share: 0.06 },
  { of: Infinity, share: 0.02 },
];
/** Machines of 1 GiB or less: a quarter would not carry a kubelet. */
const keptMemoryOfSmallest = 255 * mebibyte;

function keptOf(amount: number, parts: readonly Part[]): number {
  let kept = 0;
  let left = amount;
  for (const { of, share } of parts) {
    kept += Math.min(left, of) * share;
    left = Math.max(0, left - of);
  }
  return kept;
}

type Machine = Pick<Offering, 'vcpus' | 'memoryGib'>;

/** What a node keeps for its kubelet, container runtime and system: its kubelet is told so, and `allocatableOf` counts on it. */
export const reservedOf = ({ vcpus, memoryGib }: Machine): Resources => ({
  cpuMillis: Math.ceil(keptOf(vcpus, keptCpu) * 1000),
  memoryBytes:
    memoryGib <= 1
      ? keptMemoryOfSmallest
      : Math.ceil((keptOf(memoryGib, keptMemory) * gibibyte) / mebibyte) * mebibyte,
});

/** What pods may ask for together on a node of this kind: at least so much, and little more. */
export function allocatableOf(machine: Machine): Resources & { readonly pods: number } {
  const reserved = reservedOf(machine);
  const memoryBytes = Math.floor(machine.memoryGib * gibibyte * (1 - keptByMachineShare));
  return {
    cpuMillis: machine.vcpus * 1000 - reserved.cpuMillis,
    memoryBytes: Math.max(0, memoryBytes - reserved.memoryBytes - evictionBytes),
    pods: podsPerNodeMax,
  };
}

/** `cpu=70m,memory=1024Mi`: the form of the kubelet's --kube-reserved. */
export const formatReserved = ({ cpuMillis, memoryBytes }: Resources): string =>
  `cpu=${cpuMillis}m,memory=${memoryBytes / mebibyte}Mi`;
