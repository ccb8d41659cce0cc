import { describe, expect, it } from 'vitest';
import { syncRequest } from './sync-request.ts';

const sync = (publicAddress: string, privateAddress: string) => ({
  phase: 'booting',
  addresses: { public: publicAddress, private: privateAddress },
  wireguardPublicKey: `${'A'.repeat(43)}=`,
  meshVersion: 0,
});
const accepts = (publicAddress: string, privateAddress: string): boolean =>
  syncRequest.safeParse(sync(publicAddress, privateAddress)).success;

describe('the addresses that a machine may claim: others send their packets there', () => {
  it.each([
    ['198.51.100.7', '10.10.0.5'],
    ['', ''],
    ['203.0.113.9', '192.168.1.4'],
    ['100.63.255.255', '172.16.0.1'],
  ])('%s and %s', (publicAddress, privateAddress) => {
    expect(accepts(publicAddress, privateAddress)).toBe(true);
  });

  it.each([
    ['a private one', '10.10.0.5'],
    ['a private one', '172.31.0.1'],
    ['a private one', '192.168.0.1'],
    ['loopback', '127.0.0.1'],
    ['the clouds’ metadata service', '169.254.169.254'],
    ['a carrier’s', '100.64.0.1'],
    ['this network', '0.0.0.0'],
    ['a group', '224.0.0.1'],
    ['broadcast', '255.255.255.255'],
    ['IPv6, which the networks do not have', '2001:db8::1'],
    ['a number that some read as octal', '0198.51.100.7'],
    ['too large a number', '198.51.100.256'],
    ['a port with it', '198.51.100.7:22'],
  ])('never as the public one: %s, %s', (_, address) => {
    expect(accepts(address, '10.10.0.5')).toBe(false);
  });

  it.each([
    ['a public one', '198.51.100.7'],
    ['one of the overlay itself', '10.4.0.2'],
    ['one of the services', '10.96.0.1'],
    ['loopback', '127.0.0.1'],
    ['IPv6', 'fd00::1'],
  ])('never as the private one: %s, %s', (_, address) => {
    expect(accepts('198.51.100.7', address)).toBe(false);
  });
});

describe('what a machine says of its handshakes', () => {
  const accepted = (handshakes: unknown): boolean =>
    syncRequest.safeParse({ ...sync('198.51.100.7', '10.10.0.5'), handshakes }).success;
  const silent = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ overlayAddress: `10.4.0.${index + 1}`, ageSeconds: 181 }));

  it.each<[string, boolean, unknown]>([
    ['nobody is silent', true, { oldestSeconds: 30, silent: [] }],
    ['there never was one', true, { silent: [] }],
    ['a peer that never answered', true, { silent: [{ overlayAddress: '10.4.1.7' }] }],
    ['as many as may be named', true, { silent: silent(32) }],
    ['more than that', false, { silent: silent(33) }],
    ['somebody outside the overlay', false, { silent: [{ overlayAddress: '10.10.0.5' }] }],
    ['a name', false, { silent: [{ overlayAddress: 'node-7' }] }],
    ['a time to come', false, { oldestSeconds: -1, silent: [] }],
    ['a part of a second', false, { oldestSeconds: 0.5, silent: [] }],
    ['a field that nobody knows', false, { silent: [], loud: [] }],
    ['nothing of the silent ones', false, { oldestSeconds: 30 }],
  ])('%s: %s', (_, expected, handshakes) => {
    expect(accepted(handshakes)).toBe(expected);
  });
});
