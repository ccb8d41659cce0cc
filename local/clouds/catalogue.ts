import type { SimulatedCloud } from './world.ts';

/** What a size of machine is: enough to refuse unknown ones, to count quotas, to boot, and to be paid for. */
export interface SimulatedType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly architecture: 'amd64' | 'arm64';
  readonly spot: boolean;
  /** US dollars per hour for the whole machine, Linux, list price. */
  readonly usdPerHour: number;
  /** The spot price; absent where the size cannot be had as spot. */
  readonly usdPerHourSpot?: number;
}

/** US dollars per vCPU and hour. */
interface Price {
  readonly onDemand: number;
  readonly spot?: number;
}

const family = (
  vcpus: readonly number[],
  name: (vcpus: number) => string,
  gibPerVcpu: number,
  price: Price,
  architecture: 'amd64' | 'arm64' = 'amd64',
): SimulatedType[] =>
  vcpus.map((count) => ({
    name: name(count),
    vcpus: count,
    memoryGib: count * gibPerVcpu,
    architecture,
    spot: price.spot !== undefined,
    usdPerHour: round(count * price.onDemand),
    ...(price.spot === undefined ? {} : { usdPerHourSpot: round(count * price.spot) }),
  }));

const round = (usd: number): number => Number(usd.toFixed(6));
const at = (onDemand: number, spot?: number): Price =>
  spot === undefined ? { onDemand } : { onDemand, spot };

const awsSize = (vcpus: number): string =>
  vcpus === 2 ? 'large' : vcpus === 4 ? 'xlarge' : `${vcpus / 4}xlarge`;
const powers = [2, 4, 8, 16, 32];

/**
 * A part of each cloud's list in US East, from their public size and price lists as of 2026-06 to 2026-08. Spot prices move;
 * Azure's are an estimate (0.2 of on-demand) but for F-series.
 */
const types: Record<SimulatedCloud, readonly SimulatedType[]> = {
  aws: [
    ...family([2], () => 't3.medium', 2, at(0.0208, 0.008467)),
    ...family([2], () => 't3.large', 4, at(0.0416, 0.018129)),
    ...family(powers, (n) => `c6a.${awsSize(n)}`, 2, at(0.03825, 0.016759)),
    ...family(powers, (n) => `c6i.${awsSize(n)}`, 2, at(0.0425, 0.017563)),
    ...family(powers, (n) => `c7i.${awsSize(n)}`, 2, at(0.044625, 0.01708)),
    ...family(powers, (n) => `c7a.${awsSize(n)}`, 2, at(0.05132, 0.020538)),
    ...family(powers, (n) => `m6a.${awsSize(n)}`, 4, at(0.0432, 0.018034)),
    ...family(powers, (n) => `m6i.${awsSize(n)}`, 4, at(0.048, 0.019161)),
    ...family(powers, (n) => `m7i.${awsSize(n)}`, 4, at(0.0504, 0.020819)),
    ...family(powers, (n) => `c7g.${awsSize(n)}`, 2, at(0.03625, 0.013527), 'arm64'),
  ],
  gcp: [
    ...family([2], () => 'e2-medium', 2, at(0.018868, 0.010345)),
    ...family(powers, (n) => `n4-highcpu-${n}`, 2, at(0.03827, 0.01697)),
    ...family(powers, (n) => `c4-highcpu-${n}`, 2, at(0.042526, 0.025516)),
    ...family([4, 8, 22, 44], (n) => `c3-highcpu-${n}`, 2, at(0.042526, 0.012076)),
    ...family(powers, (n) => `n2-standard-${n}`, 4, at(0.054689, 0.012518)),
    ...family(powers, (n) => `e2-standard-${n}`, 4, at(0.037735, 0.02069)),
    ...family(powers, (n) => `n4-standard-${n}`, 4, at(0.04535, 0.02011)),
    ...family(powers, (n) => `c4a-highcpu-${n}`, 2, at(0.03788, 0.021898), 'arm64'),
    ...family(powers, (n) => `c4a-standard-${n}`, 4, at(0.0449, 0.025956), 'arm64'),
    ...family(powers, (n) => `n4a-standard-${n}`, 4, at(0.0385, 0.016936), 'arm64'),
  ],
  azure: [
    ...family([2], () => 'Standard_B2ls_v2', 2, at(0.0208)),
    ...family(powers, (n) => `Standard_D${n}als_v6`, 2, at(0.040198, 0.00804)),
    ...family(powers, (n) => `Standard_D${n}ls_v5`, 2, at(0.0425, 0.0085)),
    ...family(powers, (n) => `Standard_F${n}s_v2`, 2, at(0.042281, 0.009302)),
    ...family(powers, (n) => `Standard_D${n}s_v5`, 4, at(0.048, 0.0096)),
  ],
  digitalocean: [
    ...family([2, 4, 8], (n) => `s-${n}vcpu-${n * 2}gb`, 2, at(0.017857)),
    ...family([2, 4, 8], (n) => `s-${n}vcpu-${n * 2}gb-amd`, 2, at(0.020834)),
    ...family([2, 4, 8, 16], (n) => `c-${n}`, 2, at(0.03125)),
    ...family(powers, (n) => `g-${n}vcpu-${n * 4}gb`, 4, at(0.046875)),
  ],
};

export const instanceType = (cloud: SimulatedCloud, name: string): SimulatedType | undefined =>
  types[cloud].find((type) => type.name === name);

export const instanceTypes = (cloud: SimulatedCloud): readonly SimulatedType[] => types[cloud];
