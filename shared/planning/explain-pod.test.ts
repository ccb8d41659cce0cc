import { describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { aMarket } from '../../test/builders/market.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { cloudNames } from '../domain/cloud.ts';
import type { Node } from '../domain/node.ts';
import type { Pod } from '../domain/pod.ts';
import type { Policies } from '../domain/policy.ts';
import type { Workload } from '../domain/workload.ts';
import { allocatableOf } from './allocatable.ts';
import { explainPod } from './explain-pod.ts';
import { labelsOnceJoined } from './node-labels.ts';

const pod = (name: string, given: Partial<Pod> = {}): Pod => ({
  name,
  namespace: 'shop',
  requests: { cpuMillis: 3000, memoryBytes: 2 ** 30 },
  ...given,
});
const explain = (
  name: string,
  given: { workload?: Partial<Workload>; node?: Partial<Node>; policies?: Policies } = {},
) => {
  const offering = anOffering();
  return explainPod({
    cluster: aCluster({ policies: given.policies ?? { unschedulablePods: {} }, readyAt: exampleTime }),
    nodes: [aNode({ clusterId: 'c', number: 2, phase: 'ready', offering, ...given.node })],
    parts: cloudNames.map((cloud) => ({
      clusterId: 'c',
      cloud,
      network: { cloud, location: { region: 'r', zone: '' }, range: '', subnetRange: '', parts: {} },
    })),
    sighting: {
      clusterId: 'c',
      at: exampleTime,
      workload: {
        nodes: [
          {
            name: 'four-clouds-2',
            labels: labelsOnceJoined(offering),
            taints: [],
            allocatable: allocatableOf(offering),
            isReady: true,
            pods: [pod('here')],
          },
        ],
        waiting: [],
        heldUp: [],
        daemonSets: [],
        ...given.workload,
      },
    },
    market: aMarket(),
    pod: `shop/${name}`,
    now: exampleTime,
  });
};

describe('a pod', () => {
  it('that has a place is there for what its node is', () => {
    expect(explain('here', { node: { boughtFor: 'unschedulable-pods', standsInFor: 'spot' } })).toEqual({
      pod: 'shop/here',
      seenAt: exampleTime,
      state: 'placed',
      node: 'four-clouds-2',
      because: [
        'four-clouds-2 is c6a.xlarge in aws (on-demand, $0.1530 per hour)',
        'it was bought by policy: unschedulable-pods',
        'it stands in for spot, which was not to be had',
      ],
    });
  });

  it.each<[string, Pod[], Policies | undefined, RegExp]>([
    [
      'for which there is room',
      [pod('w', { requests: { cpuMillis: 100, memoryBytes: 1 } })],
      undefined,
      /^there is room on four-clouds-2/,
    ],
    ['for which something is bought', [pod('w')], undefined, /is to be bought for it and others$/],
    [
      'for which nothing is bought by policy',
      [pod('w')],
      { nodeDeletion: { emptyMinutes: 5 } },
      /no policy buys it: unschedulablePods is off$/,
    ],
    [
      'that wants what no node has',
      [pod('w', { nodeSelector: { disk: 'ssd' } })],
      undefined,
      /^nodeSelector: .*disk/,
    ],
    [
      'beyond the limit',
      [pod('w')],
      { unschedulablePods: {}, clusterLimits: { maxVcpus: 4 } },
      /^maxVcpus: /,
    ],
  ])('%s waits, and it is said why', (_, waiting, policies, expected) => {
    const explanation = explain('w', { workload: { waiting }, ...(policies && { policies }) });
    expect(explanation?.state).toBe('waiting');
    expect(
      explanation?.because.some((line) => expected.test(line)),
      explanation?.because.join('\n'),
    ).toBe(true);
  });

  it('that no node would help is held up', () => {
    const heldUp = [{ pod: 'shop/gated', why: 'a scheduling gate holds it' }];
    expect(explain('gated', { workload: { heldUp } })).toMatchObject({
      state: 'held up',
      because: ['a scheduling gate holds it'],
    });
  });

  it('that nobody saw has no explanation', () => {
    expect(explain('gone')).toBeUndefined();
  });
});
