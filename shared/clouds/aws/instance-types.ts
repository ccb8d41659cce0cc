import {
  DescribeInstanceTypeOfferingsCommand,
  DescribeInstanceTypesCommand,
  type EC2Client,
  type InstanceTypeInfo,
} from '@aws-sdk/client-ec2';
import type { SoldType } from '../assortment.ts';

export interface ListedType extends SoldType {
  readonly isBareMetal: boolean;
  readonly hasAccelerators: boolean;
  /** `on-demand`, `spot`, `capacity-block`. */
  readonly usageClasses: readonly string[];
}

/** The API's own limit. */
const typesPerPage = 100;
const zonesPerPage = 1000;
/** Far more than there are types and zones. */
const pagesMax = 200;

/** Every page of a list. @param ask one page, given the token of the one before; answers with the next token, if any. */
export async function eachPage(
  what: string,
  ask: (token: string | undefined) => Promise<string | undefined>,
): Promise<void> {
  let token: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    token = await ask(token);
    // The last page's token may be empty instead of absent.
    if (token === undefined || token === '') return;
  }
  throw new Error(`aws: ${what} has more than ${pagesMax} pages`);
}

/** Every type of the region that could boot our images. */
export async function readInstanceTypes(client: EC2Client): Promise<readonly ListedType[]> {
  const types: ListedType[] = [];
  await eachPage('DescribeInstanceTypes', async (token) => {
    const { InstanceTypes = [], NextToken } = await client.send(
      new DescribeInstanceTypesCommand({
        Filters: [
          { Name: 'supported-virtualization-type', Values: ['hvm'] },
          { Name: 'processor-info.supported-architecture', Values: ['x86_64', 'arm64'] },
        ],
        MaxResults: typesPerPage,
        ...(token !== undefined && { NextToken: token }),
      }),
    );
    types.push(...InstanceTypes.map(typeOf));
    return NextToken;
  });
  return types;
}

const typeOf = (info: InstanceTypeInfo): ListedType => ({
  name: info.InstanceType ?? '',
  architecture: info.ProcessorInfo?.SupportedArchitectures?.includes('arm64') === true ? 'arm64' : 'amd64',
  vcpus: info.VCpuInfo?.DefaultVCpus ?? 0,
  memoryGib: (info.MemoryInfo?.SizeInMiB ?? 0) / 1024,
  isBurstable: info.BurstablePerformanceSupported ?? false,
  isBareMetal: info.BareMetal ?? false,
  hasAccelerators: [
    info.GpuInfo,
    info.FpgaInfo,
    info.InferenceAcceleratorInfo,
    info.NeuronInfo,
    info.MediaAcceleratorInfo,
  ].some((accelerator) => accelerator !== undefined),
  usageClasses: info.SupportedUsageClasses ?? [],
});

/** In which zones each type is sold; of one zone where it is given. */
export async function readZones(
  client: EC2Client,
  zone: string,
): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const zones = new Map<string, Set<string>>();
  await eachPage('DescribeInstanceTypeOfferings', async (token) => {
    const { InstanceTypeOfferings = [], NextToken } = await client.send(
      new DescribeInstanceTypeOfferingsCommand({
        LocationType: 'availability-zone',
        ...(zone !== '' && { Filters: [{ Name: 'location', Values: [zone] }] }),
        MaxResults: zonesPerPage,
        ...(token !== undefined && { NextToken: token }),
      }),
    );
    for (const { InstanceType = '', Location = '' } of InstanceTypeOfferings) {
      const known = zones.get(InstanceType);
      if (known === undefined) zones.set(InstanceType, new Set([Location]));
      else known.add(Location);
    }
    return NextToken;
  });
  return zones;
}
