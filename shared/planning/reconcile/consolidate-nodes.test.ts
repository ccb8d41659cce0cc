import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aMarket } from '../../../test/builders/market.ts';
import { anOffering } from '../../../test/builders/node.ts';
import {
  ago,
  controlPlane,
  decide,
  done,
  failed,
  node,
  on,
  operation,
  pod,
  pods,
  type Given,
} from '../../../test/builders/resizing.ts';
import type { Cluster } from '../../domain/cluster.ts';
import type { Node } from '../../domain/node.ts';
import type { Market, Offering } from '../../domain/offering.ts';
import type { Pod } from '../../domain/pod.ts';
import type { Policies } from '../../domain/policy.ts';
import { allocatableOf } from '../allocatable.ts';
import { labelsOnceJoined, taintsOf } from '../node-labels.ts';
import { packPods } from '../pack-pods/pack-pods.ts';
import type { Action } from './view.ts';

const policies: Policies = { consolidation: { minSavingPercent: 10, nodesPerHourMax: 5 } };
/** A third of each is used: one does for both. */
const half: Given & { readonly nodes: readonly Node[] } = {
  policies,
  nodes: [controlPlane, node(2), node(3)],
  running: { 2: [pod('a')], 3: [pod('b')] },
};
const xlarge = anOffering({ instanceType: 'c6a.4xlarge', vcpus: 16, memoryGib: 32, usdPerHour: 0.612 });
/** Four times as large as it need be, and alone. */
const tooLarge: Given & { readonly nodes: readonly Node[] } = {
  policies,
  nodes: [controlPlane, node(2, { offering: xlarge })],
  running: { 2: pods(3) },
};
const also = (...nodes: readonly Node[]): Given => ({ ...half, nodes: [...half.nodes, ...nodes] });
const of = (cluster: Partial<Cluster>): Given => ({ ...half, cluster });
const both = (given: Partial<Pod>): Given => ({
  ...half,
  running: { 2: [pod('a', given)], 3: [pod('b', given)] },
});
const gone = (number: number, secondsAgo: number): Node =>
  node(number, { phase: 'deleted', desired: 'absent', consolidatedAt: ago(secondsAgo) });
/** Bought for pods, and gone again. */
const boughtBack = (number: number, secondsAgo: number): Node =>
  node(number, {
    phase: 'deleted',
    desired: 'absent',
    boughtFor: 'unschedulable-pods',
    createdAt: ago(secondsAgo),
  });
const budget = (disruptionsAllowed: number): Given => ({
  ...half,
  budgets: [{ namespace: 'default', name: 'all', selector: [], disruptionsAllowed }],
});
const failures = [1, 2, 3, 4, 5, 6].map((count) => failed(10 + count, count * 50));
const isNow = (offering: Offering, usdPerHour: number): Market => {
  const { offerings, coolOffs } = aMarket();
  return {
    coolOffs,
    offerings: [
      ...offerings.filter((each) => each.instanceType !== offering.instanceType),
      { ...offering, usdPerHour },
    ],
  };
};

describe('consolidation', () => {
  it.each<[string, readonly string[], Given]>([
    ['takes a node away whose work fits on the others', ['retire 2'], half],
    ['buys a smaller one first', ['buy digitalocean 4 vCPU on-demand'], tooLarge],
    ['is off by default', [], { ...half, policies: on }],
    [
      'leaves a saving that is too small',
      [],
      { ...tooLarge, policies: { consolidation: { minSavingPercent: 90, nodesPerHourMax: 5 } } },
    ],
    ['keeps to its nodes of an hour', [], also(...[4, 5, 6, 7, 8].map((number) => gone(number, 3599)))],
    ['counts anew in the next', ['retire 2'], also(...[4, 5, 6, 7, 8].map((number) => gone(number, 3600)))],
    ['rests when something was bought right after', [], also(gone(4, 4000), boughtBack(5, 3500))],
    ['rests no longer than an hour the first time', ['retire 2'], also(gone(4, 4200), boughtBack(5, 3601))],
    [
      'rests longer the next time',
      [],
      also(gone(4, 9000), boughtBack(5, 8900), gone(6, 4200), boughtBack(7, 3601)),
    ],
    ['rests for nothing that was bought long after', ['retire 2'], also(gone(4, 5401), boughtBack(5, 3600))],
    ['rests for nothing that was bought before', ['retire 2'], also(gone(4, 3000), boughtBack(5, 3001))],
    ['leaves pods that say so', [], both({ doNotDisrupt: true })],
    ['leaves pods that nothing makes anew', [], both({ isUnmanaged: true })],
    ['leaves pods that a budget keeps', [], budget(0)],
    [
      'leaves young nodes',
      [],
      { ...half, nodes: [controlPlane, node(2, { readyAt: ago(599) }), node(3, { readyAt: ago(599) })] },
    ],
    [
      'compares today’s prices: a node is not replaced by itself',
      [],
      { ...tooLarge, market: { offerings: [{ ...xlarge, usdPerHour: 0.3 }], coolOffs: [] } },
    ],
    [
      'compares them also where they rose',
      ['buy aws 16 vCPU on-demand'],
      {
        ...tooLarge,
        running: { 2: pods(15) },
        policies: { ...policies, purchasing: { clouds: ['aws'] } },
        market: isNow(xlarge, 2),
      },
    ],
    ['waits while a plan is pending', [], of({ pendingPlan: { id: 'p', reason: 'x', nodes: [] } })],
    [
      'waits while the cluster is worked on',
      [],
      of({ operation: { ...operation, kind: 'ProvisionCluster' } }),
    ],
    ['waits while the cluster is not well', [], of({ status: 'degraded' })],
    ['waits while a generation is not provisioned', [], of({ generation: 2 })],
    ['leaves a cluster alone that goes', [], of({ deletionRequestedAt: ago(1) })],
    ['waits while a node is worked on', [], also(node(4, { operation }))],
    ['waits while a node comes', [], also(node(4, { phase: 'joining', operation }))],
    ['waits while a node goes', [], also(node(4, { phase: 'draining', desired: 'absent', operation }))],
    ['waits while one is taken back', [], also(node(4, { interruption: 'terminate', operation }))],
    ['waits while a machine may be lost', [], also(node(4, { lastSeenAt: ago(3000) }))],
    ['waits while a cloud was not seen', [], { ...half, sightings: [] }],
    [
      'waits while pods wait',
      [],
      { ...half, waiting: pods(20), policies: { ...policies, ...on, clusterLimits: { maxVcpus: 12 } } },
    ],
    ['does nothing by pods that were seen too long ago', [], { ...half, sighting: { at: ago(121) } }],
    [
      'does nothing while pods are unknown',
      [],
      { ...half, sighting: { workload: undefined, failure: 'no answer' } as never },
    ],
    ['does nothing before it knows the disruption budgets', [], { ...half, budgets: 'unknown' }],
    ['buys nothing while purchases fail', [], { ...tooLarge, nodes: [...tooLarge.nodes, ...failures] }],
    ['goes on without them', ['retire 2'], also(...failures)],
  ])('%s', (_, expected, given) => {
    expect(done(given)).toEqual(expected);
  });

  it('says what it saves', () => {
    expect(decide(half).actions.map(({ because }) => because)).toEqual([
      'four-clouds-2 is not needed: what is there does, and saves $0.1530 per hour',
    ]);
  });
});

describe('what consolidation bought', () => {
  const small = anOffering({ cloud: 'digitalocean', usdPerHour: 0.12 });
  const successor = (given: Partial<Node> = {}): Node =>
    node(3, {
      offering: small,
      boughtFor: 'consolidation',
      takesOverFrom: ['id-2'],
      readyAt: ago(60),
      ...given,
    });
  const [, old = controlPlane] = tooLarge.nodes;
  const taking: Given = { ...tooLarge, nodes: [controlPlane, old, successor()], emptySince: { 3: ago(50) } };
  const emptied: Policies = { ...policies, nodeDeletion: { emptyMinutes: 1 } };
  it.each<[string, readonly string[], Given]>([
    ['lets go whose work it takes', ['retire 2'], taking],
    [
      'not before it is ready',
      [],
      { ...taking, nodes: [controlPlane, old, successor({ phase: 'joining', operation })] },
    ],
    ['not before it was seen among the nodes', [], { ...taking, sighting: { at: ago(121) } }],
    ['not when more runs there by now than it can take', [], { ...taking, running: { 2: pods(9) } }],
    [
      'not when somebody said so meanwhile',
      [],
      { ...taking, running: { 2: pods(3, { doNotDisrupt: true }) } },
    ],
    [
      'and no other first',
      [],
      {
        ...taking,
        nodes: [controlPlane, old, successor(), node(4), node(5)],
        running: { 2: pods(9), 4: [pod('x')], 5: [pod('y')] },
      },
    ],
    [
      'is not taken away for being empty meanwhile',
      [],
      { ...taking, running: { 2: pods(9) }, emptySince: { 3: ago(120) }, policies: emptied },
    ],
    [
      'is, once its time is over',
      ['retire 3'],
      {
        ...taking,
        nodes: [controlPlane, old, successor({ readyAt: ago(600) })],
        running: { 2: pods(9) },
        emptySince: { 3: ago(120) },
        policies: emptied,
      },
    ],
    [
      'in vain is not bought again for hours',
      [],
      {
        ...tooLarge,
        nodes: [
          ...tooLarge.nodes,
          successor({ phase: 'deleted', desired: 'absent', readyAt: ago(6 * 3600 - 1) }),
        ],
      },
    ],
    [
      'but is after them',
      ['buy digitalocean 4 vCPU on-demand'],
      {
        ...tooLarge,
        nodes: [
          ...tooLarge.nodes,
          successor({ phase: 'deleted', desired: 'absent', readyAt: ago(6 * 3600) }),
        ],
      },
    ],
  ])('%s', (_, expected, given) => {
    expect(done(given)).toEqual(expected);
  });
});

/** A small cluster that lives on: what is decided is done, and the pods of nodes that go find another place. */
interface Life {
  readonly nodes: readonly Node[];
  readonly running: Readonly<Record<number, readonly Pod[]>>;
}
const usdPerHour = ({ nodes }: Life): number =>
  nodes.reduce((sum, { offering }) => sum + offering.usdPerHour, 0);
const podsIn = ({ running }: Life): number => Object.values(running).flat().length;

function carryOut(life: Life, actions: readonly Action[]): Life {
  let { nodes, running } = life;
  for (const action of actions)
    if (action.kind === 'plan')
      nodes = [
        ...nodes,
        ...action.nodes.map((wanted, index) => {
          const number = Math.max(...nodes.map((each) => each.number)) + 1 + index;
          return node(number, { ...wanted, cloud: wanted.offering.cloud, readyAt: ago(30) });
        }),
      ];
    else if (action.kind === 'retire') {
      const going = running[action.number] ?? [];
      nodes = nodes.filter(({ number }) => number !== action.number);
      running = bind({ nodes, running: { ...running, [action.number]: [] } }, going);
    }
  return { nodes, running };
}

/** Where packing finds a place for them on what is there. */
function bind({ nodes, running }: Life, arriving: readonly Pod[]): Life['running'] {
  const packed = packPods({
    pods: arriving,
    nodes: nodes.map(({ number, offering, role }) => ({
      name: `${number}`,
      offering,
      role,
      labels: { ...labelsOnceJoined(offering), 'kubernetes.io/hostname': `four-clouds-${number}` },
      taints: number === 1 ? [{ key: 'control-plane', effect: 'NoSchedule' as const }] : taintsOf(offering),
      allocatable: allocatableOf(offering),
      pods: running[number] ?? [],
    })),
    offerings: [],
    daemonSets: [],
    policies: {},
  });
  expect(packed.unplaced).toEqual([]);
  const byName = new Map(arriving.map((each) => [`${each.namespace}/${each.name}`, each]));
  const left = packed.classes.map((each) => each.pods.map((name) => byName.get(name) as Pod));
  const bound: Record<number, readonly Pod[]> = { ...running };
  for (const { podClass, count, on: place } of packed.placements) {
    const number = Number('node' in place ? place.node : Number.NaN);
    bound[number] = [...(bound[number] ?? []), ...(left[podClass]?.splice(0, count) ?? [])];
  }
  return bound;
}

describe('with the same pods and prices', () => {
  const menu = aMarket().offerings.filter(
    ({ vcpus, architecture, burstable, lifecycle }) =>
      vcpus <= 16 && architecture === 'amd64' && burstable !== true && lifecycle === 'on-demand',
  );
  const worker = fc.record({
    offering: fc.constantFrom(...menu),
    cpuMillis: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 5 }),
  });
  it('consolidation becomes quiet, spend never rises, and no pod loses its place', () => {
    fc.assert(
      fc.property(
        fc.array(worker, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.boolean(),
        (workers, minSavingPercent, deletesEmpty) => {
          const rules: Policies = {
            consolidation: { minSavingPercent, nodesPerHourMax: 256 },
            ...(deletesEmpty && { unschedulablePods: {}, nodeDeletion: { emptyMinutes: 1 } }),
          };
          let life: Life = {
            nodes: [
              controlPlane,
              ...workers.map(({ offering }, index) => node(2 + index, { offering, cloud: offering.cloud })),
            ],
            running: Object.fromEntries(
              workers.map(({ offering, cpuMillis }, index) => [
                2 + index,
                cpuMillis
                  // Five of them fill a twentieth to all of it.
                  .map((share) => Math.floor((share / 100) * allocatableOf(offering).cpuMillis))
                  .map((cpu, each) =>
                    pod(`p-${index}-${each}`, { requests: { cpuMillis: cpu, memoryBytes: 2 ** 20 } }),
                  ),
              ]),
            ),
          };
          const all = podsIn(life);
          let spend = usdPerHour(life);
          const looksMax = 60;
          let looks = 0;
          for (; looks < looksMax; looks += 1) {
            const emptySince = Object.fromEntries(
              life.nodes
                .filter(({ number }) => (life.running[number] ?? []).length === 0)
                .map(({ number }) => [number, ago(7200)]),
            );
            const { actions } = decide({
              policies: rules,
              nodes: life.nodes,
              running: life.running,
              emptySince,
            });
            if (actions.length === 0) break;
            const isPurchase = actions.some(({ kind }) => kind === 'plan');
            life = carryOut(life, actions);
            expect(podsIn(life)).toBe(all);
            if (isPurchase) continue;
            // What was bought has taken over: now it has paid off.
            expect(usdPerHour(life)).toBeLessThan(spend);
            spend = usdPerHour(life);
            life = { ...life, nodes: life.nodes.map((each) => ({ ...each, readyAt: ago(3600) })) };
          }
          expect(looks).toBeLessThan(looksMax);
          expect(usdPerHour(life)).toBeCloseTo(spend, 9);
        },
      ),
      { numRuns: 150 },
    );
  });
});
