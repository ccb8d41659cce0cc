import { randomInt } from 'node:crypto';
import { invalid, invalidField } from './failure.ts';

export interface Range {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

const toText = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

/** @throws Failure unless it is an IPv4 CIDR without host bits. */
export function parseRange(text: unknown, field: string): Range {
  const match = typeof text === 'string' ? /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text) : null;
  const numbers = (match ?? []).slice(1).map(Number);
  const prefix = numbers[4] ?? 33;
  if (match === null || prefix > 32 || numbers.slice(0, 4).some((part) => part > 255))
    throw invalidField(field, text, 'Must be a CIDR address range.');
  const first = numbers.slice(0, 4).reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  if (first % size !== 0)
    throw invalidField(
      field,
      text,
      `Invalid IPCidrRange: the host part must be zero: ${toText(first - (first % size))}/${prefix}.`,
    );
  return { first, last: first + size - 1, prefix };
}

export const overlap = (one: Range, other: Range): boolean =>
  one.first <= other.last && other.first <= one.last;

/** Ranges that no subnet may touch: https://cloud.google.com/vpc/docs/subnets#prohibited-ipv4-ranges */
const prohibited = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'].map((range) =>
  parseRange(range, 'prohibited'),
);

export function parseSubnetRange(
  text: unknown,
  neighbours: readonly { readonly name: string; readonly range: string }[],
): Range {
  const range = parseRange(text, 'resource.ipCidrRange');
  if (range.prefix > 29 || range.prefix < 4)
    throw invalidField('resource.ipCidrRange', text, 'The range must be between /4 and /29.');
  if (prohibited.some((one) => overlap(one, range)))
    throw invalidField('resource.ipCidrRange', text, 'The range is reserved.');
  const neighbour = neighbours.find((one) => overlap(parseRange(one.range, 'neighbour'), range));
  if (neighbour !== undefined)
    throw invalid(
      `Invalid IPCidrRange: ${typeof text === 'string' ? text : ''} conflicts with existing subnetwork '${neighbour.name}'.`,
    );
  return range;
}

/** The lowest free address; a subnet's first two and last two are Google's. */
export function nextPrivateAddress(range: Range, taken: ReadonlySet<string>): string | undefined {
  for (let address = range.first + 2; address <= range.last - 2; address += 1)
    if (!taken.has(toText(address))) return toText(address);
  return undefined;
}

export const gatewayOf = (range: Range): string => toText(range.first + 1);

export function nextPublicAddress(taken: ReadonlySet<string>): string {
  for (;;) {
    const address = `34.${randomInt(64, 128)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
    if (!taken.has(address)) return address;
  }
}
