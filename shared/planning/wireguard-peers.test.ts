import { describe, expect, it } from 'vitest';
import type { Mesh, MeshMember } from '../domain/mesh.ts';
import { neighbours, withMember, withoutMember, wireguardPeers } from './wireguard-peers.ts';

const member = (number: number, cloud: MeshMember['cloud']): MeshMember => ({
  number,
  cloud,
  role: 'worker',
  overlayAddress: `10.4.0.${number}`,
  publicKey: `key-${number}`,
  publicAddress: `203.0.113.${number}`,
  privateAddress: `10.0.0.${number}`,
  sinceVersion: 1,
});
const mesh: Mesh = {
  clusterId: 'c',
  version: 3,
  members: [member(1, 'aws'), member(2, 'gcp'), member(3, 'aws')],
};

describe('peers', () => {
  it('in a full mesh are all others: private addresses within a cloud, public ones across', () => {
    expect(wireguardPeers({ vpn: 'wireguard-full-mesh', mesh, number: 1 })).toEqual([
      { publicKey: 'key-2', allowedIps: '10.4.0.2/32', endpoint: '203.0.113.2:51820' },
      { publicKey: 'key-3', allowedIps: '10.4.0.3/32', endpoint: '10.0.0.3:51820' },
    ]);
  });
  it('across locations are only those of other networks', () => {
    expect(
      wireguardPeers({ vpn: 'wireguard-cross-location', mesh, number: 1 }).map(({ publicKey }) => publicKey),
    ).toEqual(['key-2']);
  });
  it('of somebody who is not in the mesh are none', () => {
    expect(wireguardPeers({ vpn: 'wireguard-full-mesh', mesh, number: 9 })).toEqual([]);
  });
});

describe('in three networks', () => {
  // Two in AWS, one in Azure, three in GCP.
  const clouds = ['aws', 'aws', 'azure', 'gcp', 'gcp', 'gcp'] as const;
  const wide: Mesh = {
    clusterId: 'c',
    version: 6,
    members: clouds.map((cloud, index) => member(index + 1, cloud)),
  };
  it.each([
    ['wireguard-full-mesh', 1, '2 3 4 5 6', undefined],
    ['wireguard-full-mesh', 4, '1 2 3 5 6', undefined],
    ['wireguard-cross-location', 1, '3 4 5 6', '2'],
    ['wireguard-cross-location', 3, '1 2 4 5 6', ''],
    ['wireguard-cross-location', 4, '1 2 3', '5 6'],
    ['wireguard-cross-location', 9, '', ''],
  ] as const)('%s: node %d encrypts to %s, and reaches %s without', (vpn, number, encrypted, plain) => {
    const from = { vpn, mesh: wide, number };
    const numbers = (texts: readonly string[]): string =>
      texts.map((text) => text.replace(/^10\.4\.0\.(\d).*/, '$1')).join(' ');
    expect(numbers(wireguardPeers(from).map(({ allowedIps }) => allowedIps))).toBe(encrypted);
    const others = neighbours(from);
    expect(others && numbers(others.map(({ overlayAddress }) => overlayAddress))).toBe(plain);
  });

  it('nobody is both peer and neighbour, and nobody is left out', () => {
    for (const { number } of wide.members) {
      const from = { vpn: 'wireguard-cross-location', mesh: wide, number } as const;
      const reached = [
        ...wireguardPeers(from).map(({ allowedIps }) => allowedIps.replace('/32', '')),
        ...(neighbours(from) ?? []).map(({ overlayAddress }) => overlayAddress),
      ];
      const others = wide.members.filter((each) => each.number !== number);
      expect(reached.sort()).toEqual(others.map(({ overlayAddress }) => overlayAddress));
    }
  });

  it('a neighbour is reached at its private address', () => {
    expect(neighbours({ vpn: 'wireguard-cross-location', mesh: wide, number: 1 })).toEqual([
      { overlayAddress: '10.4.0.2', privateAddress: '10.0.0.2' },
    ]);
  });
});

describe('membership', () => {
  const { sinceVersion: _since, ...first } = member(1, 'aws');
  it('does not change for a member that is as it was', () => {
    expect(withMember(mesh, first)).toBeUndefined();
  });
  it('notes the version that brought a new public address', () => {
    const changed = withMember(mesh, { ...first, publicAddress: '203.0.113.99' });
    expect(changed?.find(({ number }) => number === 1)).toMatchObject({
      publicAddress: '203.0.113.99',
      sinceVersion: 4,
    });
    expect(changed).toHaveLength(3);
  });
  it('ends without a trace, once', () => {
    expect(withoutMember(mesh, 2)?.map(({ number }) => number)).toEqual([1, 3]);
    expect(withoutMember(mesh, 9)).toBeUndefined();
  });
});
