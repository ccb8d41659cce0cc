import { describe, expect, it } from 'vitest';
import { thousandths, wholeUnits } from './quantity.ts';

describe('quantities', () => {
  it.each([
    ['100m', 100],
    ['0.1', 100],
    ['1', 1000],
    [2, 2000],
    ['1.5', 1500],
    ['.5', 500],
    ['1n', 1],
    ['250u', 1],
    ['1e3', 1_000_000],
    ['1e-3', 1],
    ['-1', -1000],
  ])('%s of a core is %d thousandths', (quantity, expected) => {
    expect(thousandths(quantity)).toBe(expected);
  });

  it.each([
    ['128', 128],
    ['1k', 1000],
    ['1Ki', 1024],
    ['64Mi', 64 * 2 ** 20],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2Ti', 2 * 2 ** 40],
    ['1M', 1e6],
    ['1G', 1e9],
    ['12E', 12e18],
    ['12e6', 12e6],
    ['1E3', 1000],
    ['100m', 1],
    ['1500m', 2],
  ])('%s is %d', (quantity, expected) => {
    expect(wholeUnits(quantity)).toBe(expected);
  });

  it.each(['', 'm', '1x', '1 Gi', '1KiB', 'many', '.', '1e'])('%j is none', (text) => {
    expect(wholeUnits(text)).toBeUndefined();
  });
});
