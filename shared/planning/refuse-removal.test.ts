import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime as now } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import type { Cluster } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { refuseRemoval } from './refuse-removal.ts';

const controlPlane = (number: number, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: 'c',
    number,
    role: 'control-plane',
    phase: 'ready',
    joinedAt: now,
    lastSeenAt: now,
    ...given,
  });
const worker = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, phase: 'ready', offering: anOffering({ vcpus: 4 }), ...given });
const one = [controlPlane(1), worker(4), worker(5)];
const three = [controlPlane(1), controlPlane(2), controlPlane(3), worker(4), worker(5)];
const replaced = (...others: readonly Node[]): readonly Node[] => [
  ...three.filter(({ number }) => others.every((other) => other.number !== number)),
  ...others,
];
const silent = { lastSeenAt: plusSeconds(now, -901) };

const verdict = (nodes: readonly Node[], numbers: readonly number[], given: Partial<Cluster> = {}) =>
  refuseRemoval({ cluster: aCluster({ initialisedAt: now, ...given }), nodes, numbers, now });

describe('may be removed', () => {
  it.each<[string, readonly Node[], readonly number[], Partial<Cluster>?]>([
    ['a worker', three, [4]],
    ['several workers', three, [4, 5]],
    ['workers of a cluster that is still being created', one, [4], { initialisedAt: undefined as never }],
    ['what goes already, a control plane too', replaced(controlPlane(3, { desired: 'absent' })), [3]],
    ['a worker while a control plane is leaving', replaced(controlPlane(3, { desired: 'absent' })), [4]],
    ['a worker that leaves the lower limit', three, [4], { policies: { clusterLimits: { minVcpus: 16 } } }],
    [
      'what was given up, or is being taken back, below the lower limit too',
      [
        ...three,
        aNode({ clusterId: 'c', number: 6, phase: 'failed' }),
        aNode({ clusterId: 'c', number: 7, phase: 'ready', interruption: 'terminate' }),
      ],
      [6, 7],
      { policies: { clusterLimits: { minVcpus: 40 } } },
    ],
    ['the one that answers no more', replaced(controlPlane(3, silent)), [3]],
    [
      'one that failed before it joined',
      [...three, aNode({ clusterId: 'c', number: 6, role: 'control-plane', phase: 'failed' })],
      [6],
    ],
  ])('%s', (_what, nodes, numbers, cluster) => {
    expect(verdict(nodes, numbers, cluster).refusal).toBeUndefined();
  });

  it('one of three control planes, with a warning', () => {
    expect(verdict(three, [2])).toEqual({ warning: '2 control planes survive no more losses than 1 would' });
  });
  it('one of two, without one', () => {
    expect(verdict([controlPlane(1), controlPlane(2)], [2])).toEqual({});
  });
});

describe('is refused', () => {
  it.each<[string, readonly Node[], readonly number[], Partial<Cluster> | undefined, string]>([
    [
      'the last control plane',
      one,
      [1],
      undefined,
      'node 1 is the last control plane: the cluster would be gone; delete it instead',
    ],
    [
      'the last that stays',
      replaced(controlPlane(2, { desired: 'absent' }), controlPlane(3, { desired: 'absent' })),
      [1],
      undefined,
      'node 1 is the last control plane: the cluster would be gone; delete it instead',
    ],
    [
      'all of them',
      three,
      [1, 2, 3],
      undefined,
      'nodes 1 and 2 and 3 are all of its control planes: the cluster would be gone; delete it instead',
    ],
    ['two at once', three, [1, 2], undefined, 'control planes go one at a time, and nodes 1 and 2 are 2'],
    [
      'one along with workers, for its own reason',
      one,
      [1, 4],
      undefined,
      'node 1 is the last control plane: the cluster would be gone; delete it instead',
    ],
    [
      'one of a cluster that is still being created',
      three,
      [1],
      { initialisedAt: undefined as never },
      'node 1 is a control plane, and the cluster is still being created',
    ],
    [
      'one while another is leaving',
      replaced(controlPlane(3, { desired: 'absent', phase: 'draining' })),
      [1],
      undefined,
      'control plane 3 is still leaving',
    ],
    [
      'one while another is being forgotten',
      three,
      [1],
      { forgetting: { number: 9, attempt: 1, since: now, tries: 0 } },
      'control plane 9 is still leaving',
    ],
    [
      'one while another is joining',
      [...three, aNode({ clusterId: 'c', number: 6, role: 'control-plane', phase: 'booting' })],
      [1],
      undefined,
      'control plane 6 is still joining',
    ],
    [
      'one that answers, while another does not',
      replaced(controlPlane(3, silent)),
      [1],
      undefined,
      'without node 1 the quorum would be lost: of the 2 control planes that stay 1 answer, and 2 are needed',
    ],
    [
      'one that answers, while another was never heard of',
      replaced(controlPlane(3, { lastSeenAt: undefined as never })),
      [1],
      undefined,
      'without node 1 the quorum would be lost: of the 2 control planes that stay 1 answer, and 2 are needed',
    ],
    [
      'workers below the lower limit',
      three,
      [4, 5],
      { policies: { clusterLimits: { minVcpus: 13 } } },
      'without nodes 4 and 5 the cluster has 12 vCPUs, and its lower limit is 13',
    ],
    [
      'a worker below the lower limit, where others were given up or are being taken back',
      [
        ...three,
        aNode({ clusterId: 'c', number: 6, phase: 'failed' }),
        aNode({ clusterId: 'c', number: 7, phase: 'ready', interruption: 'terminate' }),
      ],
      [4],
      { policies: { clusterLimits: { minVcpus: 17 } } },
      'without node 4 the cluster has 16 vCPUs, and its lower limit is 17',
    ],
    [
      'a control plane below the lower limit',
      three,
      [1],
      { policies: { clusterLimits: { minVcpus: 20 } } },
      'without node 1 the cluster has 16 vCPUs, and its lower limit is 20',
    ],
  ])('%s', (_what, nodes, numbers, cluster, refusal) => {
    expect(verdict(nodes, numbers, cluster)).toEqual({ refusal });
  });
});
