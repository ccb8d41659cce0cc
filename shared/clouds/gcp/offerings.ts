// Deep, as in clients.ts, which would bring a dozen other clients along; named in infra/bundling/gcp.ts.
import { MachineTypesClient } from '@google-cloud/compute/build/src/v1/machine_types_client.js';
import { assortmentOf, type SoldType } from '../assortment.ts';
import type { OfferingSource } from '../contract.ts';
import { endpointOptions, type ClientOptions } from './clients.ts';
import { authorization, scopes, type GcpCredentials } from './credentials.ts';
import { refusal, speaking } from './failures.ts';
import { all, onePageAtATime, pageSize } from './lists.ts';
import { readPriceList, type PriceList, type Rates } from './price-list.ts';
import { transport } from './transport.ts';

export { gcpCredentials } from './credentials.ts';

type MachineType =
  ReturnType<MachineTypesClient['listAsync']> extends AsyncIterable<infer Listed> ? Listed : never;

/**
 * Shared-core types show two vCPUs and are billed for a part of one core, all of their memory besides:
 * https://cloud.google.com/compute/vm-instance-pricing#sharedcore
 */
const billedCores: Readonly<Record<string, number>> = { 'e2-micro': 0.25, 'e2-small': 0.5, 'e2-medium': 1 };

/**
 * Google Cloud's machine types, and what their cores and memory cost in the Cloud Billing Catalog. The catalogue is one
 * list for all regions, tens of thousands of entries long: it is read once.
 *
 * The credentials need compute.machineTypes.list in the project, which must have the Cloud Billing API enabled.
 */
export function createGcpOfferings(credentials: GcpCredentials): OfferingSource {
  const authClient = transport(authorization(credentials, scopes.prices));
  const machineTypes = new MachineTypesClient({
    ...endpointOptions(credentials.endpoint),
    fallback: true,
    authClient: authClient as unknown as NonNullable<ClientOptions['authClient']>,
  });
  let reading: Promise<PriceList> | undefined;
  const priceList = async (): Promise<PriceList> => {
    reading ??= readPriceList(authClient.fetch, credentials.endpoint);
    try {
      return await reading;
    } catch (error) {
      // The next place tries again.
      reading = undefined;
      throw error;
    }
  };

  return {
    name: 'gcp',
    offerings: (location) =>
      speaking(
        (async () => {
          const { region, zone } = location;
          if (zone === '') throw refusal('noZone', `${region}: every place in Google Cloud has a zone`);
          const request = { project: credentials.projectId, zone, maxResults: pageSize };
          const types = await all(machineTypes.listAsync(request, onePageAtATime));
          const prices = await priceList();
          const assortment = assortmentOf('gcp', location);
          for (const type of types) {
            const described = typeOf(type);
            const [series = ''] = described.name.split('-');
            const objection = objectionTo(type);
            if (objection === undefined)
              assortment.sell(described, {
                'on-demand': cost(described, prices.rates({ region, series, lifecycle: 'on-demand' })),
                spot: cost(described, prices.rates({ region, series, lifecycle: 'spot' })),
              });
            else assortment.leaveOut(objection);
          }
          return assortment.result();
        })(),
      ),
  };
}

const typeOf = (type: MachineType): SoldType => ({
  name: type.name ?? '',
  architecture: type.architecture === 'ARM64' ? 'arm64' : 'amd64',
  vcpus: type.guestCpus ?? 0,
  memoryGib: (type.memoryMb ?? 0) / 1024,
  isBurstable: type.isSharedCpu ?? false,
});

function objectionTo(type: MachineType): string | undefined {
  const name = type.name ?? '';
  if ((type.accelerators ?? []).length > 0) return 'accelerators';
  if ((type.bundledLocalSsds?.partitionCount ?? 0) > 0) return 'local disks';
  // The N1 series' old names for what is billed as another.
  if (/^n1-(?:mega|ultra)mem/.test(name)) return 'unknown price';
  if (type.isSharedCpu === true && billedCores[name] === undefined) return 'unknown price';
  return undefined;
}

const cost = ({ name, vcpus, memoryGib }: SoldType, rates: Rates | undefined): number | undefined =>
  rates?.core === undefined || rates.gib === undefined
    ? undefined
    : (billedCores[name] ?? vcpus) * rates.core + memoryGib * rates.gib;
