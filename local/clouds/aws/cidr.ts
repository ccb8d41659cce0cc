import { ApiError, invalid } from './wire.ts';

/** An IPv4 block in canonical form; `first` and `last` are addresses as numbers, both inside. */
export interface Block {
  readonly text: string;
  readonly first: number;
  readonly last: number;
  readonly prefix: number;
}

export const addressText = (address: number): string =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');

const pattern = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/;

/** As EC2 does for networks, host bits are cleared: 10.10.3.7/16 becomes 10.10.0.0/16. */
export function parseBlock(text: string): Block {
  const parts = pattern.exec(text)?.slice(1).map(Number);
  const prefix = parts?.[4] ?? 33;
  if (parts === undefined || prefix > 32 || parts.slice(0, 4).some((part) => part > 255))
    throw invalid(`Value (${text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`);
  const address = parts.slice(0, 4).reduce((sum, part) => sum * 256 + part, 0);
  const size = 2 ** (32 - prefix);
  const first = Math.floor(address / size) * size;
  return { text: `${addressText(first)}/${prefix}`, first, last: first + size - 1, prefix };
}

export const overlaps = (one: Block, other: Block): boolean =>
  one.first <= other.last && other.first <= one.last;

export const contains = (outer: Block, inner: Block): boolean =>
  outer.first <= inner.first && inner.last <= outer.last;

export function networkBlock(text: string): Block {
  const block = parseBlock(text);
  if (block.prefix < 16 || block.prefix > 28)
    throw new ApiError('InvalidVpc.Range', `The CIDR '${text}' is invalid.`);
  return block;
}

export function subnetBlock(text: string, network: Block, neighbours: readonly Block[]): Block {
  const block = parseBlock(text);
  if (block.prefix < 16 || block.prefix > 28 || !contains(network, block))
    throw new ApiError('InvalidSubnet.Range', `The CIDR '${text}' is invalid.`);
  if (neighbours.some((neighbour) => overlaps(block, neighbour)))
    throw new ApiError('InvalidSubnet.Conflict', `The CIDR '${text}' conflicts with another subnet`);
  return block;
}

/** EC2 keeps the first four addresses and the last of every subnet to itself. */
export const usableAddresses = (block: Block): { first: number; last: number } => ({
  first: block.first + 4,
  last: block.last - 1,
});
