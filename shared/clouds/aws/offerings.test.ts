import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAwsSimulator } from '../../../local/clouds/aws/index.ts';
import { serveSimulator, type SimulatedResponse } from '../../../local/clouds/server.ts';
import { World } from '../../../local/clouds/world.ts';
import type { Location } from '../../domain/cloud.ts';
import { createAwsOfferings } from './offerings.ts';

const world = new World({ timeScale: 1000 });
const simulator = createAwsSimulator(world);
let tamper: (response: SimulatedResponse) => SimulatedResponse = (response) => response;
let server: Awaited<ReturnType<typeof serveSimulator>>;

beforeAll(async () => {
  server = await serveSimulator(world, {
    ...simulator,
    handle: async (request) => {
      const response = await simulator.handle(request);
      return request.headers['x-amz-target'] === undefined ? response : tamper(response);
    },
  });
});
afterAll(async () => {
  await server.close();
  world.close();
});

const read = (location: Location) =>
  createAwsOfferings({
    accessKeyId: 'AKIAOFFERINGS',
    secretAccessKey: 'secret',
    endpoint: server.url,
  }).offerings(location);

/** `c6a.xlarge spot` → its price. */
const prices = async (location: Location): Promise<ReadonlyMap<string, number>> =>
  new Map(
    (await read(location)).offerings.map(({ instanceType, lifecycle, usdPerHour }) => [
      `${instanceType} ${lifecycle}`,
      usdPerHour,
    ]),
  );

const product = (instanceType: string, ...usd: readonly string[]): string =>
  JSON.stringify({
    product: { attributes: { instanceType } },
    terms: {
      OnDemand: {
        term: {
          priceDimensions: Object.fromEntries(
            usd.map((USD, index) => [`rate${index}`, { unit: 'Hrs', pricePerUnit: { USD } }]),
          ),
        },
      },
    },
  });

describe('a zone of AWS', () => {
  it('sells what is sold in that very zone, at its spot price', async () => {
    const [a, e] = await Promise.all(
      ['us-east-1a', 'us-east-1e'].map((zone) => prices({ region: 'us-east-1', zone })),
    );
    expect(a?.get('c6a.xlarge spot')).toBe(0.067036);
    expect(e?.get('c6a.xlarge spot')).toBe(0.061673);
    expect(a?.get('c6a.xlarge on-demand')).toBe(e?.get('c6a.xlarge on-demand'));
    expect([a?.has('c8g.large on-demand'), e?.has('c8g.large on-demand')]).toEqual([true, false]);
  });

  it('left open is whichever: what all the region’s own have, at the dearest, and local zones do not count', async () => {
    const everywhere = await prices({ region: 'us-east-1', zone: '' });
    expect(everywhere.get('c6a.xlarge spot')).toBe(0.07441);
    expect(everywhere.has('c8g.large on-demand')).toBe(false);
    expect(everywhere.get('m5.large on-demand')).toBe(0.096);
  });
});

describe('the price list', () => {
  const list = (...PriceList: readonly string[]) => {
    tamper = (response) => ({ ...response, body: JSON.stringify({ FormatVersion: 'aws_v1', PriceList }) });
  };
  const onDemand = async () => {
    const found = await read({ region: 'us-east-1', zone: 'us-east-1a' });
    return found.offerings
      .filter(({ lifecycle }) => lifecycle === 'on-demand')
      .map(({ instanceType, usdPerHour }) => `${instanceType} ${usdPerHour}`);
  };

  it.each<[string, readonly string[], readonly string[]]>([
    ['one price', [product('m5.large', '0.0960000000')], ['m5.large 0.096']],
    ['no price', [product('m5.large')], []],
    ['a price of nothing', [product('m5.large', '0.0000000000')], []],
    ['two products of a type', [product('m5.large', '0.2'), product('m5.large', '0.1')], ['m5.large 0.1']],
    ['something else besides', ['{}', 'not JSON', product('m5.large', '0.1')], ['m5.large 0.1']],
    ['no number', [product('m5.large', 'free')], []],
    ['a price of something else', [product('m5.large', '98765.4')], []],
  ])('with %s', async (_, entries, expected) => {
    list(...entries);
    expect(await onDemand()).toEqual(expected);
  });

  it('counts what it has no price for', async () => {
    list(product('m5.large', '0.1'));
    const { leftOut } = await read({ region: 'us-east-1', zone: 'us-east-1a' });
    expect(leftOut['no on-demand price']).toBeGreaterThan(150);
    expect(leftOut['no spot price']).toBe(1);
  });
});
