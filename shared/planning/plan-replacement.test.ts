import { describe, expect, it } from 'vitest';
import { aMarket } from '../../test/builders/market.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { cloudNames, type CloudName } from '../domain/cloud.ts';
import type { Node } from '../domain/node.ts';
import type { OfferingName } from '../domain/offering.ts';
import type { Policies } from '../domain/policy.ts';
import { locationOf } from '../domain/regions.ts';
import { planReplacement } from './plan-replacement.ts';

const lost = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, id: `id-${number}`, ...given });
const clouds = cloudNames.map((cloud) => ({ cloud, accountId: 'main' }));
const plan = (
  nodes: readonly Node[],
  numbers: readonly number[],
  coolOffs: readonly OfferingName[] = [],
  given: { policies?: Policies; standing?: readonly CloudName[] } = {},
) => {
  let made = 0;
  return planReplacement({
    cluster: { nextNumber: 5, clouds, policies: given.policies ?? {} },
    nodes,
    numbers,
    standing: given.standing ?? cloudNames,
    market: aMarket({ coolOffs }),
    newId: () => `new-${(made += 1)}`,
  });
};

describe('a node that is lost', () => {
  it('gets one like it under a new number, that says whom it replaces', () => {
    const { nodes, nextNumber } = plan([lost(1), lost(5)], [1]);
    expect(nodes).toMatchObject([
      {
        id: 'new-1',
        number: 6,
        role: 'worker',
        shape: 'medium',
        replaces: 'id-1',
        offering: { cloud: 'aws', lifecycle: 'on-demand', vcpus: 4 },
      },
    ]);
    expect(nextNumber).toBe(7);
  });

  it('keeps its cloud, role and lifecycle, each its own', () => {
    const nodes = [lost(1, { role: 'control-plane', cloud: 'gcp' }), lost(2, { lifecycle: 'spot' })];
    expect(
      plan(nodes, [1, 2]).nodes.map(({ role, offering, replaces }) => [
        role,
        offering.cloud,
        offering.lifecycle,
        replaces,
      ]),
    ).toEqual([
      ['control-plane', 'gcp', 'on-demand', 'id-1'],
      ['worker', 'aws', 'spot', 'id-2'],
    ]);
  });

  it('gets another type when its own is not to be had', () => {
    const [first] = plan([lost(1)], [1]).nodes;
    const [second] = plan([lost(1)], [1], [first?.offering ?? anOffering()]).nodes;
    expect(second?.offering.instanceType).not.toBe(first?.offering.instanceType);
  });

  it('that was asked for by its type gets that type, whatever became of the catalogue', () => {
    const { shape: _shape, ...named } = lost(1, { offering: anOffering({ instanceType: 'no-longer-sold' }) });
    expect(plan([named], [1]).nodes).toMatchObject([{ offering: { instanceType: 'no-longer-sold' } }]);
  });
});

describe('a node that its cloud takes back', () => {
  const taken = (number: number, given: Partial<Node> = {}): Node =>
    lost(number, {
      phase: 'ready',
      offering: anOffering({ instanceType: 'c7i.xlarge', lifecycle: 'spot' }),
      interruption: 'terminate',
      ...given,
    });
  const cooling = (cloud: CloudName, lifecycle: string, ...types: string[]): OfferingName[] =>
    types.map((instanceType) => ({ cloud, ...locationOf('us-east', cloud), instanceType, lifecycle }));
  const own = cooling('aws', 'spot', 'c7i.xlarge');
  const allSpot = cooling('aws', 'spot', 'c6a.xlarge', 'c6i.xlarge', 'c7i.xlarge');
  const allOnDemand = cooling('aws', 'on-demand', 'c6a.xlarge', 'c6i.xlarge', 'c7i.xlarge');
  const { shape: _shape, ...byType } = taken(1);
  const bought: Node = { ...byType, boughtFor: 'unschedulable-pods' };
  const only = { policies: { spot: { fallbackToOnDemand: false } } };

  it.each<[string, Node[], OfferingName[], Parameters<typeof plan>[3], string]>([
    ['gets another type of its cloud', [taken(1)], own, {}, 'aws c6a.xlarge spot'],
    ['gets another type also before its own cools off', [taken(1)], [], {}, 'aws c6a.xlarge spot'],
    ['else on-demand in its place', [taken(1)], allSpot, {}, 'aws c6a.xlarge on-demand for spot'],
    [
      'else spot of another cloud',
      [taken(1)],
      [...allSpot, ...allOnDemand],
      {},
      'azure Standard_D4als_v6 spot',
    ],
    [
      'only where a network of the cluster stands',
      [taken(1)],
      [...allSpot, ...allOnDemand],
      { standing: ['aws', 'gcp'] },
      'gcp c3-highcpu-4 spot',
    ],
    ['by policy never on-demand', [taken(1)], allSpot, only, 'azure Standard_D4als_v6 spot'],
    ['that was asked for by its type keeps it', [byType], own, {}, 'aws c7i.xlarge on-demand for spot'],
    ['that a policy bought gets another of its size', [bought], own, {}, 'aws c6a.xlarge spot'],
    [
      'of those that policies may buy',
      [bought],
      own,
      { policies: { purchasing: { excludedFamilies: ['c6a'] } } },
      'aws c6i.xlarge spot',
    ],
    ['and nothing else is to be had, is tried again', [byType], own, only, 'aws c7i.xlarge spot'],
  ])('%s', (_, nodes, coolOffs, given, expected) => {
    const [first] = plan(nodes, [1], coolOffs, given).nodes;
    const { cloud, instanceType, lifecycle } = first?.offering ?? anOffering();
    const standsIn = first?.standsInFor === undefined ? '' : ` for ${first.standsInFor}`;
    expect(`${cloud} ${instanceType} ${lifecycle}${standsIn}`).toBe(expected);
    expect(first?.replaces).toBe('id-1');
  });

  it('is spread over types with those that are taken at the same time, and with what stands', () => {
    const three = [taken(1), taken(2), taken(3)];
    const types = (nodes: readonly Node[], numbers: readonly number[]) =>
      plan(nodes, numbers, own).nodes.map(({ offering }) => offering.instanceType);
    expect(types(three, [1, 2, 3])).toEqual(['c6a.xlarge', 'c6i.xlarge', 'c6a.xlarge']);
    const standing = lost(9, { phase: 'ready', offering: anOffering({ lifecycle: 'spot' }) });
    expect(types([...three, standing], [1])).toEqual(['c6i.xlarge']);
  });
});
