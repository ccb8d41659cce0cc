import type { SimulatedRequest } from '../server.ts';
import type { World } from '../world.ts';
import { gcpSeries, type SimulatedRates } from './catalogue.ts';
import { invalidField, notFound } from './failure.ts';
import { hash } from './links.ts';
import { zones, regionOfZone } from './places.ts';
import type { Json } from './schema.ts';

/** Compute Engine's id in the catalogue: https://cloud.google.com/billing/v1/how-tos/catalog-api */
const computeEngine = '6F81-5844-456A';
const path = /^\/v1\/services\/([^/]+)\/skus$/;
const apiPageSizeMax = 5000;
const parameters = new Set(['currencyCode', 'pageSize', 'pageToken', 'startTime', 'endTime', 'key']);

export const isBillingRequest = (url: URL): boolean => path.test(url.pathname);

interface Sku {
  readonly description: string;
  readonly group: string;
  readonly usage: 'OnDemand' | 'Preemptible' | 'Commit1Yr';
  readonly region: string;
  readonly unit: 'h' | 'GiBy.h';
  readonly usd: number;
}

/** Of each series and region its cores and memory, and beside them what is named much like them. */
function skus(world: World): Sku[] {
  return [...new Set(zones.map(regionOfZone))].flatMap((region) =>
    Object.entries(gcpSeries).flatMap(([family, series]) =>
      (['on-demand', 'spot'] as const).flatMap((lifecycle) => {
        const isSpot = lifecycle === 'spot';
        const rates: SimulatedRates = isSpot ? series.spot : series.onDemand;
        const factor = world.prices.factor('gcp', { family }, lifecycle);
        const part = (name: 'Core' | 'Ram', change: { kind?: string; times?: number } = {}): Sku => {
          const { kind = series.sku, times = 1 } = change;
          return {
            description: `${isSpot ? 'Spot Preemptible ' : ''}${kind} ${name} running in ${region}`,
            group: family === 'n1' ? 'N1Standard' : name === 'Core' ? 'CPU' : 'RAM',
            usage: isSpot ? 'Preemptible' : 'OnDemand',
            region,
            unit: name === 'Core' ? 'h' : 'GiBy.h',
            usd: (name === 'Core' ? rates.core : rates.gib) * factor * times,
          };
        };
        const custom = { kind: series.sku.replace('Instance', 'Custom Instance'), times: 1.05 };
        const soleTenancy = { kind: series.sku.replace('Instance', 'Sole Tenancy Instance'), times: 1 };
        return [
          part('Core'),
          part('Ram'),
          ...(family === 'n2' ? [part('Core', custom), part('Ram', custom), part('Core', soleTenancy)] : []),
        ];
      }),
    ),
  );
}

/** `Commitment v1: N2 Cpu in … for 1 Year`, and a licence: neither is a price of a machine. */
const others: readonly Sku[] = [
  {
    description: 'Commitment v1: N2 Cpu in Virginia for 1 Year',
    group: 'CPU',
    usage: 'Commit1Yr',
    region: 'us-east4',
    unit: 'h',
    usd: 0.022431,
  },
  {
    description: 'Licensing Fee for Windows Server 2022 Datacenter Edition (CPU cost)',
    group: 'Google',
    usage: 'OnDemand',
    region: 'global',
    unit: 'h',
    usd: 0.046,
  },
];

function shown({ description, group, usage, region, unit, usd }: Sku): Json {
  const nanos = Math.round(usd * 1e9);
  const skuId = hash(`${description} ${usage}`).slice(0, 12).toUpperCase();
  return {
    name: `services/${computeEngine}/skus/${skuId}`,
    skuId,
    description,
    category: {
      serviceDisplayName: 'Compute Engine',
      resourceFamily: group === 'Google' ? 'License' : 'Compute',
      resourceGroup: group,
      usageType: usage,
    },
    serviceRegions: [region],
    pricingInfo: [
      {
        summary: '',
        pricingExpression: {
          usageUnit: unit,
          displayQuantity: 1,
          tieredRates: [
            {
              startUsageAmount: 0,
              unitPrice: {
                currencyCode: 'USD',
                units: String(Math.floor(nanos / 1e9)),
                nanos: nanos % 1e9,
              },
            },
          ],
        },
        currencyConversionRate: 1,
        effectiveTime: '2026-08-03T00:00:00Z',
      },
    ],
    serviceProviderName: 'Google',
  };
}

/** `GET /v1/services/{id}/skus` of the Cloud Billing Catalog. @throws Failure */
export function listSkus(world: World, { method, url }: SimulatedRequest): Json {
  const service = path.exec(url.pathname)?.[1];
  if (method !== 'GET' || service !== computeEngine) throw notFound(`services/${service ?? ''}`);
  const query = url.searchParams;
  for (const name of query.keys())
    if (!parameters.has(name)) throw invalidField(name, query.get(name), 'Unknown parameter.');
  const currency = query.get('currencyCode') ?? 'USD';
  if (currency !== 'USD') throw invalidField('currencyCode', currency, 'The simulator knows USD.');
  const asked = Number(query.get('pageSize') ?? apiPageSizeMax);
  if (!Number.isInteger(asked) || asked < 1 || asked > apiPageSizeMax)
    throw invalidField('pageSize', query.get('pageSize'), `Must be between 1 and ${apiPageSizeMax}.`);
  const start = Number(query.get('pageToken') ?? '0');
  if (!Number.isInteger(start) || start < 0)
    throw invalidField('pageToken', query.get('pageToken'), 'Invalid page token.');
  const all = [...skus(world), ...others];
  const end = start + world.pageSize(asked, apiPageSizeMax);
  // The last page's token is empty.
  return { skus: all.slice(start, end).map(shown), nextPageToken: end < all.length ? String(end) : '' };
}
