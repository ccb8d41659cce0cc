import { describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Pod } from '../domain/pod.ts';
import type { SeenNode, Workload } from '../domain/workload.ts';
import { allocatableOf } from './allocatable.ts';
import { joinSecondsMax, standingNodes } from './standing-nodes.ts';

const now = plusSeconds(exampleTime, 3600);
const seenAt = plusSeconds(now, -30);
const pod = (name: string, given: Partial<Pod> = {}): Pod => ({
  name,
  namespace: 'default',
  requests: { cpuMillis: 100, memoryBytes: 1 },
  ...given,
});
const seen = (number: number, given: Partial<SeenNode> = {}): SeenNode => ({
  name: `c-${number}`,
  labels: { seen: 'yes' },
  taints: [],
  allocatable: { cpuMillis: 3000, memoryBytes: 1000, pods: 110 },
  isReady: true,
  pods: [pod(`on-${number}`), pod(`own-${number}`, { isNodesOwn: true })],
  ...given,
});
const node = (number: number, given: Partial<Node> = {}): Node =>
  aNode({ clusterId: 'c', number, phase: 'ready', attempt: 1, ...given });
const stand = (
  nodes: readonly Node[],
  workload: Partial<Workload> = {},
  cluster: Partial<Parameters<typeof standingNodes>[0]['cluster']> = {},
) =>
  standingNodes({
    cluster: { name: 'c', ...cluster },
    nodes,
    workload: { nodes: [], waiting: [], heldUp: [], daemonSets: [], ...workload },
    seenAt,
    now,
  });

describe('a cluster’s nodes', () => {
  it('that serve are as its API shows them', () => {
    const { nodes } = stand([node(1)], { nodes: [seen(1)] });
    expect(nodes).toEqual([
      {
        name: 'c-1',
        offering: anOffering(),
        role: 'worker',
        labels: { seen: 'yes' },
        taints: [],
        allocatable: { cpuMillis: 3000, memoryBytes: 1000, pods: 110 },
        pods: [pod('on-1'), pod('own-1', { isNodesOwn: true })],
      },
    ]);
  });

  it.each<[string, Partial<Node>, (readonly SeenNode[])?]>([
    ['are planned', { phase: 'planned', createdAt: now }],
    ['join', { phase: 'joining', createRequest: request(joinSecondsMax) }],
    ['became ready since anybody looked', { phase: 'ready' }],
    [
      'were seen when they were about to be ready',
      { phase: 'ready', readyAt: plusSeconds(seenAt, -119) },
      [seen(1, { isReady: false, pods: [] })],
    ],
  ])('that %s count as room, as they will be', (_, given, nodes = []) => {
    const offering = anOffering({ lifecycle: 'spot' });
    const [first] = stand([node(1, { ...given, offering })], { nodes }).nodes;
    expect(first).toMatchObject({ isJoining: true, allocatable: allocatableOf(offering), pods: [] });
    expect(first?.isUnschedulable).toBeUndefined();
    expect(first?.labels).toMatchObject({
      'kubernetes.io/hostname': 'c-1',
      'topology.overcast.dev/csp': 'aws',
      'scheduling.overcast.dev/spot': 'true',
    });
    expect(first?.taints).toEqual([
      { key: 'scheduling.overcast.dev/spot', value: 'true', effect: 'NoSchedule' },
    ]);
  });

  it.each<[string, Partial<Node>, Partial<SeenNode>]>([
    ['takes too long to join', { phase: 'joining', createRequest: request(joinSecondsMax + 1) }, {}],
    ['is cordoned', {}, { isUnschedulable: true }],
    ['is not ready any more', { readyAt: plusSeconds(seenAt, -120) }, { isReady: false }],
  ])('one that %s gives no room, and counts towards the limits', (_, given, how) => {
    const { nodes } = stand([node(1, given)], { nodes: [seen(1, how)] });
    expect(nodes).toMatchObject([{ name: 'c-1', isUnschedulable: true }]);
  });

  it.each<[string, Partial<Node>]>([
    ['is to go', { desired: 'absent' }],
    ['is taken back', { interruption: 'terminate' }],
  ])('one that %s gives its pods back, but for those that are its own or stopping', (_, given) => {
    const there = seen(1);
    const pods = [...there.pods, pod('stopping', { isStopping: true })];
    const { nodes, waiting } = stand([node(1, given)], { nodes: [{ ...there, pods }], waiting: [pod('w')] });
    expect(nodes).toEqual([]);
    expect(waiting.map(({ name }) => name)).toEqual(['w', 'on-1']);
  });

  it.each<[string, Partial<Node>]>([
    ['was given up', { phase: 'failed' }],
    ['is gone', { phase: 'deleted', desired: 'absent' }],
  ])('one that %s is none', (_, given) => {
    expect(stand([node(1, given)], { nodes: [seen(1)] })).toEqual({ nodes: [], waiting: [] });
  });

  it('that are pending in a plan count too, and once', () => {
    const planned = { id: 'p-7', number: 7, role: 'worker' as const, offering: anOffering() };
    const pendingPlan = { id: 'p', nodes: [planned], reason: 'x' };
    expect(stand([], {}, { pendingPlan }).nodes.map(({ name }) => name)).toEqual(['c-7']);
    const both = stand([node(7, { id: 'p-7', phase: 'planned' })], {}, { pendingPlan });
    expect(both.nodes.map(({ name }) => name)).toEqual(['c-7']);
  });
});

function request(secondsAgo: number): NonNullable<Node['createRequest']> {
  return {
    attempt: 1,
    offering: anOffering(),
    kubernetesVersion: '1.36',
    tokenExpiresAt: 0,
    requestedAt: plusSeconds(now, -secondsAgo),
  };
}
