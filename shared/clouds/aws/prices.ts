import { DescribeSpotPriceHistoryCommand, type EC2Client } from '@aws-sdk/client-ec2';
import { GetProductsCommand, type PricingClient } from '@aws-sdk/client-pricing';
import * as z from 'zod/mini';
import { eachPage } from './instance-types.ts';

/** Zone → its newest price. */
export type ZonePrices = ReadonlyMap<string, { readonly usdPerHour: number; readonly since: number }>;

/** The APIs' own limits. */
const spotPricesPerPage = 1000;
const productsPerPage = 100;

/** Type → its spot prices now, in one zone where it is given. */
export async function readSpotPrices(
  client: EC2Client,
  { zone, at }: { readonly zone: string; readonly at: Date },
): Promise<ReadonlyMap<string, ZonePrices>> {
  const prices = new Map<string, Map<string, { usdPerHour: number; since: number }>>();
  await eachPage('DescribeSpotPriceHistory', async (token) => {
    const { SpotPriceHistory = [], NextToken } = await client.send(
      new DescribeSpotPriceHistoryCommand({
        // From now on: each price as it was when it last changed.
        StartTime: at,
        ProductDescriptions: ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'],
        ...(zone !== '' && { AvailabilityZone: zone }),
        MaxResults: spotPricesPerPage,
        ...(token !== undefined && { NextToken: token }),
      }),
    );
    for (const { InstanceType = '', AvailabilityZone = '', SpotPrice, Timestamp } of SpotPriceHistory) {
      const since = Timestamp?.getTime() ?? 0;
      const zones = prices.get(InstanceType) ?? new Map<string, { usdPerHour: number; since: number }>();
      prices.set(InstanceType, zones);
      const known = zones.get(AvailabilityZone);
      if (known === undefined || known.since <= since)
        zones.set(AvailabilityZone, { usdPerHour: Number(SpotPrice), since });
    }
    return NextToken;
  });
  return prices;
}

/** Of a product in the price list, as far as it is looked at. Each comes as JSON in a string. */
const product = z.object({
  product: z.object({ attributes: z.object({ instanceType: z.string() }) }),
  terms: z.object({
    OnDemand: z.optional(
      z.record(
        z.string(),
        z.object({
          priceDimensions: z.record(
            z.string(),
            z.object({ unit: z.string(), pricePerUnit: z.object({ USD: z.optional(z.string()) }) }),
          ),
        }),
      ),
    ),
  }),
});

/** What makes a product a plain Linux machine that one pays for by the hour. */
const plainLinux = {
  productFamily: 'Compute Instance',
  operatingSystem: 'Linux',
  preInstalledSw: 'NA',
  tenancy: 'Shared',
  capacitystatus: 'Used',
  marketoption: 'OnDemand',
};

/** Type → its list price in the region. Where several products are one type's, the cheapest that costs anything. */
export async function readOnDemandPrices(
  client: PricingClient,
  region: string,
): Promise<ReadonlyMap<string, number>> {
  const prices = new Map<string, number>();
  await eachPage('GetProducts', async (token) => {
    const { PriceList = [], NextToken } = await client.send(
      new GetProductsCommand({
        ServiceCode: 'AmazonEC2',
        FormatVersion: 'aws_v1',
        Filters: Object.entries({ regionCode: region, ...plainLinux }).map(([Field, Value]) => ({
          Type: 'TERM_MATCH',
          Field,
          Value,
        })),
        MaxResults: productsPerPage,
        ...(token !== undefined && { NextToken: token }),
      }),
    );
    for (const text of PriceList) {
      const read = readProduct(String(text));
      if (read === undefined) continue;
      const { instanceType } = read.product.attributes;
      const cheapest = Math.min(...hourlyPrices(read), prices.get(instanceType) ?? Infinity);
      if (cheapest < Infinity) prices.set(instanceType, cheapest);
    }
    return NextToken;
  });
  return prices;
}

/** Undefined when it is of another form: then there is no price that we could read, and its type is left out for want of one. */
function readProduct(text: string): z.infer<typeof product> | undefined {
  try {
    return product.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

const hourlyPrices = ({ terms }: z.infer<typeof product>): readonly number[] =>
  Object.values(terms.OnDemand ?? {})
    .flatMap(({ priceDimensions }) => Object.values(priceDimensions))
    .filter(({ unit }) => unit === 'Hrs')
    .map(({ pricePerUnit }) => Number(pricePerUnit.USD))
    .filter((usd) => usd > 0);
