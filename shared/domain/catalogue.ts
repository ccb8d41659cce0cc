import type { CloudName, Location } from './cloud.ts';
import { lifecycles, type Architecture, type Lifecycle, type Offering } from './offering.ts';

/** What one cloud sells under one name; prices are for all of it, per hour. */
export interface InstanceType {
  readonly cloud: CloudName;
  readonly name: string;
  readonly architecture: Architecture;
  readonly vcpus: number;
  readonly memoryGib: number;
  readonly usdPerHour: number;
  /** Absent where it cannot be had as spot. */
  readonly usdPerHourSpot?: number;
  /** A vCPU here is a share of one, or runs on credits: never under etcd. */
  readonly burstable: boolean;
}

interface Family {
  readonly cloud: CloudName;
  readonly vcpus: readonly number[];
  readonly name: (vcpus: number) => string;
  readonly gibPerVcpu: number;
  readonly usdPerVcpu: number;
  readonly spotUsdPerVcpu?: number;
  readonly burstable?: true;
}

const awsSize = (vcpus: number): string =>
  vcpus === 2 ? 'large' : vcpus === 4 ? 'xlarge' : `${vcpus / 4}xlarge`;

/**
 * For every cloud and shape several types, so that there is one to fall back on. Linux list prices in US East, per vCPU
 * and hour: AWS from its price list of 2026-07 (spot: mean of published ratios), Google Cloud from its billing catalogue
 * of 2026-08, Azure from its retail prices of 2026-06 (spot: estimated from samples), DigitalOcean from its sizes of
 * 2026-08 (no spot). Other regions cost more or less, but rank alike. Live prices replace these when they are refreshed.
 */
const families: readonly Family[] = [
  {
    cloud: 'aws',
    vcpus: [2],
    name: () => 't3.medium',
    gibPerVcpu: 2,
    usdPerVcpu: 0.0208,
    spotUsdPerVcpu: 0.008467,
    burstable: true,
  },
  {
    cloud: 'aws',
    vcpus: [2, 4, 8, 16],
    name: (n) => `c6a.${awsSize(n)}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.03825,
    spotUsdPerVcpu: 0.016759,
  },
  {
    cloud: 'aws',
    vcpus: [2, 4, 8, 16],
    name: (n) => `c6i.${awsSize(n)}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.0425,
    spotUsdPerVcpu: 0.017563,
  },
  {
    cloud: 'aws',
    vcpus: [2, 4, 8, 16],
    name: (n) => `c7i.${awsSize(n)}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.044625,
    spotUsdPerVcpu: 0.01708,
  },
  {
    cloud: 'gcp',
    vcpus: [2],
    name: () => 'e2-medium',
    gibPerVcpu: 2,
    usdPerVcpu: 0.018868,
    spotUsdPerVcpu: 0.010345,
    burstable: true,
  },
  {
    cloud: 'gcp',
    vcpus: [2, 4, 8, 16],
    name: (n) => `n4-highcpu-${n}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.03827,
    spotUsdPerVcpu: 0.01697,
  },
  {
    cloud: 'gcp',
    vcpus: [2, 4, 8, 16],
    name: (n) => `c4-highcpu-${n}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.042526,
    spotUsdPerVcpu: 0.025516,
  },
  {
    cloud: 'gcp',
    vcpus: [4, 8],
    name: (n) => `c3-highcpu-${n}`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.042526,
    spotUsdPerVcpu: 0.012076,
  },
  {
    cloud: 'azure',
    vcpus: [2],
    name: () => 'Standard_B2ls_v2',
    gibPerVcpu: 2,
    usdPerVcpu: 0.0208,
    burstable: true,
  },
  {
    cloud: 'azure',
    vcpus: [2, 4, 8, 16],
    name: (n) => `Standard_D${n}als_v6`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.040198,
    spotUsdPerVcpu: 0.00804,
  },
  {
    cloud: 'azure',
    vcpus: [2, 4, 8, 16],
    name: (n) => `Standard_D${n}ls_v5`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.0425,
    spotUsdPerVcpu: 0.0085,
  },
  {
    cloud: 'azure',
    vcpus: [2, 4, 8, 16],
    name: (n) => `Standard_F${n}s_v2`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.042281,
    spotUsdPerVcpu: 0.009302,
  },
  {
    cloud: 'digitalocean',
    vcpus: [2, 4, 8],
    name: (n) => `s-${n}vcpu-${n * 2}gb`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.017857,
    burstable: true,
  },
  {
    cloud: 'digitalocean',
    vcpus: [2, 4, 8],
    name: (n) => `s-${n}vcpu-${n * 2}gb-amd`,
    gibPerVcpu: 2,
    usdPerVcpu: 0.020834,
    burstable: true,
  },
  { cloud: 'digitalocean', vcpus: [2, 4, 8, 16], name: (n) => `c-${n}`, gibPerVcpu: 2, usdPerVcpu: 0.03125 },
  {
    cloud: 'digitalocean',
    vcpus: [2, 4, 8, 16],
    name: (n) => `g-${n}vcpu-${n * 4}gb`,
    gibPerVcpu: 4,
    usdPerVcpu: 0.046875,
  },
];

/** US dollars to a millionth: what is multiplied here shows no noise of floating point. */
const toMillionth = (usd: number): number => Math.round(usd * 1e6) / 1e6;

export const instanceTypes: readonly InstanceType[] = families.flatMap((family) =>
  family.vcpus.map((vcpus) => ({
    cloud: family.cloud,
    name: family.name(vcpus),
    architecture: 'amd64' as const,
    vcpus,
    memoryGib: vcpus * family.gibPerVcpu,
    usdPerHour: toMillionth(vcpus * family.usdPerVcpu),
    ...(family.spotUsdPerVcpu !== undefined && {
      usdPerHourSpot: toMillionth(vcpus * family.spotUsdPerVcpu),
    }),
    burstable: family.burstable ?? false,
  })),
);

export const findInstanceType = (cloud: CloudName, name: string): InstanceType | undefined =>
  instanceTypes.find((type) => type.cloud === cloud && type.name === name);

/** Undefined where the type cannot be had in this lifecycle. */
export function offeringOf(options: {
  type: InstanceType;
  location: Location;
  lifecycle: Lifecycle;
}): Offering | undefined {
  const { type, location, lifecycle } = options;
  const usdPerHour = lifecycle === 'spot' ? type.usdPerHourSpot : type.usdPerHour;
  if (usdPerHour === undefined) return undefined;
  return {
    cloud: type.cloud,
    region: location.region,
    zone: location.zone,
    instanceType: type.name,
    architecture: type.architecture,
    lifecycle,
    vcpus: type.vcpus,
    memoryGib: type.memoryGib,
    usdPerHour,
    ...(type.burstable && { burstable: true as const }),
  };
}

/** What one cloud sells in a place as far as the table knows: what there is to go by until prices were read there. */
export const catalogueOfferings = (cloud: CloudName, location: Location): readonly Offering[] =>
  instanceTypes
    .filter((type) => type.cloud === cloud)
    .flatMap((type) => lifecycles.map((lifecycle) => offeringOf({ type, location, lifecycle })))
    .filter((offering) => offering !== undefined);
