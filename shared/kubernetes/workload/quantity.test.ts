import { describe, expect, it } from 'vitest';
import { thousandths, wholeUnits } from './quantity.ts';

describe('a quantity', () => {
  it.each<[string | number, number, number]>([
    ['100m', 100, 1],
    ['0.1', 100, 1],
    ['.5', 500, 1],
    ['2', 2000, 2],
    [3, 3000, 3],
    ['1.5', 1500, 2],
    ['1', 1000, 1],
    ['100u', 1, 1],
    ['1n', 1, 1],
    ['0', 0, 0],
    ['1e3', 1e6, 1000],
    ['1E3', 1e6, 1000],
    ['12E', 12e21, 12e18],
    ['128Mi', 128 * 2 ** 20 * 1000, 128 * 2 ** 20],
    ['1Gi', 2 ** 30 * 1000, 2 ** 30],
    ['1.5Gi', 1.5 * 2 ** 30 * 1000, 1.5 * 2 ** 30],
    ['64M', 64e9, 64e6],
    ['128974848000m', 128_974_848_000, 128_974_848],
  ])('%s is %d thousandths and %d whole units', (quantity, thousands, units) => {
    expect([thousandths(quantity), wholeUnits(quantity)]).toEqual([thousands, units]);
  });

  it.each(['', 'a lot', '1 Gi', '1KB', '--1', '1.2.3', '1e', 'Mi'])('%j is none', (text) => {
    expect([thousandths(text), wholeUnits(text)]).toEqual([Number.NaN, Number.NaN]);
  });
});
