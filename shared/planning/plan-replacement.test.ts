import { describe, expect, it } from 'vitest';
import { aNode, anOffering } from '../../test/builders/node.ts';
import type { Node } from '../domain/node.ts';
import { planReplacement } from './plan-replacement.ts';

const lost = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, id: `id-${number}`, ...given });
const plan = (
  nodes: readonly Node[],
  numbers: readonly number[],
  coolOffs = [] as ReturnType<typeof anOffering>[],
) => {
  let made = 0;
  return planReplacement({
    cluster: { region: 'us-east', nextNumber: 5 },
    nodes,
    numbers,
    coolOffs,
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
