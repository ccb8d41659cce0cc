import { most, powers, roundPrice, type SimulatedType } from '../catalogue-type.ts';

/** US dollars per hour of one core and of one GiB. */
export interface SimulatedRates {
  readonly core: number;
  readonly gib: number;
}

interface GcpSeries {
  /** Of its prices in the billing catalogue: `N2 Instance Core running in …`. */
  readonly sku: string;
  readonly architecture?: 'arm64';
  readonly onDemand: SimulatedRates;
  readonly spot: SimulatedRates;
  /** GiB per vCPU of each of its kinds of type, and their vCPUs. */
  readonly kinds: Readonly<Record<string, readonly [number, readonly number[]]>>;
}

/**
 * Google Cloud sells cores and GiB of a series; a type costs what it is made of. Where the source has only one kind of
 * type of a series (n1, t2d, c2, c3d, n4d, n4a), its price is split as that of the nearest series (n2, n2d, c3, n4).
 */
export const gcpSeries: Readonly<Record<string, GcpSeries>> = {
  e2: {
    sku: 'E2 Instance',
    onDemand: { core: 0.024567, gib: 0.003292 },
    spot: { core: 0.01347, gib: 0.001805 },
    kinds: { standard: [4, powers], highcpu: [1, powers], highmem: [8, [2, 4, 8, 16]] },
  },
  n1: {
    sku: 'N1 Predefined Instance',
    onDemand: { core: 0.035605, gib: 0.004771 },
    spot: { core: 0.009111, gib: 0.001221 },
    kinds: { standard: [3.75, [1, ...powers, 64]] },
  },
  n2: {
    sku: 'N2 Instance',
    onDemand: { core: 0.035605, gib: 0.004771 },
    spot: { core: 0.00815, gib: 0.001092 },
    kinds: { standard: [4, most], highcpu: [1, most], highmem: [8, most] },
  },
  n2d: {
    sku: 'N2D AMD Instance',
    onDemand: { core: 0.030976, gib: 0.004151 },
    spot: { core: 0.01579, gib: 0.002116 },
    kinds: { standard: [4, most], highcpu: [1, most], highmem: [8, most] },
  },
  t2d: {
    sku: 'T2D AMD Instance',
    onDemand: { core: 0.030976, gib: 0.004151 },
    spot: { core: 0.010304, gib: 0.00138 },
    kinds: { standard: [4, [1, ...powers, 48, 60]] },
  },
  c2: {
    sku: 'Compute optimized',
    onDemand: { core: 0.040414, gib: 0.004593 },
    spot: { core: 0.015326, gib: 0.001741 },
    kinds: { standard: [4, [4, 8, 16, 30, 60]] },
  },
  c3: {
    sku: 'C3 Instance',
    onDemand: { core: 0.03465, gib: 0.003938 },
    spot: { core: 0.00984, gib: 0.001118 },
    kinds: { standard: [4, [4, 8, 22, 44]], highcpu: [2, [4, 8, 22, 44]], highmem: [8, [4, 8, 22, 44]] },
  },
  c3d: {
    sku: 'C3D Instance',
    onDemand: { core: 0.031211, gib: 0.003547 },
    spot: { core: 0.01289, gib: 0.001465 },
    kinds: { standard: [4, [4, 8, 16, 30, 60]] },
  },
  c4: {
    sku: 'C4 Instance',
    onDemand: { core: 0.03465, gib: 0.003938 },
    spot: { core: 0.02079, gib: 0.002363 },
    kinds: {
      standard: [3.75, [4, 8, 16, 24, 32, 48]],
      highcpu: [2, [2, 4, 8, 16, 24, 32, 48]],
      highmem: [7.75, [4, 8, 16, 24, 32, 48]],
    },
  },
  c4a: {
    sku: 'C4A Arm Instance',
    architecture: 'arm64',
    onDemand: { core: 0.03086, gib: 0.00351 },
    spot: { core: 0.01784, gib: 0.002029 },
    kinds: { standard: [4, [1, ...most]], highcpu: [2, [1, ...most]], highmem: [8, [1, ...most]] },
  },
  n4: {
    sku: 'N4 Instance',
    onDemand: { core: 0.03119, gib: 0.00354 },
    spot: { core: 0.01383, gib: 0.00157 },
    kinds: { standard: [4, most], highcpu: [2, most], highmem: [8, most] },
  },
  n4d: {
    sku: 'N4D Instance',
    onDemand: { core: 0.02913, gib: 0.003305 },
    spot: { core: 0.013458, gib: 0.001527 },
    kinds: { standard: [4, most] },
  },
  n4a: {
    sku: 'N4A Instance',
    architecture: 'arm64',
    onDemand: { core: 0.02648, gib: 0.003005 },
    spot: { core: 0.011648, gib: 0.001322 },
    kinds: { standard: [4, [1, ...most]] },
  },
};

const gcpType = (
  family: string,
  name: string,
  size: { vcpus: number; memoryGib: number; billedCores?: number },
): SimulatedType => {
  const { architecture = 'amd64', onDemand, spot } = gcpSeries[family] as GcpSeries;
  const cost = ({ core, gib }: SimulatedRates): number =>
    roundPrice((size.billedCores ?? size.vcpus) * core + size.memoryGib * gib);
  return {
    name,
    family,
    ...size,
    architecture,
    spot: true,
    burstable: size.billedCores !== undefined,
    usdPerHour: cost(onDemand),
    usdPerHourSpot: cost(spot),
  };
};

export const gcpTypes: readonly SimulatedType[] = [
  gcpType('e2', 'e2-small', { vcpus: 2, memoryGib: 2, billedCores: 0.5 }),
  gcpType('e2', 'e2-medium', { vcpus: 2, memoryGib: 4, billedCores: 1 }),
  // The smallest ones have a little less than their kind.
  gcpType('c4', 'c4-standard-2', { vcpus: 2, memoryGib: 7 }),
  gcpType('c4', 'c4-highmem-2', { vcpus: 2, memoryGib: 15 }),
  ...Object.entries(gcpSeries).flatMap(([family, { kinds }]) =>
    Object.entries(kinds).flatMap(([kind, [gibPerVcpu, sizes]]) =>
      sizes.map((vcpus) =>
        gcpType(family, `${family}-${kind}-${vcpus}`, { vcpus, memoryGib: vcpus * gibPerVcpu }),
      ),
    ),
  ),
];
