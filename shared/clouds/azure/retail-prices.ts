import {
  createDefaultHttpClient,
  createEmptyPipeline,
  createPipelineRequest,
  retryPolicy,
  type Pipeline,
} from '@azure/core-rest-pipeline';
import * as z from 'zod/mini';
import type { Lifecycle } from '../../domain/offering.ts';
import { fromReply } from './failures.ts';
import { briefly, impatient, retriesMax } from './pipeline.ts';

/**
 * The Retail Prices API, which asks nobody who he is: no credential goes there.
 * https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
 */
const origin = 'https://prices.azure.com';
const apiVersion = '2023-01-01-preview';
/** Pages hold 100 to 1,000 rows; a region has some thousands. */
const pagesMax = 300;

const row = z.object({
  armSkuName: z.string(),
  skuName: z.string(),
  meterName: z.string(),
  productName: z.string(),
  retailPrice: z.number(),
  currencyCode: z.string(),
  unitOfMeasure: z.string(),
  type: z.string(),
  tierMinimumUnits: z.optional(z.number()),
  effectiveStartDate: z.string(),
  isPrimaryMeterRegion: z.optional(z.boolean()),
});
type Row = z.infer<typeof row>;
const page = z.object({ Items: z.array(z.unknown()), NextPageLink: z.nullish(z.string()) });

/** `Standard_D4as_v5 spot` → US dollars per hour, Linux. */
export async function readRetailPrices(options: {
  readonly region: string;
  readonly endpoint: string | undefined;
  readonly at: Date;
}): Promise<ReadonlyMap<string, number>> {
  const best = new Map<string, Row>();
  const base = options.endpoint ?? origin;
  const first = new URL('/api/retail/prices', base);
  first.searchParams.set('api-version', apiVersion);
  first.searchParams.set(
    '$filter',
    Object.entries({
      priceType: 'Consumption',
      currencyCode: 'USD',
      serviceFamily: 'Compute',
      serviceName: 'Virtual Machines',
      armRegionName: options.region,
    })
      .map(([name, value]) => `${name} eq '${value}'`)
      .join(' and '),
  );
  const client = createDefaultHttpClient();
  const pipeline = patientPipeline();
  let next: string | undefined = first.href;
  for (let count = 0; next !== undefined; count += 1) {
    if (count === pagesMax) throw new Error(`azure: the retail prices have more than ${pagesMax} pages`);
    // A link that leads elsewhere is followed by nobody.
    if (new URL(next).origin !== new URL(base).origin)
      throw new Error('azure: a page of prices leads elsewhere');
    const reply = await pipeline.sendRequest(
      client,
      createPipelineRequest({ url: next, allowInsecureConnection: options.endpoint !== undefined }),
    );
    if (reply.status !== 200) throw fromReply(reply);
    const { Items, NextPageLink } = page.parse(JSON.parse(reply.bodyAsText ?? ''));
    for (const item of Items) take(best, row.safeParse(item).data, options.at);
    next = NextPageLink ?? undefined;
  }
  return new Map([...best].map(([name, { retailPrice }]) => [name, retailPrice]));
}

function patientPipeline(): Pipeline {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(retryPolicy([briefly], { maxRetries: retriesMax }), { phase: 'Retry' });
  pipeline.addPolicy(impatient);
  return pipeline;
}

/** What is of another form, or something else's price, is none of ours: a size for which nothing is found is left out. */
function take(best: Map<string, Row>, found: Row | undefined, at: Date): void {
  if (found === undefined || !isPlainLinux(found) || !(Date.parse(found.effectiveStartDate) <= at.getTime()))
    return;
  const lifecycle: Lifecycle = found.skuName.endsWith(' Spot') ? 'spot' : 'on-demand';
  const name = `${found.armSkuName} ${lifecycle}`;
  const known = best.get(name);
  if (known === undefined || isBetter(found, known)) best.set(name, found);
}

/**
 * Several rows have a size's name and look like Linux: "… Series Windows", "… Series CloudServices" (at Windows' price) and
 * Low Priority, which is another way to run batches.
 */
const isPlainLinux = (found: Row): boolean =>
  found.type === 'Consumption' &&
  found.currencyCode === 'USD' &&
  found.unitOfMeasure === '1 Hour' &&
  (found.tierMinimumUnits ?? 0) === 0 &&
  found.retailPrice > 0 &&
  !/windows|cloud ?services|dedicated host/i.test(found.productName) &&
  !/low priority/i.test(`${found.skuName} ${found.meterName}`);

/** The region's own meter before one that it shares; then what came into effect last. */
const isBetter = (a: Row, b: Row): boolean => {
  const [primaryA, primaryB] = [a.isPrimaryMeterRegion !== false, b.isPrimaryMeterRegion !== false];
  return primaryA === primaryB ? a.effectiveStartDate > b.effectiveStartDate : primaryA;
};
