import { describe, expect, it } from 'vitest';
import { cloudNames } from '../domain/cloud.ts';
import { instanceTypes } from '../domain/catalogue.ts';
import type { Offering } from '../domain/offering.ts';
import { regions } from '../domain/regions.ts';
import { formatLabels, labelsOf, nodeLabels } from './node-labels.ts';

const offering: Offering = {
  cloud: 'aws',
  region: 'us-east-1',
  zone: 'us-east-1a',
  instanceType: 'c6a.xlarge',
  architecture: 'amd64',
  lifecycle: 'on-demand',
  vcpus: 4,
  memoryGib: 8,
  usdPerHour: 0.153,
};

describe('a node’s labels', () => {
  it('say where it is, what it is, and whether it may be taken away', () => {
    expect(formatLabels(labelsOf(offering))).toBe(
      [
        'topology.kubernetes.io/region=us-east-1',
        'topology.kubernetes.io/zone=us-east-1a',
        'node.kubernetes.io/instance-type=c6a.xlarge',
        'topology.overcast.dev/csp=aws',
        'scheduling.overcast.dev/spot=false',
      ].join(','),
    );
  });

  it.each([
    ['aws', 'us-east-1', 'us-east-1a', 'us-east-1a'],
    ['gcp', 'us-east4', 'us-east4-a', 'us-east4-a'],
    ['azure', 'eastus', '1', 'eastus-1'],
    ['azure', 'westus', '', 'westus'],
    ['digitalocean', 'nyc1', '', 'nyc1'],
  ] as const)('name the zone of %s %s %j %s', (cloud, region, zone, label) => {
    expect(labelsOf({ ...offering, cloud, region, zone })[nodeLabels.zone]).toBe(label);
  });

  it('tell spot', () => {
    expect(labelsOf({ ...offering, lifecycle: 'spot' })[nodeLabels.spot]).toBe('true');
  });

  it('are valid for every place and type there is', () => {
    const value = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
    for (const cloud of cloudNames)
      for (const { locations } of regions)
        for (const { name } of instanceTypes.filter((type) => type.cloud === cloud)) {
          const location = locations[cloud];
          if (location === undefined) continue;
          for (const label of Object.values(
            labelsOf({ ...offering, cloud, ...location, instanceType: name }),
          ))
            expect(label).toMatch(value);
        }
  });

  it('have only keys that a kubelet may set itself', () => {
    const allowed =
      /^(?:topology\.kubernetes\.io\/(?:region|zone)|node\.kubernetes\.io\/[a-z-]+|[a-z.]+\.overcast\.dev\/[a-z]+)$/;
    for (const key of Object.keys(labelsOf(offering))) expect(key).toMatch(allowed);
  });
});
