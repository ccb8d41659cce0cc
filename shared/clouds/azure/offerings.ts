import { ComputeManagementClient, type ResourceSku } from '@azure/arm-compute';
import type { Location } from '../../domain/cloud.ts';
import type { Lifecycle } from '../../domain/offering.ts';
import { assortmentOf, type SoldType } from '../assortment.ts';
import type { OfferingSource } from '../contract.ts';
import type { AzureCredentials } from './credentials.ts';
import { invalidRequest, speaking } from './failures.ts';
import { allOf } from './pages.ts';
import { credentialFrom, prepare } from './pipeline.ts';
import { readRetailPrices } from './retail-prices.ts';

export { azureCredentials } from './credentials.ts';

/**
 * What the subscription may have of Azure's sizes, and their retail prices, which are public. The credentials need
 * Microsoft.Compute/skus/read.
 */
export function createAzureOfferings(
  secret: AzureCredentials,
  options: { readonly now?: () => Date } = {},
): OfferingSource {
  const clientOptions = secret.endpoint === undefined ? {} : { endpoint: secret.endpoint };
  const compute = new ComputeManagementClient(credentialFrom(secret), secret.subscriptionId, clientOptions);
  prepare(compute.pipeline, secret);
  const now = options.now ?? (() => new Date());

  return {
    name: 'azure',
    offerings: (location) =>
      speaking(
        (async () => {
          // It becomes part of two filters.
          if (!/^[a-z0-9]+$/.test(location.region))
            throw invalidRequest('InvalidLocation', `"${location.region}" is no region of Azure`);
          const skus = await allOf(compute.resourceSkus.list({ filter: `location eq '${location.region}'` }));
          const prices = await readRetailPrices({
            region: location.region,
            endpoint: secret.endpoint,
            at: now(),
          });
          const assortment = assortmentOf('azure', location);
          for (const sku of skus.filter(({ resourceType }) => resourceType === 'virtualMachines')) {
            const type = typeOf(sku);
            const objection = objectionTo(sku, location);
            if (objection === undefined) assortment.sell(type, pricesOf(sku, type, prices));
            else assortment.leaveOut(objection);
          }
          return assortment.result();
        })(),
      ),
  };
}

const capability = (sku: ResourceSku, name: string): string | undefined =>
  sku.capabilities?.find((each) => each.name === name)?.value;

const typeOf = (sku: ResourceSku): SoldType => ({
  name: sku.name ?? '',
  architecture: capability(sku, 'CpuArchitectureType') === 'Arm64' ? 'arm64' : 'amd64',
  // Some sizes have the memory of a large one and only a part of its vCPUs.
  vcpus: Number(capability(sku, 'vCPUsAvailable') ?? capability(sku, 'vCPUs')),
  memoryGib: Number(capability(sku, 'MemoryGB')),
  // The B series runs on credits; nothing but the name says so.
  isBurstable: /^Standard_B\d/.test(sku.name ?? ''),
});

/** Why machines as we make them cannot be had there: in their zone, of their second generation, with trusted launch. */
function objectionTo(sku: ResourceSku, { region, zone }: Location): string | undefined {
  if (Number(capability(sku, 'GPUs') ?? 0) > 0) return 'accelerators';
  if (capability(sku, 'HyperVGenerations')?.includes('V2') === false) return 'first generation';
  if (capability(sku, 'ConfidentialComputingType') !== undefined) return 'confidential';
  if (
    capability(sku, 'CpuArchitectureType') !== 'Arm64' &&
    capability(sku, 'TrustedLaunchDisabled') === 'True'
  )
    return 'no trusted launch';
  const here = sku.locationInfo?.find(({ location }) => location?.toLowerCase() === region);
  if (here === undefined || (zone !== '' && here.zones?.includes(zone) !== true)) return 'not sold here';
  const isRestricted = (sku.restrictions ?? []).some(({ type, restrictionInfo }) =>
    type === 'Zone' ? restrictionInfo?.zones?.includes(zone) === true : true,
  );
  return isRestricted ? 'not for this subscription' : undefined;
}

const pricesOf = (
  sku: ResourceSku,
  { name, isBurstable }: SoldType,
  prices: ReadonlyMap<string, number>,
): Partial<Record<Lifecycle, number | undefined>> => ({
  'on-demand': prices.get(`${name} on-demand`),
  // There are spot prices of the B series too, which cannot be had as spot.
  ...(capability(sku, 'LowPriorityCapable') === 'True' &&
    !isBurstable && { spot: prices.get(`${name} spot`) }),
});
