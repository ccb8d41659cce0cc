import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Mesh, MeshMember } from '../domain/mesh.ts';
import type { Node } from '../domain/node.ts';
import { mendedMesh, meshDifferences, meshFindings } from './find-mesh-drift.ts';

const now = plusSeconds(exampleTime, 3600);
const serving = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    phase: 'ready',
    attempt: 1,
    readyAt: exampleTime,
    lastSeenAt: now,
    wireguardPublicKey: `key-${number}`,
    publicAddress: `203.0.113.${number}`,
    privateAddress: `10.10.0.${number}`,
    ...given,
  });
const member = (number: number, given: Partial<MeshMember> = {}): MeshMember => ({
  number,
  role: 'worker',
  cloud: 'aws',
  overlayAddress: `10.4.0.${number}`,
  publicKey: `key-${number}`,
  publicAddress: `203.0.113.${number}`,
  privateAddress: `10.10.0.${number}`,
  sinceVersion: 1,
  ...given,
});
const meshOf = (members: readonly MeshMember[], changedAt = exampleTime): Mesh => ({
  clusterId: 'c',
  version: 7,
  members,
  changedAt,
});

describe('an entry of the mesh', () => {
  const both = meshOf([member(1), member(2)]);
  const older = meshOf([member(1), member(2, { publicKey: 'older' })]);
  it.each<[string, readonly string[], Mesh, readonly Node[]]>([
    ['of a node that serves fits', [], both, [serving(1), serving(2)]],
    ['of a node that is no more', ['the mesh still leads to node 2, which is gone'], both, [serving(1)]],
    [
      'of a node that is deleted, put back by a write that came late',
      ['the mesh still leads to node 2, which is gone'],
      both,
      [serving(1), serving(2, { phase: 'deleted', desired: 'absent' })],
    ],
    [
      'of an older key',
      ['the mesh leads to node 2 by an older key or address'],
      older,
      [serving(1), serving(2)],
    ],
    [
      'of another address',
      ['the mesh leads to node 2 by an older key or address'],
      both,
      [serving(1), serving(2, { publicAddress: '198.51.100.2' })],
    ],
    [
      'that a node which serves has not',
      ['the mesh does not lead to node 2'],
      meshOf([member(1)]),
      [serving(1), serving(2)],
    ],
    [
      'that a node on its way has not yet',
      [],
      meshOf([member(1)]),
      [serving(1), serving(2, { phase: 'joining' })],
    ],
    [
      'of a node that is to go is its retirement’s',
      [],
      older,
      [serving(1), serving(2, { desired: 'absent' })],
    ],
    [
      'of a node that a run owns is that run’s',
      [],
      older,
      [
        serving(1),
        serving(2, { operation: { executionArn: 'x', kind: 'ProvisionNode', startedAt: exampleTime } }),
      ],
    ],
    [
      'of a mesh that has just moved may be on its way',
      [],
      meshOf(both.members, plusSeconds(now, -59)),
      [serving(1)],
    ],
  ])('%s', (_, expected, mesh, nodes) => {
    expect(meshDifferences({ mesh, nodes, now }).map(({ message }) => message)).toEqual(expected);
  });

  it('is put right with all others in one write, under the version that adds it', () => {
    const mesh = meshOf([member(2, { publicKey: 'older' }), member(3), member(9)]);
    const nodes = [serving(1), serving(2), serving(3)];
    const mended = mendedMesh(mesh, meshDifferences({ mesh, nodes, now }));
    expect(mended).toEqual([member(1, { sinceVersion: 8 }), member(2, { sinceVersion: 8 }), member(3)]);
    const after = meshOf(mended ?? []);
    expect(mendedMesh(after, meshDifferences({ mesh: after, nodes, now }))).toBeUndefined();
  });
});

describe('a node that gives no answer over WireGuard', () => {
  const mesh = meshOf([member(1), member(2), member(3)]);
  const hearsNot = (number: number, ...silent: number[]): Node =>
    serving(number, { silentPeers: silent.map((each) => `10.4.0.${each}`) });
  const found = (nodes: readonly Node[], given: { mesh?: Mesh; lost?: readonly number[] } = {}) =>
    meshFindings({ mesh: given.mesh ?? mesh, nodes, lost: new Set(given.lost), now }).map(
      ({ kind, message }) => `${kind}: ${message}`,
    );
  const silent = ['peer-silent: node 3 in aws answers node 1, node 2 no more over WireGuard'];

  it.each<[string, readonly string[], readonly string[]]>([
    ['to several is found', found([hearsNot(1, 3), hearsNot(2, 3), hearsNot(3, 1, 2)]), silent],
    ['to one of several is that one’s affair', found([hearsNot(1, 3), serving(2), serving(3)]), []],
    [
      'to the only other is found, as that other is',
      found([hearsNot(1, 2), hearsNot(2, 1)], { mesh: meshOf([member(1), member(2)]) }),
      [
        'peer-silent: node 1 in aws answers node 2 no more over WireGuard',
        'peer-silent: node 2 in aws answers node 1 no more over WireGuard',
      ],
    ],
    ['and is lost is found as that', found([hearsNot(1, 3), hearsNot(2, 3), serving(3)], { lost: [3] }), []],
    [
      'and is new may not have been reached yet',
      found([hearsNot(1, 3), hearsNot(2, 3), serving(3, { readyAt: plusSeconds(now, -300) })]),
      [],
    ],
    [
      'by the word of those who are themselves not heard of is nothing',
      found([
        { ...hearsNot(1, 3), lastSeenAt: plusSeconds(now, -901) },
        { ...hearsNot(2, 3), lastSeenAt: plusSeconds(now, -901) },
        serving(3),
      ]),
      [],
    ],
    [
      'in a mesh that has just moved is on its way',
      found([hearsNot(1, 3), hearsNot(2, 3), serving(3)], {
        mesh: meshOf(mesh.members, plusSeconds(now, -299)),
      }),
      [],
    ],
  ])('%s', (_, actual, expected) => {
    expect(actual).toEqual(expected);
  });
});
