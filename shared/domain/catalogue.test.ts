import { describe, expect, it } from 'vitest';
import { findInstanceType, instanceTypes, offeringOf } from './catalogue.ts';
import { locationOf } from './regions.ts';

describe('the catalogue', () => {
  it('names each type once', () => {
    const names = instanceTypes.map(({ cloud, name }) => `${cloud} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    ['aws', 't3.medium', 0.0416, 0.016934],
    ['aws', 'c6a.xlarge', 0.153, 0.067036],
    ['gcp', 'n4-highcpu-4', 0.15308, 0.06788],
    ['azure', 'Standard_D4als_v6', 0.160792, 0.03216],
    ['azure', 'Standard_B2ls_v2', 0.0416, undefined],
    ['digitalocean', 's-2vcpu-4gb', 0.035714, undefined],
  ] as const)('prices %s %s', (cloud, name, usdPerHour, usdPerHourSpot) => {
    const type = findInstanceType(cloud, name);
    expect(type?.usdPerHour).toBe(usdPerHour);
    expect(type?.usdPerHourSpot).toBe(usdPerHourSpot);
  });

  it('makes an offering only in a lifecycle that exists', () => {
    const type = findInstanceType('digitalocean', 'c-4')!;
    const location = locationOf('us-east', 'digitalocean');
    expect(offeringOf({ type, location, lifecycle: 'spot' })).toBeUndefined();
    expect(offeringOf({ type, location, lifecycle: 'on-demand' })).toEqual({
      cloud: 'digitalocean',
      region: 'nyc1',
      zone: '',
      instanceType: 'c-4',
      architecture: 'amd64',
      lifecycle: 'on-demand',
      vcpus: 4,
      memoryGib: 8,
      usdPerHour: 0.125,
    });
  });

  it('sells spot no dearer than on-demand', () => {
    for (const { usdPerHour, usdPerHourSpot } of instanceTypes) {
      expect(usdPerHourSpot ?? 0).toBeLessThan(usdPerHour);
    }
  });
});
