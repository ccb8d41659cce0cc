import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import type { Finding } from '../domain/finding.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { SeenCluster, SeenMachine } from '../domain/observation.ts';
import { strayMachineFingerprint, strayResourceFingerprint } from './find-strays.ts';
import { needsRepair, planRepairs } from './plan-repairs.ts';

const now = plusSeconds(exampleTime, 7200);
const ago = (seconds: number): string => plusSeconds(now, -seconds);
const node = (given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number: 1, attempt: 1, phase: 'ready', providerId: 'i-1', ...given });
const seen = (given: Partial<SeenCluster> = {}): SeenCluster => ({
  clusterId: 'c',
  machines: [],
  resources: [],
  strangers: [],
  ...given,
});
const finding = (
  fingerprint: string,
  kind: Finding['kind'],
  seconds: number,
  cloud: Finding['cloud'] = 'aws',
): Finding => ({
  clusterId: 'c',
  ...(cloud && { cloud }),
  fingerprint,
  kind,
  subject: '',
  message: '',
  remedy: '',
  seenAt: ago(seconds),
});
const operation = { executionArn: 'x', kind: 'RetireNode', startedAt: exampleTime } as const;
const stray: SeenMachine = {
  providerId: 'i-9',
  name: 'four-clouds-9',
  nodeId: 'x',
  state: 'running',
  createdAt: exampleTime,
};
const disk = { kind: 'disk', id: 'd-1', name: 'left', isSpare: true } as const;
const strayFound = (seconds: number, cloud?: Finding['cloud']) =>
  finding(strayMachineFingerprint('i-9'), 'stray-machine', seconds, cloud);
const diskFound = (seconds: number) => finding(strayResourceFingerprint(disk), 'stray-resource', seconds);

const repairs = (nodes: readonly Node[], observation: SeenCluster, findings: readonly Finding[]) => {
  const { machines, removals } = planRepairs({
    cluster: { name: 'four-clouds' },
    cloud: 'aws',
    nodes,
    observation,
    findings,
    tokenOf: (id, attempt) => `${id}/${attempt}`,
    now,
  });
  return [
    ...machines.map(({ name }) => `put ${name} right`),
    ...removals.map(({ kind, id }) => `remove ${kind} ${id}`),
  ];
};
const flawed = seen({
  flaws: [{ of: 'machine', subject: 'tags', message: 'tags are gone', providerId: 'i-1' }],
});

describe('repairs', () => {
  it.each<[string, readonly string[], readonly Node[], SeenCluster, readonly Finding[]]>([
    ['are none when all is right', [], [node()], seen(), []],
    ['put a machine right at once', ['put four-clouds-1 right'], [node()], flawed, []],
    [
      'leave a machine alone that is being taken down',
      [],
      [node({ desired: 'absent', operation })],
      flawed,
      [],
    ],
    [
      'leave a machine alone that is being given up',
      [],
      [node({ failure: { reason: 'x' }, operation })],
      flawed,
      [],
    ],
    [
      'put one right that is to go and cannot: without its tags it is nobody’s',
      ['put four-clouds-1 right'],
      [node({ desired: 'absent' })],
      flawed,
      [],
    ],
    [
      'and one that was given up',
      ['put four-clouds-1 right'],
      [node({ phase: 'failed', failure: { reason: 'x' } })],
      flawed,
      [],
    ],
    [
      'leave the network to its own step',
      [],
      [node()],
      seen({ flaws: [{ of: 'network', subject: 's', message: 'm' }] }),
      [],
    ],
    [
      'remove a stray machine',
      ['remove machine i-9'],
      [node()],
      seen({ machines: [stray] }),
      [strayFound(300)],
    ],
    [
      'remove a node’s second machine at once, whether or not a sweep found it',
      ['remove machine i-9'],
      [node({ id: 'x' })],
      seen({ machines: [{ ...stray, createdAt: now }] }),
      [],
    ],
    ['not before it was seen in two sweeps', [], [node()], seen({ machines: [stray] }), [strayFound(299)]],
    ['not when no sweep ever found it', [], [node()], seen({ machines: [stray] }), []],
    [
      'not for what was found in another cloud',
      [],
      [node()],
      seen({ machines: [stray] }),
      [strayFound(900, 'gcp')],
    ],
    ['not when it is gone meanwhile', [], [node()], seen(), [strayFound(900)]],
    [
      'not when it is young',
      [],
      [node()],
      seen({ machines: [{ ...stray, createdAt: ago(600) }] }),
      [strayFound(900)],
    ],
    [
      'not when a node recorded it meanwhile',
      [],
      [node({ providerId: 'i-9' })],
      seen({ machines: [stray] }),
      [strayFound(900)],
    ],
    [
      'not when its node has yet to record one',
      [],
      [aNode({ clusterId: 'c', id: 'x', phase: 'creating' })],
      seen({ machines: [stray] }),
      [strayFound(900)],
    ],
    [
      'not when it is going already',
      [],
      [node()],
      seen({ machines: [{ ...stray, state: 'stopping' }] }),
      [strayFound(900)],
    ],
    [
      'remove what is left over after ten minutes',
      ['remove disk d-1'],
      [node()],
      seen({ resources: [disk] }),
      [diskFound(600)],
    ],
    ['not before: nobody knows how old it is', [], [node()], seen({ resources: [disk] }), [diskFound(599)]],
    [
      'not what serves something',
      [],
      [node()],
      seen({ resources: [{ kind: 'disk', id: 'd-1', name: 'left' }] }),
      [diskFound(900)],
    ],
    [
      'not while a machine is being made there, of which it may be a part',
      [],
      [node({ phase: 'creating' })],
      seen({ resources: [disk] }),
      [diskFound(900)],
    ],
    [
      'however busy another cloud is',
      ['remove disk d-1'],
      [node({ phase: 'creating', cloud: 'gcp' })],
      seen({ resources: [disk] }),
      [diskFound(900)],
    ],
  ])('%s', (_, expected, nodes, observation, findings) => {
    expect(repairs(nodes, observation, findings)).toEqual(expected);
  });

  it('are only looked for where a sweep found something of the kind', () => {
    expect(needsRepair([strayFound(1)], 'aws')).toBe(true);
    expect(needsRepair([strayFound(1)], 'gcp')).toBe(false);
    expect(needsRepair([finding('x', 'surplus-machine', 1)], 'aws')).toBe(true);
    expect(needsRepair([finding('x', 'machine-missing', 1)], 'aws')).toBe(false);
  });
});
