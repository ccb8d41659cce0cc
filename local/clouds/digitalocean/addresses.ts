/** An IPv4 range as numbers. */
export interface Block {
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

export const addressNumber = (address: string): number =>
  address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);

export const addressText = (number: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');

export function block(range: string): Block | undefined {
  const match = /^((?:\d{1,3}\.){3}\d{1,3})\/(\d{1,2})$/.exec(range);
  const [, address, bits] = match ?? [];
  if (address === undefined || bits === undefined) return undefined;
  const [first, prefix] = [addressNumber(address), Number(bits)];
  if (prefix > 32 || address.split('.').some((octet) => Number(octet) > 255)) return undefined;
  return { first, last: first + 2 ** (32 - prefix) - 1, prefix };
}

export const overlap = (a: Block, b: Block): boolean => a.first <= b.last && b.first <= a.last;
