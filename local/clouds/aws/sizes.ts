import { instanceTypes, type SimulatedType } from '../catalogue.ts';
import type { World } from '../world.ts';
import { page, parseFilters, type Action } from './describe.ts';
import { zonesOf } from './subnets.ts';
import { ApiError, flag, invalid, scalars, type Form, type Xml } from './wire.ts';

/** What a type is, and in which zones of a region: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/. */
interface Described extends SimulatedType {
  readonly bareMetal?: true;
  readonly gpus?: number;
  readonly usageClasses?: readonly string[];
}

/** Types of every account's list that no node can be: bare metal, with accelerators, and one that has no price yet. */
const others: readonly Described[] = [
  { ...plain('c6i.metal', 128, 256), bareMetal: true },
  { ...plain('g5.xlarge', 4, 16), gpus: 1 },
  plain('m99i.large', 2, 8),
];

function plain(name: string, vcpus: number, memoryGib: number): SimulatedType {
  const family = name.split('.')[0] ?? '';
  return {
    name,
    family,
    vcpus,
    memoryGib,
    architecture: 'amd64',
    spot: true,
    burstable: false,
    usdPerHour: 1,
    usdPerHourSpot: 0.4,
  };
}

const described = (): readonly Described[] => [...instanceTypes('aws'), ...others];

/** A zone outside of the region's own, as `us-east-1` has many: some things are sold there, and dearer. */
export const localZoneOf = (region: string): string => `${region}-bos-1a`;

/** The oldest zone of the oldest region has none of the newer generations. */
export const isInZone = (type: Pick<SimulatedType, 'name'>, zone: string): boolean =>
  zone === 'us-east-1e'
    ? /^(?:t3|m5|[cmr]6[ai])\./.test(type.name)
    : !zone.includes('-bos-') || type.name.startsWith('m5.');

const architectures = { amd64: 'x86_64', arm64: 'arm64' } as const;

const typeFilters: Readonly<Record<string, (type: Described) => readonly string[]>> = {
  'bare-metal': (type) => [String(type.bareMetal ?? false)],
  'burstable-performance-supported': (type) => [String(type.burstable)],
  'current-generation': () => ['true'],
  'instance-type': (type) => [type.name],
  'processor-info.supported-architecture': (type) => [architectures[type.architecture]],
  'supported-usage-class': (type) => type.usageClasses ?? ['on-demand', 'spot'],
  'supported-virtualization-type': () => ['hvm'],
  'vcpu-info.default-vcpus': (type) => [String(type.vcpus)],
};

function matching<T>(
  form: Form,
  rows: readonly T[],
  read: Readonly<Record<string, (row: T) => readonly string[]>>,
): T[] {
  const filters = parseFilters(form);
  for (const { name } of filters)
    if (read[name] === undefined) throw invalid(`The filter '${name}' is invalid`);
  return rows.filter((row) => filters.every((filter) => filter.matches(read[filter.name]?.(row) ?? [])));
}

const typeInfo = (type: Described): Xml => ({
  instanceType: type.name,
  currentGeneration: true,
  supportedUsageClasses: [...(type.usageClasses ?? ['on-demand', 'spot'])],
  supportedVirtualizationTypes: ['hvm'],
  bareMetal: type.bareMetal ?? false,
  processorInfo: { supportedArchitectures: [architectures[type.architecture]] },
  vCpuInfo: { defaultVCpus: type.vcpus },
  memoryInfo: { sizeInMiB: type.memoryGib * 1024 },
  ...(type.gpus === undefined ? {} : { gpuInfo: { gpus: [{ name: 'A10G', count: type.gpus }] } }),
  burstablePerformanceSupported: type.burstable,
});

const operation = 'readOfferings';

export const sizeActions = (world: World): Record<string, Action> => ({
  DescribeInstanceTypes: {
    parameters: ['DryRun', 'InstanceType.N', 'Filter.N.Name', 'Filter.N.Value.N', 'MaxResults', 'NextToken'],
    operation,
    run({ form }) {
      const names = scalars(form, 'InstanceType');
      const all = described();
      const unknown = names.filter((name) => !all.some((type) => type.name === name));
      if (unknown.length > 0)
        throw new ApiError(
          'InvalidInstanceType',
          `The following supplied instance types do not exist: [${unknown.join(', ')}]`,
        );
      const found = matching(
        form,
        all.filter(({ name }) => names.length === 0 || names.includes(name)),
        typeFilters,
      );
      const { rows, nextToken } = page(form, found, {
        keyOf: ({ name }) => name,
        resultsMax: 100,
        world,
      });
      return { instanceTypeSet: rows.map(typeInfo), nextToken };
    },
  },

  DescribeInstanceTypeOfferings: {
    parameters: ['DryRun', 'LocationType', 'Filter.N.Name', 'Filter.N.Value.N', 'MaxResults', 'NextToken'],
    operation,
    run({ form, region }) {
      const locationType = form.get('LocationType') ?? 'region';
      if (!['region', 'availability-zone', 'availability-zone-id', 'outpost'].includes(locationType))
        throw invalid(`Invalid value '${locationType}' for locationType`);
      if (locationType !== 'region' && locationType !== 'availability-zone')
        throw invalid(`The simulator knows no ${locationType}`);
      const locations = locationType === 'region' ? [region] : [...zonesOf(region), localZoneOf(region)];
      const offerings = locations.flatMap((location) =>
        described()
          .filter((type) => locationType === 'region' || isInZone(type, location))
          .map((type) => ({ instanceType: type.name, locationType, location })),
      );
      const found = matching(form, offerings, {
        location: ({ location }) => [location],
        'instance-type': ({ instanceType }) => [instanceType],
      });
      const { rows, nextToken } = page(form, found, {
        keyOf: ({ instanceType, location }) => `${instanceType} ${location}`,
        resultsMax: 1000,
        world,
      });
      return { instanceTypeOfferingSet: rows, nextToken };
    },
  },

  DescribeSpotPriceHistory: {
    parameters: [
      'DryRun',
      'StartTime',
      'EndTime',
      'InstanceType.N',
      'ProductDescription.N',
      'AvailabilityZone',
      'Filter.N.Name',
      'Filter.N.Value.N',
      'MaxResults',
      'NextToken',
    ],
    operation,
    run({ form, region }) {
      flag(form, 'DryRun');
      const zones = [...zonesOf(region), localZoneOf(region)];
      const zone = form.get('AvailabilityZone');
      if (zone !== undefined && !zones.includes(zone)) throw invalid(`Invalid availability zone: [${zone}]`);
      const products = scalars(form, 'ProductDescription');
      for (const product of products)
        if (!productDescriptions.has(product)) throw invalid(`Invalid product description: ${product}`);
      const names = scalars(form, 'InstanceType');
      const found = matching(
        form,
        pricesIn(world, zone === undefined ? zones : [zone]).filter(
          ({ instanceType, productDescription }) =>
            (names.length === 0 || names.includes(instanceType)) &&
            (products.length === 0 || products.includes(productDescription)),
        ),
        {
          'availability-zone': ({ availabilityZone }) => [availabilityZone],
          'instance-type': ({ instanceType }) => [instanceType],
          'product-description': ({ productDescription }) => [productDescription],
        },
      );
      const { rows, nextToken } = page(form, found, {
        keyOf: ({ instanceType, availabilityZone, productDescription, timestamp }) =>
          `${instanceType} ${availabilityZone} ${productDescription} ${timestamp}`,
        resultsMax: 1000,
        world,
      });
      // The real API has an empty token on its last page, not none.
      return { spotPriceHistorySet: rows, nextToken: nextToken ?? '' };
    },
  },
});

const productDescriptions = new Set([
  'Linux/UNIX',
  'Linux/UNIX (Amazon VPC)',
  'Red Hat Enterprise Linux',
  'SUSE Linux',
  'Windows',
  'Windows (Amazon VPC)',
]);

/** Each price as it was since it last changed, and for one type also the one before it. */
function pricesIn(world: World, zones: readonly string[]) {
  const since = new Date(world.now() - 3_600_000).toISOString();
  const before = new Date(world.now() - 7_200_000).toISOString();
  return zones.flatMap((availabilityZone) =>
    instanceTypes('aws')
      .filter((type) => isInZone(type, availabilityZone))
      .flatMap((type) => {
        const usd = world.prices.usdPerHour('aws', type, 'spot', availabilityZone);
        if (usd === undefined) return [];
        const row = (productDescription: string, spotPrice: number, timestamp: string) => ({
          instanceType: type.name,
          productDescription,
          spotPrice: spotPrice.toFixed(6),
          timestamp,
          availabilityZone,
        });
        return [
          row('Linux/UNIX', usd, since),
          row('Windows', usd * 2, since),
          ...(type.name === 'c6a.xlarge' ? [row('Linux/UNIX', usd * 3, before)] : []),
        ];
      }),
  );
}
