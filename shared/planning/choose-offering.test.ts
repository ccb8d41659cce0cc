import { describe, expect, it } from 'vitest';
import { aMarket } from '../../test/builders/market.ts';
import { anOffering } from '../../test/builders/node.ts';
import { cloudNames } from '../domain/cloud.ts';
import { shapeNames, shapes, type Offering } from '../domain/offering.ts';
import { chooseOffering, suitableOfferings, type Wanted } from './choose-offering.ts';

/** What was read of a cloud: names the built-in table has never heard of. */
const sold: readonly Offering[] = [
  anOffering({ instanceType: 'arm.xlarge', architecture: 'arm64', usdPerHour: 0.1 }),
  anOffering({ instanceType: 'credits.xlarge', burstable: true, usdPerHour: 0.11 }),
  anOffering({ instanceType: 'lean.xlarge', memoryGib: 4, usdPerHour: 0.12 }),
  anOffering({ instanceType: 'roomy.xlarge', memoryGib: 32, usdPerHour: 0.13 }),
  anOffering({ instanceType: 'new.xlarge', usdPerHour: 0.14 }),
  anOffering({ instanceType: 'new.xlarge', lifecycle: 'spot', usdPerHour: 0.05 }),
  anOffering({ instanceType: 'big.2xlarge', vcpus: 8, memoryGib: 16, usdPerHour: 0.02 }),
  anOffering({ cloud: 'gcp', instanceType: 'elsewhere-4', usdPerHour: 0.01 }),
];

const names = (wanted: Partial<Wanted>): readonly string[] =>
  suitableOfferings({
    cloud: 'aws',
    wanted: { role: 'worker', lifecycle: 'on-demand', ...wanted },
    offerings: sold,
  }).map(({ instanceType }) => instanceType);

describe('of what a cloud sells', () => {
  it.each<[string, Partial<Wanted>, string[]]>([
    [
      'a shape is its vCPUs, at least its memory, on amd64, by price',
      { shape: 'medium' },
      ['credits.xlarge', 'roomy.xlarge', 'new.xlarge'],
    ],
    [
      'a control plane has no credits',
      { shape: 'medium', role: 'control-plane' },
      ['roomy.xlarge', 'new.xlarge'],
    ],
    ['spot is another price', { shape: 'medium', lifecycle: 'spot' }, ['new.xlarge']],
    ['a type is what its name says, on whichever processor', { instanceType: 'arm.xlarge' }, ['arm.xlarge']],
    [
      'a type that is named may run on credits under a control plane too',
      { instanceType: 'credits.xlarge', role: 'control-plane' },
      ['credits.xlarge'],
    ],
    [
      'a type in a lifecycle that it has not is nothing',
      { instanceType: 'roomy.xlarge', lifecycle: 'spot' },
      [],
    ],
    ['a type of another cloud is nothing', { instanceType: 'elsewhere-4' }, []],
  ])('%s', (_, wanted, expected) => {
    expect(names(wanted)).toEqual(expected);
  });

  it('the cheapest that does not cool off is chosen, and the cheapest of all when all do', () => {
    const wanted: Wanted = { role: 'worker', shape: 'medium', lifecycle: 'on-demand' };
    const choose = (...cooling: readonly string[]) =>
      chooseOffering({
        cloud: 'aws',
        wanted,
        market: {
          offerings: sold,
          coolOffs: sold.filter(({ instanceType }) => cooling.includes(instanceType)),
        },
      })?.instanceType;
    expect(choose()).toBe('credits.xlarge');
    expect(choose('credits.xlarge', 'roomy.xlarge')).toBe('new.xlarge');
    expect(choose('credits.xlarge', 'roomy.xlarge', 'new.xlarge')).toBe('credits.xlarge');
  });
});

describe('of the built-in table', () => {
  it.each(cloudNames.flatMap((cloud) => shapeNames.map((shape) => [cloud, shape] as const)))(
    '%s has more than one type for %s, also for a control plane',
    (cloud, shape) => {
      const { offerings } = aMarket();
      for (const role of ['control-plane', 'worker'] as const) {
        const found = suitableOfferings({
          cloud,
          wanted: { role, shape, lifecycle: 'on-demand' },
          offerings,
        });
        expect(found.length).toBeGreaterThanOrEqual(2);
        for (const { vcpus, memoryGib } of found) {
          expect(vcpus).toBe(shapes[shape].vcpus);
          expect(memoryGib).toBeGreaterThanOrEqual(shapes[shape].memoryGib);
        }
      }
    },
  );
});
