import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aMarket } from '../../test/builders/market.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { Node } from '../domain/node.ts';
import type { OfferingName } from '../domain/offering.ts';
import { locationOf } from '../domain/regions.ts';
import { coolOffUntil, nextOffering } from './next-offering.ts';

const clouds = cloudNames.map((cloud) => ({ cloud, accountId: `${cloud}-account` }));

const cooling = (cloud: CloudName, lifecycle: string, ...types: string[]): OfferingName[] =>
  types.map((instanceType) => ({ cloud, ...locationOf('us-east', cloud), instanceType, lifecycle }));

const node = (given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', attempt: 1, accountId: 'aws-account', ...given });

const next = (of: Node, coolOffs: readonly OfferingName[] = []): string => {
  const found = nextOffering({ node: of, clouds, market: aMarket({ coolOffs }) });
  return found === undefined
    ? 'give up'
    : `${found.offering.cloud} ${found.offering.instanceType} ${found.offering.lifecycle}`;
};

/** Asked for by its instance type, not by a shape. */
const { shape: _shape, ...byType } = node();

const spot = (): Node => node({ offering: anOffering({ lifecycle: 'spot' }) });
const allOf = {
  aws: ['c6a.xlarge', 'c6i.xlarge', 'c7i.xlarge'],
  gcp: ['n4-highcpu-4', 'c4-highcpu-4', 'c3-highcpu-4'],
};

describe('after a failed attempt', () => {
  it.each<[string, Node, OfferingName[], string]>([
    ['another type', node(), [], 'aws c6i.xlarge on-demand'],
    [
      'the next type that does not cool off',
      node(),
      cooling('aws', 'on-demand', 'c6i.xlarge'),
      'aws c7i.xlarge on-demand',
    ],
    [
      'the cheapest other cloud, when all types of its own cool off',
      node(),
      cooling('aws', 'on-demand', ...allOf.aws),
      'digitalocean s-4vcpu-8gb on-demand',
    ],
    ['spot of another type first', spot(), [], 'aws c7i.xlarge spot'],
    [
      'then on-demand, before another cloud',
      spot(),
      cooling('aws', 'spot', ...allOf.aws),
      'aws c6a.xlarge on-demand',
    ],
    [
      'then another cloud’s spot',
      spot(),
      [...cooling('aws', 'spot', ...allOf.aws), ...cooling('aws', 'on-demand', ...allOf.aws)],
      'azure Standard_D4als_v6 spot',
    ],
    [
      'a control plane stays in its cloud, even where everything cools off',
      node({ role: 'control-plane' }),
      cooling('aws', 'on-demand', ...allOf.aws),
      'aws c6a.xlarge on-demand',
    ],
    [
      'a node asked for by type stays with it',
      byType,
      cooling('aws', 'on-demand', 'c6a.xlarge'),
      'aws c6a.xlarge on-demand',
    ],
    ['nothing after the third', node({ attempt: 3 }), [], 'give up'],
  ])('%s', (_, of, coolOffs, expected) => {
    expect(next(of, coolOffs)).toBe(expected);
  });

  it('names the account of the cloud it goes to', () => {
    const coolOffs = [
      ...cooling('aws', 'on-demand', ...allOf.aws),
      ...cooling('digitalocean', 'on-demand', 's-4vcpu-8gb', 's-4vcpu-8gb-amd', 'c-4'),
    ];
    expect(nextOffering({ node: node(), clouds, market: aMarket({ coolOffs }) })).toMatchObject({
      offering: { cloud: 'gcp' },
      accountId: 'gcp-account',
    });
  });
});

describe('an offering cools off', () => {
  it.each([
    ['CapacityUnavailable', '04:15'],
    ['QuotaExceeded', '05:00'],
    ['the machine did not join', '04:05'],
  ])('after %s until %s', (error, until) => {
    expect(coolOffUntil({ error, now: exampleTime })).toBe(`2026-11-23T${until}:00.000Z`);
  });
});
