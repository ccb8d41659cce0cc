import { instanceTypes, type SimulatedType } from '../catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { page } from './answers.ts';
import { ArmError } from './arm.ts';
import type { Store } from './store.ts';

type Capabilities = Readonly<Record<string, string | number>>;

interface Sku {
  readonly resourceType: string;
  readonly name: string;
  readonly family?: string;
  readonly capabilities: Capabilities;
  readonly restriction?: 'Location' | 'Zone';
}

/** Regions without zones. */
const zoneless = new Set(['westus']);
const zones = ['1', '2', '3'];

const virtualMachine = (
  { name, family, vcpus, memoryGib, architecture, spot }: Omit<SimulatedType, 'usdPerHour' | 'burstable'>,
  more: Partial<Sku> = {},
): Sku => ({
  resourceType: 'virtualMachines',
  name,
  family: `standard${family}Family`,
  ...more,
  capabilities: {
    vCPUs: vcpus,
    MemoryGB: memoryGib,
    CpuArchitectureType: architecture === 'arm64' ? 'Arm64' : 'x64',
    LowPriorityCapable: spot ? 'True' : 'False',
    PremiumIO: 'True',
    HyperVGenerations: 'V1,V2',
    ...more.capabilities,
  },
});

const size = (name: string, family: string, vcpus = 4, memoryGib = 16) =>
  ({ name, family, vcpus, memoryGib, architecture: 'amd64', spot: true }) as const;

/** What every subscription's list has besides, and no node of ours can be; some of it has prices. */
export const otherSkus: readonly Sku[] = [
  virtualMachine(size('Standard_NC4as_T4_v3', 'NCASv3_T4', 4, 28), { capabilities: { GPUs: 1 } }),
  virtualMachine(size('Standard_D2_v2', 'Dv2', 2, 7), { capabilities: { HyperVGenerations: 'V1' } }),
  virtualMachine(size('Standard_DC4as_v5', 'DCASv5'), {
    capabilities: { ConfidentialComputingType: 'SNP' },
  }),
  virtualMachine(size('Standard_HB120rs_v2', 'HBrsv2', 120, 456), {
    capabilities: { TrustedLaunchDisabled: 'True' },
  }),
  virtualMachine(size('Standard_E4ds_v6', 'Edsv6', 4, 32), { restriction: 'Location' }),
  virtualMachine(size('Standard_D4ds_v6', 'Ddsv6'), { restriction: 'Zone' }),
  virtualMachine(size('Standard_D4s_v9', 'Dsv9')),
  { resourceType: 'disks', name: 'Premium_LRS', capabilities: { MaxSizeGiB: 8 } },
];

const shown = ({ resourceType, name, family, capabilities, restriction }: Sku, location: string) => ({
  resourceType,
  name,
  tier: 'Standard',
  size: name.replace('Standard_', ''),
  ...(family === undefined ? {} : { family }),
  locations: [location],
  locationInfo: [{ location, zones: zoneless.has(location) ? [] : zones, zoneDetails: [] }],
  capabilities: Object.entries(capabilities).map(([key, value]) => ({ name: key, value: String(value) })),
  restrictions:
    restriction === undefined
      ? []
      : [
          {
            type: restriction,
            values: [location],
            restrictionInfo: {
              locations: [location],
              ...(restriction === 'Zone' ? { zones: ['1'] } : {}),
            },
            reasonCode: 'NotAvailableForSubscription',
          },
        ],
});

/** `GET …/providers/Microsoft.Compute/skus`: https://learn.microsoft.com/rest/api/compute/resource-skus/list */
export function listSkus(store: Store, request: SimulatedRequest): SimulatedResponse {
  if (request.method !== 'GET') throw new ArmError(405, 'MethodNotAllowed', 'Only GET is allowed here.');
  const filter = request.url.searchParams.get('$filter');
  const location = /^location eq '([a-z0-9]+)'$/.exec(filter ?? '')?.[1];
  if (location === undefined)
    throw new ArmError(
      400,
      'InvalidFilterInQueryString',
      `The filter '${filter ?? ''}' is not valid: the simulator lists one location at a time.`,
    );
  const skus = [...instanceTypes('azure').map((type) => virtualMachine(type)), ...otherSkus];
  return page(
    store,
    request,
    skus
      .map((sku) => ({ key: `${sku.resourceType} ${sku.name}`, item: shown(sku, location) }))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1)),
    1000,
  );
}
