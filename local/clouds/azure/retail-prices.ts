import { instanceTypes, type SimulatedType } from '../catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import type { World } from '../world.ts';
import { ArmError, reply } from './arm.ts';
import { otherSkus } from './skus.ts';

/** `GET /api/retail/prices`: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices */
export const isRetailRequest = ({ url }: SimulatedRequest): boolean => url.pathname === '/api/retail/prices';

const parameters = new Set(['api-version', '$filter', '$skip', 'currencyCode', 'meterRegion']);
const pageMax = 1000;

interface Row {
  readonly armSkuName: string;
  readonly skuName: string;
  readonly meterName: string;
  readonly productName: string;
  readonly retailPrice: number;
  readonly effectiveStartDate: string;
  readonly isPrimaryMeterRegion: boolean;
}

/** Of each size its price, and whatever else has the size's name. */
function rowsOf(world: World, type: SimulatedType): Row[] {
  const { name, family } = type;
  const usd = world.prices.usdPerHour('azure', type, 'on-demand') ?? 0;
  // Newer sizes have short names.
  const short = name.replace('Standard_', '').replaceAll('_', ' ');
  const skuName = short.endsWith(' v6') ? short : name;
  const row = (change: Partial<Row>): Row => ({
    armSkuName: name,
    skuName,
    meterName: short,
    productName: `Virtual Machines ${family} Series`,
    retailPrice: usd,
    effectiveStartDate: '2026-01-01T00:00:00Z',
    isPrimaryMeterRegion: true,
    ...change,
  });
  const spot = type.burstable ? usd * 0.9 : world.prices.usdPerHour('azure', type, 'spot');
  const suffixed = (suffix: string) => ({ skuName: `${skuName} ${suffix}`, meterName: `${short} ${suffix}` });
  return [
    row({ productName: `Virtual Machines ${family} Series CloudServices`, retailPrice: usd * 1.8 }),
    row({}),
    row({ productName: `Virtual Machines ${family} Series Windows`, retailPrice: usd * 1.8 }),
    row({ ...suffixed('Low Priority'), retailPrice: usd * 0.2 }),
    ...(spot === undefined
      ? []
      : [
          row({ ...suffixed('Spot'), retailPrice: spot }),
          row({
            ...suffixed('Spot'),
            productName: `Virtual Machines ${family} Series Windows`,
            retailPrice: spot * 3,
          }),
        ]),
    ...(name === 'Standard_D4as_v5'
      ? [
          row({ retailPrice: usd * 1.2, effectiveStartDate: '2024-01-01T00:00:00Z' }),
          row({ retailPrice: usd * 1.5, effectiveStartDate: '2099-01-01T00:00:00Z' }),
          row({
            retailPrice: usd * 0.7,
            effectiveStartDate: '2026-03-01T00:00:00Z',
            isPrimaryMeterRegion: false,
          }),
        ]
      : []),
  ];
}

const shown = (row: Row, region: string) => ({
  currencyCode: 'USD',
  tierMinimumUnits: 0,
  unitPrice: row.retailPrice,
  armRegionName: region,
  location: region,
  unitOfMeasure: '1 Hour',
  type: 'Consumption',
  serviceName: 'Virtual Machines',
  serviceFamily: 'Compute',
  ...row,
});

const invalid = (message: string): ArmError => new ArmError(400, 'BadRequest', message);

/** Every value is compared as it is written, upper case and lower case apart. */
function filtersOf(text: string): ReadonlyMap<string, string> {
  const filters = new Map<string, string>();
  for (const clause of text.split(' and ')) {
    const [, name, value] = /^(\w+) eq '([^']*)'$/.exec(clause) ?? [];
    if (name === undefined || value === undefined) throw invalid(`Invalid filter: ${clause}`);
    filters.set(name, value);
  }
  return filters;
}

const fixed: Readonly<Record<string, string>> = {
  priceType: 'Consumption',
  currencyCode: 'USD',
  serviceFamily: 'Compute',
  serviceName: 'Virtual Machines',
};

/** @throws ArmError */
export function listRetailPrices(world: World, { method, url }: SimulatedRequest): SimulatedResponse {
  if (method !== 'GET') throw new ArmError(405, 'MethodNotAllowed', 'Only GET is allowed here.');
  const query = url.searchParams;
  for (const name of query.keys())
    if (!parameters.has(name)) throw invalid(`Unknown query parameter ${name}`);
  const filters = filtersOf(query.get('$filter') ?? '');
  const region = filters.get('armRegionName');
  if (region === undefined) throw invalid('The simulator lists one armRegionName at a time.');
  for (const name of filters.keys())
    if (name !== 'armRegionName' && fixed[name] === undefined) throw invalid(`Unknown field ${name}`);
  const isAsked = Object.entries(fixed).every(([name, value]) => (filters.get(name) ?? value) === value);
  const sizes = [
    ...instanceTypes('azure'),
    ...otherSkus
      // The newest one has no price yet.
      .filter(({ name, resourceType }) => resourceType === 'virtualMachines' && name !== 'Standard_D4s_v9')
      .map(({ name }) => ({ ...instanceTypes('azure')[0], name, family: 'X', usdPerHour: 0.2 })),
  ] as SimulatedType[];
  const rows = isAsked ? sizes.flatMap((type) => rowsOf(world, type)) : [];
  const skip = Number(query.get('$skip') ?? '0');
  if (!Number.isInteger(skip) || skip < 0) throw invalid('$skip must be a whole number');
  const end = skip + world.pageSize(pageMax, pageMax);
  const next = new URL(url);
  next.searchParams.set('$skip', String(end));
  const Items = rows.slice(skip, end).map((each) => shown(each, region));
  return reply(200, {
    BillingCurrency: 'USD',
    CustomerEntityId: 'Default',
    CustomerEntityType: 'Retail',
    Items,
    NextPageLink: end < rows.length ? next.href : null,
    Count: Items.length,
  });
}
