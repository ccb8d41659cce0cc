import { describe, expect, it } from 'vitest';
import { instanceTypes } from './catalogue.ts';
import type { CloudName } from './cloud.ts';
import { familyOf } from './instance-family.ts';

describe('an instance type’s family', () => {
  it.each<[CloudName, string, string]>([
    ['aws', 'c6i.xlarge', 'c6i'],
    ['aws', 't3.medium', 't3'],
    ['aws', 'm7i-flex.2xlarge', 'm7i-flex'],
    ['aws', 'u-6tb1.112xlarge', 'u-6tb1'],
    ['gcp', 'n4-highcpu-4', 'n4-highcpu'],
    ['gcp', 'e2-standard-8', 'e2-standard'],
    ['gcp', 'e2-medium', 'e2'],
    ['gcp', 'e2-micro', 'e2'],
    ['gcp', 'c3-standard-8-lssd', 'c3-standard-lssd'],
    ['gcp', 'n2-custom-4-8192', 'n2-custom'],
    ['gcp', 'a2-highgpu-1g', 'a2-highgpu'],
    ['azure', 'Standard_D4als_v6', 'Dalsv6'],
    ['azure', 'Standard_D16ls_v5', 'Dlsv5'],
    ['azure', 'Standard_F8s_v2', 'Fsv2'],
    ['azure', 'Standard_B2ls_v2', 'Blsv2'],
    ['azure', 'Standard_E4-2ads_v5', 'Eadsv5'],
    ['azure', 'Standard_D2_v3', 'Dv3'],
    ['azure', 'Standard_NC24ads_A100_v4', 'NCadsA100v4'],
    ['digitalocean', 's-2vcpu-4gb', 's'],
    ['digitalocean', 's-2vcpu-4gb-amd', 's-amd'],
    ['digitalocean', 's-2vcpu-8gb-160gb-intel', 's-intel'],
    ['digitalocean', 'c-4', 'c'],
    ['digitalocean', 'c2-2vcpu-4gb', 'c2'],
    ['digitalocean', 'gd-8vcpu-32gb', 'gd'],
  ])('of %s’s %s is %s', (cloud, instanceType, family) => {
    expect(familyOf(cloud, instanceType)).toBe(family);
  });

  it.each<CloudName>(['aws', 'gcp', 'azure', 'digitalocean'])(
    'in %s is the name itself otherwise',
    (cloud) => {
      expect(familyOf(cloud, 'nothing')).toBe('nothing');
    },
  );

  it('holds all sizes of the catalogue’s families and no size', () => {
    const families = Map.groupBy(instanceTypes, ({ cloud, name }) => `${cloud} ${familyOf(cloud, name)}`);
    expect(families.size).toBeLessThan(instanceTypes.length / 2);
    for (const [family, types] of families)
      expect([family, new Set(types.map(({ vcpus }) => vcpus)).size]).toEqual([family, types.length]);
  });
});
