import { Address4 } from 'ip-address/dist/ipv4.js';

/** An IPv4 range in CIDR notation whose address is its first; undefined for anything else. */
export function parseRange(text: string): { readonly prefix: number; readonly range: Address4 } | undefined {
  if (!/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(text) || !Address4.isValid(text)) return undefined;
  const range = new Address4(text);
  const isFirst = range.startAddress().correctForm() === range.correctForm();
  return isFirst ? { prefix: range.subnetMask, range } : undefined;
}

/** @throws when one of them is not a range: callers have validated them. */
export function overlaps(a: string, b: string): boolean {
  const [one, other] = [new Address4(a), new Address4(b)];
  return one.isInSubnet(other) || other.isInSubnet(one);
}

/** RFC 1918. */
export const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as const;

export const isInside = (inner: string, outer: string): boolean =>
  new Address4(inner).isInSubnet(new Address4(outer));
