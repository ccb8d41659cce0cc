import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aMarket } from '../../test/builders/market.ts';
import { cloudNames, type CloudName } from '../domain/cloud.ts';
import { configurationGroups, type NodeGroup } from '../domain/cluster-request.ts';
import { overlayAddress } from '../domain/node.ts';
import { materialiseNode, numberMax, planCluster, planNodes, takeNumbers } from './plan-cluster.ts';

const on = (...clouds: CloudName[]) => clouds.map((cloud) => ({ cloud, accountId: 'main' }));
const ids = (): (() => string) => {
  let count = 0;
  return () => `node-${(count += 1)}`;
};
const groupOf = (role: NodeGroup['role'], count: number, more: Partial<NodeGroup> = {}): NodeGroup => ({
  role,
  count,
  lifecycle: 'on-demand',
  ...(more.instanceType === undefined && { shape: 'medium' }),
  ...more,
});

const plan = (groups: readonly NodeGroup[], clouds: readonly CloudName[]) =>
  planCluster({ request: { groups, clouds: on(...clouds) }, market: aMarket(), newId: ids() });

/** `1 control-plane aws c6a.xlarge` */
const lines = (groups: readonly NodeGroup[], clouds: readonly CloudName[]): readonly string[] =>
  plan(groups, clouds).nodes.map(
    ({ number, role, offering }) => `${number} ${role} ${offering.cloud} ${offering.instanceType}`,
  );

describe('the configurations', () => {
  it('highly-available in four clouds: control planes in three, and the fourth has work', () => {
    expect(lines(configurationGroups['highly-available'], cloudNames)).toEqual([
      '1 control-plane aws c6a.xlarge',
      '2 control-plane gcp n4-highcpu-4',
      '3 control-plane azure Standard_D4als_v6',
      '4 worker digitalocean s-2vcpu-4gb',
      '5 worker aws t3.medium',
      '6 worker gcp e2-medium',
    ]);
  });

  it('basic: one control plane, workers spread', () => {
    expect(lines(configurationGroups.basic, ['azure', 'digitalocean'])).toEqual([
      '1 control-plane azure Standard_D4als_v6',
      '2 worker digitalocean s-2vcpu-4gb',
      '3 worker azure Standard_B2ls_v2',
      '4 worker digitalocean s-2vcpu-4gb',
    ]);
  });

  it('starter: one of each, no burstable type under etcd', () => {
    expect(lines(configurationGroups.starter, ['digitalocean'])).toEqual([
      '1 control-plane digitalocean c-4',
      '2 worker digitalocean s-4vcpu-8gb',
    ]);
  });
});

describe('a list of nodes', () => {
  it('keeps to the clouds and types that are named, and spreads the rest around them', () => {
    expect(
      lines(
        [
          groupOf('worker', 1, { instanceType: 'c-2' }),
          groupOf('worker', 2, { shape: 'small' }),
          groupOf('worker', 1, { cloud: 'aws', shape: 'large' }),
          groupOf('control-plane', 1),
        ],
        ['aws', 'digitalocean'],
      ),
    ).toEqual([
      '1 control-plane aws c6a.xlarge',
      '2 worker aws c6a.2xlarge',
      '3 worker digitalocean c-2',
      '4 worker digitalocean s-2vcpu-4gb',
      '5 worker aws t3.medium',
    ]);
  });

  it('finds spot only where there is some', () => {
    expect(
      lines(
        [groupOf('control-plane', 1), groupOf('worker', 2, { lifecycle: 'spot' })],
        ['aws', 'digitalocean'],
      ),
    ).toEqual(['1 control-plane aws c6a.xlarge', '2 worker aws c6a.xlarge', '3 worker aws c6a.xlarge']);
  });

  it('cannot be planned where nothing suits', () => {
    expect(() => plan([groupOf('worker', 1, { lifecycle: 'spot' })], ['digitalocean'])).toThrow(
      'no cloud of the cluster offers medium as spot',
    );
  });
});

describe('warnings', () => {
  it.each<[number, CloudName[], string[]]>([
    [3, ['aws'], ['the cluster stands in one cloud: losing it loses the cluster']],
    [3, ['aws', 'gcp'], ['aws holds 2 of 3 control planes: losing it loses the quorum']],
    [3, ['aws', 'gcp', 'azure'], []],
    [5, ['aws', 'gcp', 'azure'], []],
    [1, ['aws', 'gcp'], []],
  ])('of %i control planes in %j', (count, clouds, expected) => {
    expect(plan([groupOf('control-plane', count)], clouds).warnings).toEqual(expected);
  });
});

const cooling = (instanceType: string) => ({
  cloud: 'aws' as const,
  region: 'us-east-1',
  zone: 'us-east-1a',
  instanceType,
  lifecycle: 'on-demand',
});

const typeWith = (coolOffs: readonly ReturnType<typeof cooling>[], clouds: CloudName[]) =>
  planCluster({
    request: { groups: [groupOf('control-plane', 1)], clouds: on(...clouds) },
    market: aMarket({ coolOffs }),
    newId: ids(),
  }).nodes.map(({ offering }) => offering.instanceType);

describe('cool-offs', () => {
  it('are passed over: another type, then another cloud, and tried when there is nothing else', () => {
    const all = ['c6a.xlarge', 'c6i.xlarge', 'c7i.xlarge'].map(cooling);
    expect(typeWith(all.slice(0, 1), ['aws', 'gcp'])).toEqual(['c6i.xlarge']);
    expect(typeWith(all, ['aws', 'gcp'])).toEqual(['n4-highcpu-4']);
    expect(typeWith(all, ['aws'])).toEqual(['c6a.xlarge']);
  });
});

const node = (number: number, cloud: CloudName) =>
  ({ number, cloud, role: 'worker', desired: 'present', phase: 'ready' }) as const;

describe('more nodes', () => {
  it('go where fewest are, and take the next numbers that rest', () => {
    const cluster = aCluster({ clouds: on('aws', 'gcp'), nextNumber: numberMax });
    const { nodes, nextNumber } = planNodes({
      cluster,
      nodes: [node(1, 'aws'), node(2, 'aws'), { ...node(4, 'gcp'), desired: 'absent', phase: 'deleted' }],
      groups: [groupOf('worker', 3, { shape: 'small' })],
      market: aMarket(),
      newId: ids(),
    });
    expect(nodes.map(({ number, offering }) => [number, offering.cloud])).toEqual([
      [numberMax, 'gcp'],
      [3, 'gcp'],
      [5, 'aws'],
    ]);
    expect(nextNumber).toBe(6);
  });
});

describe('numbers', () => {
  it('are distinct, free and in range, whatever is taken', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: numberMax }),
        fc.array(fc.integer({ min: 1, max: numberMax }), { maxLength: 300 }),
        fc.integer({ min: 1, max: 20 }),
        (from, taken, count) => {
          const { numbers, nextNumber } = takeNumbers({ from, taken, count });
          expect(new Set(numbers).size).toBe(count);
          for (const number of [...numbers, nextNumber]) {
            expect(number).toBeGreaterThanOrEqual(1);
            expect(number).toBeLessThanOrEqual(numberMax);
          }
          expect(numbers.some((number) => taken.includes(number))).toBe(false);
        },
      ),
    );
  });
});

describe('any plan', () => {
  it('spreads control planes evenly over the clouds, and never puts them on burstable types', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...cloudNames), { minLength: 1 }),
        fc.constantFrom(1, 3, 5, 7),
        fc.integer({ min: 0, max: 12 }),
        (clouds, controlPlanes, workers) => {
          const groups = [
            groupOf('control-plane', controlPlanes),
            ...(workers > 0 ? [groupOf('worker', workers)] : []),
          ];
          const { nodes, nextNumber } = plan(groups, clouds);
          expect(nodes.map(({ number }) => number)).toEqual(
            Array.from({ length: controlPlanes + workers }, (_, index) => index + 1),
          );
          expect(nextNumber).toBe(controlPlanes + workers + 1);
          const perCloud = clouds.map(
            (cloud) =>
              nodes.filter(({ role, offering }) => role === 'control-plane' && offering.cloud === cloud)
                .length,
          );
          expect(Math.max(...perCloud) - Math.min(...perCloud)).toBeLessThanOrEqual(1);
          for (const { role, offering } of nodes)
            expect(role === 'worker' || offering.burstable === undefined).toBe(true);
        },
      ),
    );
  });
});

describe('a planned node', () => {
  it('becomes an item with its cloud’s account and its overlay address', () => {
    const cluster = aCluster({ clouds: [{ cloud: 'gcp', accountId: 'second' }] });
    const [planned] = plan([groupOf('control-plane', 1)], ['gcp']).nodes;
    expect(materialiseNode({ cluster, planned: planned!, now: exampleTime })).toEqual({
      ...planned,
      clusterId: cluster.id,
      cloud: 'gcp',
      accountId: 'second',
      lifecycle: 'on-demand',
      desired: 'present',
      phase: 'planned',
      attempt: 0,
      overlayAddress: overlayAddress(1),
      createdAt: exampleTime,
    });
    const elsewhere = aCluster({ clouds: on('aws') });
    expect(() => materialiseNode({ cluster: elsewhere, planned: planned!, now: exampleTime })).toThrow(
      'gcp is none of the cluster’s clouds'.replace('’', "'"),
    );
  });
});
