import { expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Node } from '../domain/node.ts';
import { controlPlanesOf } from './control-planes.ts';

const cluster = { ...aCluster({ name: 'four-clouds' }), initialisedAt: exampleTime, initNode: 1 };
const one = (given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: cluster.id,
    number: 1,
    role: 'control-plane',
    phase: 'ready',
    joinedAt: exampleTime,
    publicAddress: '203.0.113.1',
    ...given,
  });
const two = (given: Partial<Node> = {}): Node => one({ number: 2, publicAddress: '203.0.113.2', ...given });
const withoutJoin = ({ joinedAt: _joinedAt, ...node }: Node): Node => node;
const withoutAddress = ({ publicAddress: _publicAddress, ...node }: Node): Node => node;

it.each<[string, readonly Node[], readonly string[]]>([
  ['all, by number', [two(), one()], ['four-clouds-1', 'four-clouds-2']],
  [
    'a ready one before one on its way',
    [one({ phase: 'joining' }), two()],
    ['four-clouds-2', 'four-clouds-1'],
  ],
  ['no worker', [one({ role: 'worker' }), two()], ['four-clouds-2']],
  ['none that is to go', [one({ desired: 'absent' }), two()], ['four-clouds-2']],
  ['none that failed', [one({ phase: 'failed' }), two()], ['four-clouds-2']],
  ['none without a public address', [withoutAddress(one()), two()], ['four-clouds-2']],
  ['none that has not joined', [one(), withoutJoin(two({ phase: 'joining' }))], ['four-clouds-1']],
  [
    'the one that was initialised, before it says that it joined',
    [withoutJoin(one({ phase: 'joining' })), withoutJoin(two({ phase: 'joining' }))],
    ['four-clouds-1'],
  ],
])('whom to ask: %s', (_, nodes, expected) => {
  expect(controlPlanesOf(cluster, nodes).map(({ name }) => name)).toEqual(expected);
});

it('before it is initialised a cluster has nobody to ask', () => {
  const { initialisedAt: _initialisedAt, ...young } = cluster;
  expect(controlPlanesOf(young, [withoutJoin(one({ phase: 'joining' }))])).toEqual([]);
});
