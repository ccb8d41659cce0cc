import { expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Node } from '../domain/node.ts';
import { whyNeverInitialised } from './why-never-initialised.ts';

const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, role: 'control-plane', ...given });
const failed = (number: number): Node =>
  controlPlane(number, { phase: 'failed', failure: { reason: 'no capacity' } });
const plan = { id: 'plan', nodes: [], reason: 'asked for' };

it.each<[string, string | undefined, Parameters<typeof whyNeverInitialised>]>([
  ['one is left', undefined, [{}, [failed(1), controlPlane(2, { phase: 'creating' })]]],
  ['the only one was given up', 'control plane 1: no capacity', [{}, [failed(1)]]],
  [
    'all were given up, whatever the workers do',
    'control plane 1: no capacity; control plane 2: no capacity',
    [{}, [failed(1), failed(2), aNode({ clusterId: 'c', number: 3, role: 'worker', phase: 'creating' })]],
  ],
  [
    'one that is to go does not count',
    'control plane 2: no capacity',
    [{}, [controlPlane(1, { desired: 'absent' }), failed(2)]],
  ],
  ['another is planned', undefined, [{ pendingPlan: plan }, [failed(1)]]],
  ['it was initialised before', undefined, [{ initialisedAt: exampleTime }, [failed(1)]]],
  ['no node is stored yet', undefined, [{}, []]],
])('%s', (_, reason, given) => {
  expect(whyNeverInitialised(...given)).toBe(reason);
});
