import * as z from 'zod/mini';
import type { Lifecycle } from '../../domain/offering.ts';
import type { transport } from './transport.ts';

/** US dollars per hour of one core and of one GiB; a part of which no price was found is absent. */
export interface Rates {
  readonly core?: number;
  readonly gib?: number;
}

export interface PriceList {
  rates(of: {
    readonly region: string;
    readonly series: string;
    readonly lifecycle: Lifecycle;
  }): Rates | undefined;
}

/**
 * There is no price per machine type, and no field that names the series: it stands in the description, `N2D AMD Instance
 * Core running in Virginia`. Whole names, not their beginnings: custom machines, sole tenancy, commitments and the like are
 * named much the same and cost something else.
 * Source: the catalogue's descriptions (https://cloud.google.com/skus), C2's in both spellings that are in use.
 */
const seriesOf: Readonly<Record<string, string>> = {
  'E2 Instance': 'e2',
  'N1 Predefined Instance': 'n1',
  'N2 Instance': 'n2',
  'N2D AMD Instance': 'n2d',
  'N4 Instance': 'n4',
  'N4A Instance': 'n4a',
  'N4D Instance': 'n4d',
  'T2A Arm Instance': 't2a',
  'T2D AMD Instance': 't2d',
  'Compute optimized': 'c2',
  'Compute optimized Instance': 'c2',
  'C2D AMD Instance': 'c2d',
  'C3 Instance': 'c3',
  'C3D Instance': 'c3d',
  'C4 Instance': 'c4',
  'C4A Arm Instance': 'c4a',
  'C4D Instance': 'c4d',
};

const part = /^(Spot Preemptible |Preemptible )?(.+) (Core|Ram) running in /;
/** By usage type; a spot price says so in its description too. */
const lifecycleOf: Readonly<Record<string, Lifecycle>> = { OnDemand: 'on-demand', Preemptible: 'spot' };
const unitOf = { Core: 'h', Ram: 'GiBy.h' } as const;

const sku = z.object({
  description: z.string(),
  category: z.object({ resourceFamily: z.string(), usageType: z.string() }),
  serviceRegions: z.array(z.string()),
  /** In chronological order. */
  pricingInfo: z.array(
    z.object({
      pricingExpression: z.object({
        usageUnit: z.string(),
        /** From small to large amounts: the first may be free. */
        tieredRates: z.array(
          z.object({
            unitPrice: z.object({
              currencyCode: z.string(),
              units: z.optional(z.string()),
              nanos: z.optional(z.number()),
            }),
          }),
        ),
      }),
    }),
  ),
});
const page = z.object({ skus: z.optional(z.array(z.unknown())), nextPageToken: z.optional(z.string()) });

const origin = 'https://cloudbilling.googleapis.com';
/** Compute Engine's, in the catalogue. */
const serviceId = '6F81-5844-456A';
/** The API's own limit; the whole list is about seven pages of it. */
const skusPerPage = 5000;
const pagesMax = 200;

/** Reads the whole catalogue of Compute Engine and keeps what cores and memory of known series cost. */
export async function readPriceList(
  fetch: ReturnType<typeof transport>['fetch'],
  endpoint: string | undefined,
): Promise<PriceList> {
  const rates = new Map<string, { core?: number; gib?: number }>();
  let token = '';
  for (let count = 0; count < pagesMax; count += 1) {
    const url = new URL(`/v1/services/${serviceId}/skus`, endpoint ?? origin);
    url.searchParams.set('currencyCode', 'USD');
    url.searchParams.set('pageSize', String(skusPerPage));
    if (token !== '') url.searchParams.set('pageToken', token);
    const { skus = [], nextPageToken = '' } = page.parse(await (await fetch(url.href)).json());
    for (const each of skus) take(rates, sku.safeParse(each).data);
    if (nextPageToken === '')
      return { rates: ({ region, series, lifecycle }) => rates.get(`${region} ${series} ${lifecycle}`) };
    token = nextPageToken;
  }
  throw new Error(`gcp: the billing catalogue has more than ${pagesMax} pages`);
}

/** What is of another form, or something else's price, is none of ours: a type for which nothing is found is left out. */
function take(
  rates: Map<string, { core?: number; gib?: number }>,
  found: z.infer<typeof sku> | undefined,
): void {
  if (found?.category.resourceFamily !== 'Compute') return;
  const [, spot, name = '', kind] = part.exec(found.description) ?? [];
  const series = seriesOf[name];
  const lifecycle = lifecycleOf[found.category.usageType];
  const expression = found.pricingInfo.at(-1)?.pricingExpression;
  const price = expression?.tieredRates.at(-1)?.unitPrice;
  if (series === undefined || lifecycle === undefined || price?.currencyCode !== 'USD') return;
  if ((spot !== undefined) !== (lifecycle === 'spot')) return;
  if (expression?.usageUnit !== unitOf[kind as 'Core' | 'Ram']) return;
  const usd = Number(price.units ?? 0) + (price.nanos ?? 0) / 1e9;
  if (!(usd > 0)) return;
  for (const region of found.serviceRegions) {
    const key = `${region} ${series} ${lifecycle}`;
    rates.set(key, { ...rates.get(key), [kind === 'Core' ? 'core' : 'gib']: usd });
  }
}
