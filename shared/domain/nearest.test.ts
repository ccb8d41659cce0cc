import { expect, it } from 'vitest';
import { nearest } from './nearest.ts';

const known = ['clusterLimits', 'unschedulablePods', 'spot', 'nodeDeletion', 'consolidation', 'purchasing'];

it.each<[string, string | undefined]>([
  ['clusterlimits', 'clusterLimits'],
  ['cluster-limits', 'clusterLimits'],
  ['clusterLimit', 'clusterLimits'],
  ['clutserLimits', 'clusterLimits'],
  ['unscheduleablePods', 'unschedulablePods'],
  ['spto', 'spot'],
  ['Spot', 'spot'],
  ['consolidaton', 'consolidation'],
  ['purchasng', 'purchasing'],
  ['colour', undefined],
  ['', undefined],
])('%j means %s', (word, meant) => {
  expect(nearest(word, known)).toBe(meant);
});

it('knows nothing among nothing, and looks at no endless word', () => {
  expect(nearest('spot', [])).toBeUndefined();
  expect(nearest('x'.repeat(10_000), ['x'.repeat(10_001)])).toBeUndefined();
});
