import { describe, expect, it } from 'vitest';
import { readPriceList } from './price-list.ts';

interface Given {
  readonly description: string;
  readonly usageType?: string;
  readonly family?: string;
  readonly regions?: readonly string[];
  readonly unit?: string;
  readonly currency?: string;
  /** US dollars of each tier, from small to large amounts. */
  readonly tiers?: readonly number[];
}

const sku = (given: Given) => ({
  description: given.description,
  category: { resourceFamily: given.family ?? 'Compute', usageType: given.usageType ?? 'OnDemand' },
  serviceRegions: given.regions ?? ['us-east4'],
  pricingInfo: [
    {
      pricingExpression: {
        usageUnit: given.unit ?? (given.description.includes(' Ram ') ? 'GiBy.h' : 'h'),
        tieredRates: (given.tiers ?? [1.5]).map((usd) => ({
          unitPrice: {
            currencyCode: given.currency ?? 'USD',
            units: String(Math.floor(usd)),
            nanos: Math.round((usd % 1) * 1e9),
          },
        })),
      },
    },
  ],
});

/** A catalogue of these pages, as the API hands them out. */
const read = (...pages: readonly (readonly unknown[])[]) =>
  readPriceList((address) => {
    const number = Number(new URL(address).searchParams.get('pageToken') ?? 0);
    const nextPageToken = number + 1 < pages.length ? String(number + 1) : '';
    return Promise.resolve(Response.json({ skus: pages[number], nextPageToken }));
  }, undefined);

const core = 'N2 Instance Core running in Virginia';
const n2 = { region: 'us-east4', series: 'n2', lifecycle: 'on-demand' } as const;

describe('the billing catalogue', () => {
  it('has cores and memory apart, on whichever page', async () => {
    const prices = await read(
      [sku({ description: core, tiers: [0.035605] })],
      [{ something: 'else' }, sku({ description: 'N2 Instance Ram running in Virginia', tiers: [0.004771] })],
    );
    expect(prices.rates(n2)).toEqual({ core: 0.035605, gib: 0.004771 });
    expect(prices.rates({ ...n2, lifecycle: 'spot' })).toBeUndefined();
    expect(prices.rates({ ...n2, region: 'europe-west3' })).toBeUndefined();
  });

  it.each([
    ['N1 Predefined Instance Core running in Virginia', 'n1'],
    ['N2D AMD Instance Core running in Virginia', 'n2d'],
    ['C4A Arm Instance Core running in Virginia', 'c4a'],
    ['Compute optimized Core running in Virginia', 'c2'],
    ['Compute optimized Instance Core running in Dammam', 'c2'],
  ])('calls “%s” %s', async (description, series) => {
    expect((await read([sku({ description })])).rates({ ...n2, series })).toEqual({ core: 1.5 });
  });

  it.each<[string, Given]>([
    ['custom machines', { description: 'N2 Custom Instance Core running in Virginia' }],
    ['sole tenancy', { description: 'N2 Sole Tenancy Instance Core running in Virginia' }],
    ['a reservation', { description: 'Reserved N2 Instance Core running in Virginia' }],
    ['a commitment', { description: core, usageType: 'Commit1Yr' }],
    ['a licence', { description: core, family: 'License' }],
    ['another unit', { description: core, unit: 'mo' }],
    ['another currency', { description: core, currency: 'CHF' }],
    ['nothing', { description: core, tiers: [0] }],
    ['spot by its name and not by its use', { description: `Spot Preemptible ${core}` }],
    ['spot by its use and not by its name', { description: core, usageType: 'Preemptible' }],
  ])('does not take the price of %s for the machine’s', async (_, given) => {
    const prices = await read([sku(given)]);
    expect(prices.rates(n2)).toBeUndefined();
    expect(prices.rates({ ...n2, lifecycle: 'spot' })).toBeUndefined();
  });

  it('has spot prices, and prices of several regions at once', async () => {
    const description = `Spot Preemptible ${core}`;
    const regions = ['us-east4', 'us-east1'];
    const prices = await read([sku({ description, usageType: 'Preemptible', regions, tiers: [0.00815] })]);
    for (const region of regions)
      expect(prices.rates({ region, series: 'n2', lifecycle: 'spot' })).toEqual({ core: 0.00815 });
  });

  it('may begin with an amount that is free', async () => {
    expect((await read([sku({ description: core, tiers: [0, 0.035605] })])).rates(n2)).toEqual({
      core: 0.035605,
    });
  });

  it('that never ends is no catalogue', async () => {
    const endless = readPriceList(() => Promise.resolve(Response.json({ nextPageToken: 'more' })), undefined);
    await expect(endless).rejects.toThrow('more than 200 pages');
  });
});
