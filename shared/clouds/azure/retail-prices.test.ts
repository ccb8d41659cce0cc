import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAzureSimulator } from '../../../local/clouds/azure/index.ts';
import { serveSimulator, type SimulatedRequest } from '../../../local/clouds/server.ts';
import { World } from '../../../local/clouds/world.ts';
import { createAzureOfferings } from './offerings.ts';
import { readRetailPrices } from './retail-prices.ts';

const world = new World({ timeScale: 1000 });
const simulator = createAzureSimulator(world);
const seen: SimulatedRequest[] = [];
/** Instead of the simulator's own answer, where there is one. */
let answer: (request: SimulatedRequest) => object | undefined = () => undefined;
let server: Awaited<ReturnType<typeof serveSimulator>>;

beforeAll(async () => {
  server = await serveSimulator(world, {
    ...simulator,
    handle: async (request) => {
      seen.push(request);
      const given = request.url.pathname === '/api/retail/prices' ? answer(request) : undefined;
      return given === undefined
        ? simulator.handle(request)
        : { status: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(given) };
    },
  });
});
afterAll(async () => {
  await server.close();
  world.close();
});
beforeEach(() => {
  answer = () => undefined;
  seen.length = 0;
});

const read = (at = new Date('2026-11-23T04:00:00Z')) =>
  readRetailPrices({ region: 'eastus', endpoint: server.url, at });

const row = (change: object = {}) => ({
  armSkuName: 'Standard_D4s_v5',
  skuName: 'Standard_D4s_v5',
  meterName: 'D4s v5',
  productName: 'Virtual Machines Dsv5 Series',
  retailPrice: 0.192,
  currencyCode: 'USD',
  unitOfMeasure: '1 Hour',
  type: 'Consumption',
  effectiveStartDate: '2026-01-01T00:00:00Z',
  ...change,
});

describe('the retail prices', () => {
  it('are asked for without any credential, which the sizes are not', async () => {
    await createAzureOfferings({
      subscriptionId: '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a01',
      endpoint: server.url,
    }).offerings({ region: 'eastus', zone: '1' });
    const isCredentialed = seen.map(({ url, headers }) => [
      url.pathname.split('/').at(-1),
      'authorization' in headers,
    ]);
    expect(new Set(isCredentialed.map(String))).toEqual(new Set(['skus,true', 'prices,false']));
  });

  it.each<[string, object[], Record<string, number>]>([
    ['a size', [row()], { 'Standard_D4s_v5 on-demand': 0.192 }],
    [
      'spot beside it, by whichever name',
      [row(), row({ skuName: 'D4s v5 Spot', retailPrice: 0.04 })],
      { 'Standard_D4s_v5 on-demand': 0.192, 'Standard_D4s_v5 spot': 0.04 },
    ],
    ['Windows', [row({ productName: 'Virtual Machines Dsv5 Series Windows' })], {}],
    ['cloud services', [row({ productName: 'Dsv5 Series Cloud Services' })], {}],
    ['low priority', [row({ skuName: 'D4s v5 Low Priority' })], {}],
    ['low priority in the meter’s name', [row({ meterName: 'D4s v5 Low Priority' })], {}],
    ['a reservation', [row({ type: 'Reservation' })], {}],
    ['a price of nothing', [row({ retailPrice: 0 })], {}],
    ['another unit', [row({ unitOfMeasure: '1/Month' })], {}],
    ['another form', [{ armSkuName: 'Standard_D4s_v5' }, row({ retailPrice: 'much' })], {}],
    ['a price to come', [row({ effectiveStartDate: '2027-01-01T00:00:00Z' })], {}],
    [
      'the newer of two',
      [row({ effectiveStartDate: '2026-05-01T00:00:00Z', retailPrice: 0.2 }), row()],
      { 'Standard_D4s_v5 on-demand': 0.2 },
    ],
    [
      'the region’s own meter before a newer one of another',
      [
        row(),
        row({ isPrimaryMeterRegion: false, effectiveStartDate: '2026-05-01T00:00:00Z', retailPrice: 1 }),
      ],
      { 'Standard_D4s_v5 on-demand': 0.192 },
    ],
    [
      'another region’s meter, where there is no other',
      [row({ isPrimaryMeterRegion: false })],
      { 'Standard_D4s_v5 on-demand': 0.192 },
    ],
  ])('of %s', async (_, Items, expected) => {
    answer = () => ({ Items, NextPageLink: null });
    expect(Object.fromEntries(await read())).toEqual(expected);
  });

  it('on a page that leads elsewhere are not followed', async () => {
    answer = () => ({ Items: [row()], NextPageLink: 'https://prices.example.com/api/retail/prices?$skip=1' });
    await expect(read()).rejects.toThrow('leads elsewhere');
  });

  it('that never end are none', async () => {
    answer = ({ url }) => ({ Items: [], NextPageLink: url.href });
    await expect(read()).rejects.toThrow('more than 300 pages');
  });
});
