import { powers, type SimulatedType } from '../catalogue-type.ts';

/**
 * Family, its name from vCPUs and GiB, GiB per vCPU, US dollars per vCPU and hour (of Intel's sizes the middle one's: they
 * differ by half a percent), its vCPUs. Spot is sold of GPUs alone.
 */
const digitalOcean: readonly (readonly [
  string,
  (vcpus: number, gib: number) => string,
  number,
  number,
  readonly number[],
])[] = [
  ['s', (n, gib) => `s-${n}vcpu-${gib}gb`, 2, 0.017857, [1, 2, 4, 8]],
  ['s-amd', (n, gib) => `s-${n}vcpu-${gib}gb-amd`, 2, 0.020834, [1, 2, 4, 8]],
  ['s-amd', (n, gib) => `s-${n}vcpu-${gib}gb-amd`, 4, 0.03125, [2, 4, 8]],
  ['s-intel', (n, gib) => `s-${n}vcpu-${gib}gb-intel`, 2, 0.020834, [1, 2, 4, 8]],
  ['c', (n) => `c-${n}`, 2, 0.03125, [...powers, 48]],
  ['c-intel', (n) => `c-${n}-intel`, 2, 0.040613, [4, 8, 16, 32, 48, 60]],
  ['c2', (n, gib) => `c2-${n}vcpu-${gib}gb`, 2, 0.03497, [...powers, 48]],
  ['g', (n, gib) => `g-${n}vcpu-${gib}gb`, 4, 0.046875, [...powers, 40]],
  ['g-intel', (n, gib) => `g-${n}vcpu-${gib}gb-intel`, 4, 0.056237, [...powers, 48, 60]],
  ['gd', (n, gib) => `gd-${n}vcpu-${gib}gb`, 4, 0.050595, [...powers, 40]],
  ['m', (n, gib) => `m-${n}vcpu-${gib}gb`, 8, 0.0625, [2, 4, 8, 16, 24, 32]],
  ['m-intel', (n, gib) => `m-${n}vcpu-${gib}gb-intel`, 8, 0.073661, [2, 4, 8, 16, 24, 32, 48]],
];

export const digitalOceanTypes: readonly SimulatedType[] = digitalOcean.flatMap(
  ([family, name, gibPerVcpu, onDemand, sizes]) =>
    sizes.map((vcpus) => ({
      name: name(vcpus, vcpus * gibPerVcpu),
      family,
      vcpus,
      memoryGib: vcpus * gibPerVcpu,
      architecture: 'amd64' as const,
      spot: false,
      burstable: family.startsWith('s'),
      // As the API says it: five digits.
      usdPerHour: Number((vcpus * onDemand).toFixed(5)),
    })),
);
