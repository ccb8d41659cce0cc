import { describe, expect, it } from 'vitest';
import { aMarket } from '../../test/builders/market.ts';
import { anOffering } from '../../test/builders/node.ts';
import { usdPerUnitHour } from '../domain/offering.ts';
import { rankOf, rankOfferings, type Rank } from './rank-offerings.ts';

describe('the price of a unit', () => {
  it.each([
    // A vCPU is a unit, and so are 7.46 GiB.
    [1, 0, 0.05, 0.05],
    [1, 7.46, 0.1, 0.05],
    [4, 8, 0.153, 0.030163],
    [2, 16, 0.1134, 0.02736],
  ])('of %d vCPUs and %d GiB for %d', (vcpus, memoryGib, usdPerHour, expected) => {
    expect(usdPerUnitHour({ vcpus, memoryGib, usdPerHour })).toBe(expected);
  });
});

describe('offerings', () => {
  const { offerings } = aMarket();

  it('come cheapest first, and page after page each once', () => {
    const names: string[] = [];
    let after: Rank | undefined;
    for (let pages = 0; pages < 100; pages += 1) {
      const { page, next } = rankOfferings({ offerings, limit: 7, ...(after && { after }) });
      names.push(...page.map((offering) => rankOf(offering).name));
      after = next;
      if (after === undefined) break;
    }
    const whole = rankOfferings({ offerings, limit: offerings.length });
    expect(whole.next).toBeUndefined();
    expect(names).toEqual(whole.page.map((offering) => rankOf(offering).name));
    expect(new Set(names).size).toBe(offerings.length);
    const prices = whole.page.map(usdPerUnitHour);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
  });

  it('of one price come by name', () => {
    const equal = ['b', 'c', 'a'].map((instanceType) => anOffering({ instanceType }));
    expect(rankOfferings({ offerings: equal, limit: 2 }).page.map((each) => each.instanceType)).toEqual([
      'a',
      'b',
    ]);
  });
});
