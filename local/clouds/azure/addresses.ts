import { randomInt } from 'node:crypto';
import { ArmError, types } from './arm.ts';
import type { NicProperties } from './bodies.ts';
import type { Store } from './store.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
}

const toNumber = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const toText = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** @returns undefined for anything that is no IPv4 block with zero host bits. */
export function rangeOf(prefix: string): Range | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(prefix);
  if (match === null) return undefined;
  const [a, b, c, d, bits] = match.slice(1).map(Number);
  if (bits === undefined || bits > 32 || [a, b, c, d].some((part) => part === undefined || part > 255))
    return undefined;
  const first = toNumber(prefix.split('/')[0] ?? '');
  const size = 2 ** (32 - bits);
  return first % size === 0 ? { first, last: first + size - 1 } : undefined;
}

export const within = (inner: Range, outer: Range): boolean =>
  inner.first >= outer.first && inner.last <= outer.last;
export const overlap = (a: Range, b: Range): boolean => a.first <= b.last && b.first <= a.last;

/** Azure keeps the first four addresses of a subnet and the last. */
const reservedFirst = 4;

export function freePrivateAddress(store: Store, subnetId: string, prefix: string): string {
  const range = rangeOf(prefix);
  if (range === undefined) throw new Error(`subnet with prefix ${prefix}`);
  const taken = new Set(
    store
      .all({ type: types.nic })
      .flatMap((nic) => (nic.properties as NicProperties).ipConfigurations)
      .filter(({ properties }) => properties.subnet?.id?.toLowerCase() === subnetId.toLowerCase())
      .map(({ properties }) => properties.privateIPAddress),
  );
  for (let address = range.first + reservedFirst; address < range.last; address += 1)
    if (!taken.has(toText(address))) return toText(address);
  throw new ArmError(
    400,
    'SubnetIsFull',
    `Subnet ${subnetId} does not have enough capacity for 1 IP addresses.`,
  );
}

/** Azure's own 20.0.0.0/8 is the best known of its public ranges. */
export function freePublicAddress(store: Store): string {
  const taken = new Set(
    store.all({ type: types.address }).map(({ properties }) => String(properties['ipAddress'])),
  );
  for (;;) {
    const address = toText(20 * 2 ** 24 + randomInt(1, 2 ** 24 - 1));
    if (!taken.has(address)) return address;
  }
}
