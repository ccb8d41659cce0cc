import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allocatableOf, nodes, offerings, packing } from '../../../test/builders/packing.ts';
import { worlds } from '../../../test/builders/random-packing.ts';
import { plusSeconds } from '../../domain/ids.ts';
import type { Pod } from '../../domain/pod.ts';
import { labelsOnceJoined, taintsOf } from '../node-labels.ts';
import { packPods } from '../pack-pods/pack-pods.ts';
import { consolidate } from './consolidate.ts';
import type { Consolidation, ConsolidationNode, ConsolidationOptions } from './consolidation.ts';
import { graceSeconds, movableOn } from './may-go.ts';

const now = '2026-11-29T12:00:00.000Z';
const longAgo = plusSeconds(now, -24 * 3600);

type Given = Partial<Omit<ConsolidationOptions, 'nodes' | 'offerings' | 'policies'>> & {
  readonly nodes: string;
  readonly offers?: string;
  readonly policies?: Partial<ConsolidationOptions['policies']>;
  readonly change?: (node: ConsolidationNode) => ConsolidationNode;
};

/** Prices of what stands are those of the offers of the same size. */
function optionsOf({
  nodes: text,
  offers = '',
  policies,
  change = (node) => node,
  ...rest
}: Given): ConsolidationOptions {
  const sold = offerings(offers);
  return {
    nodes: nodes(text)
      .map((node): ConsolidationNode => {
        const { cloud, instanceType, lifecycle } = node.offering;
        const price = sold.find(
          (each) =>
            each.cloud === cloud && each.instanceType === instanceType && each.lifecycle === lifecycle,
        );
        return {
          ...node,
          offering: { ...node.offering, usdPerHour: price?.usdPerHour ?? 1 },
          readySince: longAgo,
          emptySince: longAgo,
        };
      })
      .map(change),
    offerings: sold,
    daemonSets: [],
    waiting: [],
    budgets: [],
    removedWithinHour: 0,
    policies: { consolidation: { minSavingPercent: 10, nodesPerHourMax: 5 }, ...policies },
    now,
    allocatableOf,
    ...rest,
  };
}

const short = (step: Consolidation | undefined): string =>
  step === undefined
    ? 'nothing'
    : `${step.kind} ${step.remove.join('+')}${step.buy.map(({ offering }) => ` → ${offering.instanceType}`).join('')}`;

const menu = 'aws 1/2 $1, aws 2/4 $2, aws 4/8 $4, gcp 4/8 $3';
const onPods = (change: (pod: Pod) => Pod) => (node: ConsolidationNode) => ({
  ...node,
  pods: node.pods.map(change),
});
const budget = (disruptionsAllowed: number) => ({
  namespace: 'default',
  name: 'web',
  selector: [{ key: 'app', operator: 'In', values: ['web'] }] as const,
  disruptionsAllowed,
});

describe('consolidation', () => {
  const justEmpty = 'n1 aws 1/2: ; n2 aws 2/4: 2 web 1/2';
  const emptyFor = (seconds: number) => (node: ConsolidationNode) => ({
    ...node,
    emptySince: plusSeconds(now, -seconds),
  });
  const half = 'n1 aws 4/8: 1 web 1/2; n2 aws 4/8: 1 web 1/2';
  it.each<[string, Given, string]>([
    ['takes empty nodes away', { nodes: 'n1 aws 2/4: ; n2 aws 2/4: 1 web 1/2' }, 'delete-empty n1'],
    ['all at once', { nodes: 'n1 aws 2/4: ; n2 aws 2/4: ; n3 aws 2/4: 2 web 1/2' }, 'delete-empty n1+n2'],
    [
      'empty is what has only pods of its own',
      {
        nodes: 'n1 aws 2/4: 1 cni 1/1; n2 aws 2/4: 2 web 1/2',
        change: onPods((pod) => (pod.labels?.['app'] === 'cni' ? { ...pod, isNodesOwn: true } : pod)),
      },
      'delete-empty n1',
    ],
    ['takes a node away whose work fits on others', { nodes: half }, 'replace-with-cheaper n1'],
    [
      'buys a smaller one instead',
      { nodes: 'n1 aws 4/8: 1 web 1/2', offers: menu },
      'replace-with-cheaper n1 → aws.1x2',
    ],
    [
      'buys one in another cloud',
      { nodes: 'n1 aws 4/8: 4 web 1/2', offers: menu },
      'replace-with-cheaper n1 → gcp.4x8',
    ],
    [
      'merges several into one',
      { nodes: 'n1 aws 2/4: 2 web 1/2; n2 aws 2/4: 2 web 1/2', offers: 'aws 2/4 $2, gcp 4/8 $3' },
      'merge-many-into-one n1+n2 → gcp.4x8',
    ],
    ['does nothing where all is well', { nodes: 'n1 gcp 4/8: 4 web 1/2', offers: menu }, 'nothing'],
    ['is off without a policy', { nodes: half, policies: { consolidation: undefined } }, 'nothing'],
    ['waits while pods wait', { nodes: half, waiting: packing({ pods: '1 web 1/2' }).pods }, 'nothing'],
    ['waits while nodes join', { nodes: `${half}; n3 aws 4/8 joining:` }, 'nothing'],
    [
      'is not worth it below the least saving',
      { nodes: 'n1 aws 4/8: 4 web 1/2', offers: 'aws 4/8 $4, gcp 4/8 $3.7' },
      'nothing',
    ],
    [
      'is, at the least saving',
      { nodes: 'n1 aws 4/8: 4 web 1/2', offers: 'aws 4/8 $4, gcp 4/8 $3.6' },
      'replace-with-cheaper n1 → gcp.4x8',
    ],
    ['keeps to the nodes of an hour', { nodes: half, removedWithinHour: 5 }, 'nothing'],
    [
      'takes no more than are left of them',
      { nodes: 'n1 aws 2/4: ; n2 aws 2/4: ; n3 aws 2/4: 2 web 1/2', removedWithinHour: 4 },
      'delete-empty n1',
    ],
    [
      'leaves a node alone that says so',
      { nodes: half, change: (node) => ({ ...node, doNotDisrupt: true }) },
      'nothing',
    ],
    [
      'leaves pods alone that say so',
      { nodes: half, change: onPods((pod) => ({ ...pod, doNotDisrupt: true })) },
      'nothing',
    ],
    [
      'leaves pods alone that nothing would make anew',
      { nodes: half, change: onPods((pod) => ({ ...pod, isUnmanaged: true })) },
      'nothing',
    ],
    [
      'leaves a node alone whose pods are not all known',
      { nodes: half, change: (node) => ({ ...node, hasUnknownPods: true }) },
      'nothing',
    ],
    ['leaves pods alone that a budget keeps', { nodes: half, budgets: [budget(0)] }, 'nothing'],
    ['moves what a budget allows', { nodes: half, budgets: [budget(1)] }, 'replace-with-cheaper n1'],
    [
      'counts a budget over all nodes that go',
      {
        nodes: 'n1 aws 2/4: 2 web 1/2; n2 aws 2/4: 2 web 1/2',
        offers: 'aws 2/4 $2, gcp 4/8 $3',
        budgets: [budget(3)],
      },
      'nothing',
    ],
    [
      'leaves young nodes alone',
      { nodes: half, change: (node) => ({ ...node, readySince: plusSeconds(now, 1 - graceSeconds) }) },
      'nothing',
    ],
    [
      'until they are old enough',
      { nodes: half, change: (node) => ({ ...node, readySince: plusSeconds(now, -graceSeconds) }) },
      'replace-with-cheaper n1',
    ],
    [
      'leaves a node alone that has just become empty',
      { nodes: justEmpty, change: emptyFor(graceSeconds - 1) },
      'nothing',
    ],
    ['until it stays so', { nodes: justEmpty, change: emptyFor(graceSeconds) }, 'delete-empty n1'],
    [
      'until the policy for empty nodes would take it',
      {
        nodes: justEmpty,
        change: emptyFor(3599),
        policies: { nodeDeletion: { emptyMinutes: 60 } },
      },
      'nothing',
    ],
    ['keeps the last worker', { nodes: 'n1 aws 2/4:' }, 'nothing'],
    [
      'unless more are bought when they are needed',
      { nodes: 'n1 aws 2/4:', policies: { unschedulablePods: {} } },
      'delete-empty n1',
    ],
    [
      'keeps the limit of vCPUs while both are there',
      { nodes: 'n1 aws 4/8: 1 web 1/2', offers: menu, policies: { clusterLimits: { maxVcpus: 4 } } },
      'nothing',
    ],
    [
      'buys what the limit still lets in',
      { nodes: 'n1 aws 4/8: 1 web 1/2', offers: menu, policies: { clusterLimits: { maxVcpus: 5 } } },
      'replace-with-cheaper n1 → aws.1x2',
    ],
    [
      'keeps the share of spot',
      {
        nodes: 'n1 aws 4/8: 1 web 1/2 tolerates:spot; n2 aws 4/8 spot: 1 web 1/2 tolerates:spot',
        policies: { spot: { sharePercent: 50 } },
        change: (node) => (node.name === 'n2' ? { ...node, doNotDisrupt: true } : node),
      },
      'nothing',
    ],
    [
      'never touches control planes',
      { nodes: 'n1 aws 4/8 control-plane: ; n2 aws 4/8: 4 web 1/2' },
      'nothing',
    ],
    [
      'keeps what must be apart',
      { nodes: 'n1 aws 4/8: 1 web 1/2 apart:host; n2 aws 4/8: 1 web 1/2 apart:host' },
      'nothing',
    ],
    [
      'keeps headroom',
      { nodes: half, policies: { unschedulablePods: { headroom: { cpuPercent: 200 } } } },
      'nothing',
    ],
    ['keeps the least vCPUs', { nodes: half, policies: { clusterLimits: { minVcpus: 8 } } }, 'nothing'],
  ])('%s', (_what, given, then) => {
    expect(short(consolidate(optionsOf(given)))).toBe(then);
  });
});

/** The cluster once the step is taken: the pods are where packing put them. */
function after(options: ConsolidationOptions, step: Consolidation, number: number): ConsolidationOptions {
  const going = options.nodes.filter(({ name }) => step.remove.includes(name));
  const staying = options.nodes.filter(({ name }) => !step.remove.includes(name));
  const pods = going.flatMap(movableOn);
  const packed = packPods({ ...options, pods, nodes: staying, newNodesMax: 1 });
  expect(packed.unplaced).toEqual([]);
  const bought = packed.newNodes.map(({ offering }): ConsolidationNode => {
    const name = `bought-${number}`;
    const labels = { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': name };
    const taints = taintsOf(offering);
    return {
      name,
      offering,
      role: 'worker',
      labels,
      taints,
      allocatable: allocatableOf(offering),
      pods: [],
      readySince: longAgo,
      emptySince: longAgo,
    };
  });
  const byName = new Map(pods.map((pod) => [`${pod.namespace}/${pod.name}`, pod]));
  const rest = packed.classes.map((each) => each.pods.map((name) => byName.get(name) as Pod));
  const arrived = new Map<string, Pod[]>();
  for (const { podClass, count, on } of packed.placements) {
    const name = 'node' in on ? on.node : `bought-${number}`;
    arrived.set(name, [...(arrived.get(name) ?? []), ...(rest[podClass]?.splice(0, count) ?? [])]);
  }
  return {
    ...options,
    nodes: [...staying, ...bought].map((node) => ({
      ...node,
      pods: [...node.pods, ...(arrived.get(node.name) ?? [])],
    })),
  };
}

const spend = ({ nodes }: ConsolidationOptions): number =>
  nodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0);

describe('with the same pods and prices', () => {
  it('consolidation becomes quiet, every step costs less, and no pod is lost', () => {
    const shape = { groupsMax: 1, countMax: 1, rulesMax: 0, nodesMax: 6, offersMax: 6 };
    fc.assert(
      fc.property(worlds(shape), fc.integer({ min: 0, max: 30 }), ({ given, options }, minSavingPercent) => {
        let cluster: ConsolidationOptions = {
          ...options,
          nodes: options.nodes
            .filter(({ isJoining }) => isJoining !== true)
            .map((node, at) => ({
              ...node,
              offering: { ...node.offering, usdPerHour: 1 + node.offering.vcpus },
              pods: node.pods.map((pod, number) => ({ ...pod, name: `${pod.name}-${at}-${number}` })),
              readySince: longAgo,
              emptySince: longAgo,
            })),
          waiting: [],
          budgets: [],
          removedWithinHour: 0,
          policies: { ...options.policies, consolidation: { minSavingPercent, nodesPerHourMax: 3 } },
          now,
        };
        const podsOf = ({ nodes }: ConsolidationOptions) =>
          nodes.reduce((sum, { pods }) => sum + pods.length, 0);
        const pods = podsOf(cluster);
        const stepsMax = 50;
        let steps = 0;
        for (; steps < stepsMax; steps += 1) {
          const step = consolidate(cluster);
          if (step === undefined) break;
          const before = spend(cluster);
          cluster = after(cluster, step, steps);
          expect(spend(cluster), given).toBeLessThan(before);
          expect(before - spend(cluster), given).toBeCloseTo(step.savingUsdPerHour, 6);
          expect(podsOf(cluster), given).toBe(pods);
        }
        expect(steps, given).toBeLessThan(stepsMax);
      }),
      { numRuns: 150 },
    );
  });
});
