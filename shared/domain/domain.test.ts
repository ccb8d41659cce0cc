import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accountSecretName, cloudNames, isCloudName } from './cloud.ts';
import { clusterNamePattern, kubernetesVersionDefault, kubernetesVersions } from './cluster.ts';
import { isUuid, plusSeconds, secondsBetween } from './ids.ts';
import { nodeName, nodePhases, overlayAddress, phaseRank } from './node.ts';
import { isSameOffering } from './offering.ts';
import { findRegion, locationOf, regions } from './regions.ts';

describe('a cluster’s name', () => {
  it.each(['ab', 'four-clouds', 'a1', 'x'.repeat(50)])('may be %s', (name) => {
    expect(clusterNamePattern.test(name)).toBe(true);
  });
  it.each(['', 'a', 'A1', '1a', '-ab', 'ab-', 'a_b', 'a.b', 'x'.repeat(51), 'ab\n'])(
    'may not be %j',
    (name) => {
      expect(clusterNamePattern.test(name)).toBe(false);
    },
  );
  it('makes machine names that are DNS labels and fit the cloud contract', () => {
    expect(nodeName('four-clouds', 7)).toBe('four-clouds-7');
    expect(nodeName('x'.repeat(50), 999).length).toBeLessThanOrEqual(54);
  });
});

describe('a node', () => {
  it('goes through its phases in this order', () => {
    const ordered = ['planned', 'creating', 'booting', 'joining', 'ready', 'draining', 'deleting', 'deleted'];
    expect(nodePhases.slice(0, 8)).toEqual(ordered);
    expect(nodePhases.map(phaseRank)).toEqual(nodePhases.map((_, index) => index));
  });

  it.each([
    [1, '10.4.0.1'],
    [255, '10.4.0.255'],
    [256, '10.4.1.0'],
    [65_534, '10.4.255.254'],
  ])('number %i is %s on the overlay', (number, address) => {
    expect(overlayAddress(number)).toBe(address);
  });

  it('has an address of its own', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_534 }), fc.integer({ min: 1, max: 65_534 }), (a, b) => {
        expect(overlayAddress(a) === overlayAddress(b)).toBe(a === b);
      }),
    );
  });
});

describe('a region', () => {
  it('is one name for one place in at least three clouds', () => {
    expect(new Set(regions.map(({ name }) => name)).size).toBe(regions.length);
    for (const { locations } of regions) {
      expect(cloudNames.filter((cloud) => locations[cloud] !== undefined).length).toBeGreaterThanOrEqual(3);
    }
  });

  it.each([
    ['us-east', 'aws', 'us-east-1', 'us-east-1a'],
    ['us-east', 'digitalocean', 'nyc1', ''],
    ['us-west', 'azure', 'westus', ''],
    ['ap-sydney', 'gcp', 'australia-southeast1', 'australia-southeast1-a'],
  ] as const)('%s is in %s at %s', (name, cloud, region, zone) => {
    expect(locationOf(name, cloud)).toEqual({ region, zone });
  });

  it('that is not there is said', () => {
    expect(findRegion('mars')).toBeUndefined();
    expect(() => locationOf('us-northwest', 'digitalocean')).toThrow(
      'region us-northwest has no place in digitalocean',
    );
  });
});

describe('small things', () => {
  it('instants add and subtract', () => {
    const at = '2026-11-23T04:00:00.000Z';
    expect(plusSeconds(at, 90)).toBe('2026-11-23T04:01:30.000Z');
    expect(secondsBetween(at, plusSeconds(at, -1.5))).toBe(-1.5);
  });
  it('clouds are these four', () => {
    expect(cloudNames.every(isCloudName)).toBe(true);
    expect(isCloudName('oracle')).toBe(false);
    expect(accountSecretName('aws', 'main', 'drive')).toBe('overcast/accounts/aws/main');
    expect(accountSecretName('aws', 'main', 'look')).toBe('overcast/observers/aws/main');
  });
  it('ids are UUIDs', () => {
    expect(isUuid('6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d')).toBe(true);
    expect(isUuid('6f1b2c3d')).toBe(false);
  });
  it('the default Kubernetes version is an offered one', () => {
    expect(kubernetesVersions).toContain(kubernetesVersionDefault);
  });
  it('offerings are told apart by everything but their price', () => {
    const name = { cloud: 'aws', region: 'r', zone: 'z', instanceType: 't', lifecycle: 'spot' } as const;
    expect(isSameOffering(name, { ...name })).toBe(true);
    for (const field of ['cloud', 'region', 'zone', 'instanceType', 'lifecycle'] as const) {
      expect(isSameOffering(name, { ...name, [field]: 'gcp' })).toBe(false);
    }
  });
});
