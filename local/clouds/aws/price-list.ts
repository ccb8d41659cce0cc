import { randomUUID } from 'node:crypto';
import * as z from 'zod/mini';
import { instanceTypes } from '../catalogue.ts';
import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import type { World } from '../world.ts';
import { ApiError } from './wire.ts';

/**
 * The Price List Query API, of which `GetProducts`: AWS JSON 1.1, an endpoint of its own in few regions.
 * Source: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
 */
const targetPrefix = 'AWSPriceListService.';
const targetOf = (request: SimulatedRequest): string => request.headers['x-amz-target'] ?? '';

export const isPriceListRequest = (request: SimulatedRequest): boolean =>
  targetOf(request).startsWith(targetPrefix);

export const priceListAction = (request: SimulatedRequest): string =>
  targetOf(request).slice(targetPrefix.length);

export const priceListRegions: readonly string[] = ['us-east-1', 'eu-central-1', 'ap-south-1'];

const asked = z.strictObject({
  ServiceCode: z.string(),
  Filters: z.optional(
    z.array(z.strictObject({ Type: z.literal('TERM_MATCH'), Field: z.string(), Value: z.string() })),
  ),
  FormatVersion: z.optional(z.literal('aws_v1')),
  MaxResults: z.optional(z.int().check(z.minimum(1), z.maximum(100))),
  NextToken: z.optional(z.string()),
});

type Attributes = Readonly<Record<string, string>>;
interface Product {
  readonly attributes: Attributes;
  readonly usd: string;
  /** Without any term, as a product has before it is sold. */
  readonly isUnsold?: true;
}

const common = (instanceType: string, regionCode: string): Attributes => ({
  servicecode: 'AmazonEC2',
  regionCode,
  instanceType,
  locationType: 'AWS Region',
  productFamily: 'Compute Instance',
  tenancy: 'Shared',
  operatingSystem: 'Linux',
  preInstalledSw: 'NA',
  capacitystatus: 'Used',
  marketoption: 'OnDemand',
  operation: 'RunInstances',
});

/** Of each type what people pay for it, and beside it what looks much the same and is something else. */
function products(world: World, regionCode: string): Product[] {
  const priced = instanceTypes('aws').flatMap((type) => {
    const usd = world.prices.usdPerHour('aws', type, 'on-demand') ?? 0;
    const attributes = common(type.name, regionCode);
    const product = (change: Attributes, factor: number): Product => ({
      attributes: { ...attributes, ...change },
      usd: (usd * factor).toFixed(10),
    });
    return [
      product({}, 1),
      product({ operatingSystem: 'Windows', operation: 'RunInstances:0002' }, 1.9),
      product({ tenancy: 'Dedicated' }, 1.1),
      product({ capacitystatus: 'AllocatedCapacityReservation' }, 0),
      product({ preInstalledSw: 'SQL Std', operation: 'RunInstances:0004' }, 3),
    ];
  });
  const unsold: Product = { attributes: common('m99i.large', regionCode), usd: '', isUnsold: true };
  const free: Product = { attributes: common('u-free.large', regionCode), usd: '0.0000000000' };
  return [...priced, unsold, free];
}

/** Each entry is JSON in a string. */
function entry({ attributes, usd, isUnsold }: Product): string {
  const sku = Buffer.from(Object.values(attributes).join('|')).toString('base64url').slice(-16).toUpperCase();
  const offer = `${sku}.JRTCKXETXF`;
  const rate = `${offer}.6YS6EN2CT7`;
  return JSON.stringify({
    product: { productFamily: attributes['productFamily'], attributes, sku },
    serviceCode: 'AmazonEC2',
    terms: isUnsold
      ? {}
      : {
          OnDemand: {
            [offer]: {
              priceDimensions: {
                [rate]: {
                  unit: 'Hrs',
                  endRange: 'Inf',
                  beginRange: '0',
                  rateCode: rate,
                  pricePerUnit: { USD: usd },
                  appliesTo: [],
                },
              },
              sku,
              effectiveDate: '2026-07-01T00:00:00Z',
              offerTermCode: 'JRTCKXETXF',
              termAttributes: {},
            },
          },
        },
    version: '20260720000000',
    publicationDate: '2026-07-20T00:00:00Z',
  });
}

const json = (status: number, body: object): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': randomUUID() },
  body: JSON.stringify(body),
});

export const priceListError = ({ code, message, status }: ApiError): SimulatedResponse =>
  json(status, { __type: code, Message: message });

/** @throws ApiError */
export function answerPriceList(world: World, request: SimulatedRequest): SimulatedResponse {
  const target = request.headers['x-amz-target'];
  if (target !== 'AWSPriceListService.GetProducts')
    throw new ApiError('UnknownOperationException', `${target ?? ''} is not served here`);
  let body: unknown;
  try {
    body = JSON.parse(request.body);
  } catch {
    throw new ApiError('SerializationException', 'not JSON');
  }
  const parsed = z.safeParse(asked, body);
  if (!parsed.success)
    throw new ApiError(
      'InvalidParameterException',
      parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    );
  const { ServiceCode, Filters = [], MaxResults = 100, NextToken } = parsed.data;
  if (ServiceCode !== 'AmazonEC2')
    throw new ApiError('InvalidParameterException', `Service code ${ServiceCode} is not valid`);
  const region = Filters.find(({ Field }) => Field === 'regionCode')?.Value;
  if (region === undefined)
    throw new ApiError('InvalidParameterException', 'The simulator lists one region at a time: regionCode');
  const known = new Set(Object.keys(common('', '')));
  const wrong = Filters.find(({ Field }) => !known.has(Field));
  if (wrong !== undefined)
    throw new ApiError('InvalidParameterException', `Product filter field ${wrong.Field} is not valid`);
  const found = products(world, region).filter(({ attributes }) =>
    Filters.every(({ Field, Value }) => attributes[Field] === Value),
  );
  const [, start = '0'] = /^from:(\d+)$/.exec(atob(NextToken ?? '')) ?? [];
  if (NextToken !== undefined && atob(NextToken) !== `from:${start}`)
    throw new ApiError('InvalidNextTokenException', 'The pagination token is invalid.');
  const from = Number(start);
  const size = world.pageSize(MaxResults, 100);
  return json(200, {
    FormatVersion: 'aws_v1',
    PriceList: found.slice(from, from + size).map(entry),
    ...(from + size < found.length && { NextToken: btoa(`from:${from + size}`) }),
  });
}
