/** An IPv4 range as numbers, both ends included. */
interface Range {
  readonly prefix: number;
  readonly first: number;
  readonly last: number;
}

/** Nothing with leading zeros: programs disagree on what it means. */
const octet = '(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';
const notation = new RegExp(`^${octet}\\.${octet}\\.${octet}\\.${octet}(?:/(3[0-2]|[12]?\\d))?$`);

/** An address alone is the range that holds only it. @throws on anything else than IPv4 in CIDR notation */
function rangeOf(text: string): Range & { readonly address: number } {
  const parts = notation.exec(text);
  if (parts === null) throw new Error(`"${text}" is no IPv4 range`);
  const address =
    ((Number(parts[1]) * 256 + Number(parts[2])) * 256 + Number(parts[3])) * 256 + Number(parts[4]);
  const prefix = Number(parts[5] ?? 32);
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  return { prefix, first, last: first + size - 1, address };
}

/** An IPv4 range in CIDR notation whose address is its first; undefined for anything else. */
export function parseRange(text: string): Range | undefined {
  if (!text.includes('/') || !notation.test(text)) return undefined;
  const { address, ...range } = rangeOf(text);
  return address === range.first ? range : undefined;
}

/** @throws when one of them is not a range: callers have validated them. */
export function overlaps(a: string, b: string): boolean {
  const [one, other] = [rangeOf(a), rangeOf(b)];
  return one.first <= other.last && other.first <= one.last;
}

/** RFC 1918. */
export const privateRanges = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as const;

/** @throws when one of them is not a range: callers have validated them. */
export function isInside(inner: string, outer: string): boolean {
  const [small, large] = [rangeOf(inner), rangeOf(outer)];
  return large.first <= small.first && small.last <= large.last;
}
