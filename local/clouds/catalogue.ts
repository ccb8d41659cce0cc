import type { SimulatedCloud } from './world.ts';

/** What a size of machine is: enough to refuse unknown ones, to count quotas and to boot. */
export interface SimulatedType {
  readonly name: string;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly architecture: 'amd64' | 'arm64';
  readonly spot: boolean;
}

const family = (
  vcpus: readonly number[],
  name: (vcpus: number) => string,
  gibPerVcpu: number,
  rest: { architecture?: 'arm64'; spot?: false } = {},
): SimulatedType[] =>
  vcpus.map((count) => ({
    name: name(count),
    vcpus: count,
    memoryGib: count * gibPerVcpu,
    architecture: rest.architecture ?? 'amd64',
    spot: rest.spot ?? true,
  }));

const awsSize = (vcpus: number): string =>
  vcpus === 2 ? 'large' : vcpus === 4 ? 'xlarge' : `${vcpus / 4}xlarge`;
const powers = [2, 4, 8, 16, 32];

/** A part of each cloud's list in US East, from their public size tables as of 2026-08. */
const types: Record<SimulatedCloud, readonly SimulatedType[]> = {
  aws: [
    ...family([2], () => 't3.medium', 2),
    ...family([2], () => 't3.large', 4),
    ...['c6a', 'c6i', 'c7i', 'c7a'].flatMap((f) => family(powers, (n) => `${f}.${awsSize(n)}`, 2)),
    ...['m6a', 'm6i', 'm7i'].flatMap((f) => family(powers, (n) => `${f}.${awsSize(n)}`, 4)),
    ...['c7g'].flatMap((f) => family(powers, (n) => `${f}.${awsSize(n)}`, 2, { architecture: 'arm64' })),
  ],
  gcp: [
    ...family([2], () => 'e2-medium', 2),
    ...family(powers, (n) => `n4-highcpu-${n}`, 2),
    ...family([2, 4, 8, 16, 32], (n) => `c4-highcpu-${n}`, 2),
    ...family([4, 8, 22, 44], (n) => `c3-highcpu-${n}`, 2),
    ...['n2-standard', 'e2-standard', 'n4-standard'].flatMap((f) => family(powers, (n) => `${f}-${n}`, 4)),
  ],
  azure: [
    ...family([2], () => 'Standard_B2ls_v2', 2, { spot: false }),
    ...family(powers, (n) => `Standard_D${n}als_v6`, 2),
    ...family(powers, (n) => `Standard_D${n}ls_v5`, 2),
    ...family(powers, (n) => `Standard_F${n}s_v2`, 2),
    ...family(powers, (n) => `Standard_D${n}s_v5`, 4),
  ],
  digitalocean: [
    ...family([2, 4, 8], (n) => `s-${n}vcpu-${n * 2}gb`, 2, { spot: false }),
    ...family([2, 4, 8], (n) => `s-${n}vcpu-${n * 2}gb-amd`, 2, { spot: false }),
    ...family([2, 4, 8, 16], (n) => `c-${n}`, 2, { spot: false }),
    ...family(powers, (n) => `g-${n}vcpu-${n * 4}gb`, 4, { spot: false }),
  ],
};

export const instanceType = (cloud: SimulatedCloud, name: string): SimulatedType | undefined =>
  types[cloud].find((type) => type.name === name);

export const instanceTypes = (cloud: SimulatedCloud): readonly SimulatedType[] => types[cloud];
