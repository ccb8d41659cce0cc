import { describe, expect, it } from 'vitest';
import { anOffering } from '../../../test/builders/node.ts';
import { aMarket } from '../../../test/builders/market.ts';
import {
  ago,
  bought,
  controlPlane,
  decide,
  done,
  failed,
  network,
  node,
  now,
  on,
  operation,
  pod,
  pods,
  type Given,
} from '../../../test/builders/resizing.ts';
import type { Restore } from '../../domain/cluster.ts';
import { plusSeconds } from '../../domain/ids.ts';
import type { Finding } from '../../domain/finding.ts';
import type { Node } from '../../domain/node.ts';
import type { Pod } from '../../domain/pod.ts';
import type { Policies } from '../../domain/policy.ts';
import type { WorkloadSighting } from '../../domain/workload.ts';

const found = (given: Given): readonly Finding[] =>
  decide(given).findings.filter(({ kind }) => kind === 'pods-unknown' || kind === 'pods-waiting');
const waitingFor = (given: Given): readonly string[] =>
  found(given).map(({ fingerprint }) => fingerprint.replace('pods-waiting:', ''));
const messages = (given: Given): readonly string[] => found(given).map(({ message }) => message);
const vcpusBought = (given: Given): number =>
  done(given).reduce((sum, text) => sum + Number(/ (\d+) vCPU/.exec(text)?.[1] ?? 0), 0);

/** In place of what was seen. */
const unseen = { workload: undefined, failure: 'no answer' } as unknown as Partial<WorkloadSighting>;
const restore: Restore = {
  id: 'r',
  snapshot: '20261123T040000Z',
  requestedAt: ago(1000),
  requestedBy: 'ada',
  number: 1,
};

describe('pods that fit nowhere', () => {
  it('get what they need, once', () => {
    const given: Given = { policies: on, waiting: pods(12) };
    expect(vcpusBought(given)).toBeGreaterThanOrEqual(12 - 3);
    expect(vcpusBought({ ...given, policies: {} })).toBe(0);
    // What is on its way is counted on.
    const coming = decide(given).actions.flatMap((action) => (action.kind === 'plan' ? action.nodes : []));
    const nodes = [
      controlPlane,
      node(2),
      ...coming.map((each, index) =>
        node(10 + index, {
          ...each,
          phase: 'creating',
          readyAt: undefined as never,
          createdAt: ago(5),
          operation,
        }),
      ),
    ];
    expect(done({ ...given, nodes })).toEqual([]);
    const pendingPlan = {
      id: 'p',
      reason: 'x',
      nodes: coming.map((each, index) => ({ ...each, id: `n-${index}`, number: 20 + index })),
    };
    expect(done({ ...given, cluster: { pendingPlan } })).toEqual([]);
  });

  it('get nothing while they fit on what is there', () => {
    expect(done({ policies: on, waiting: pods(3) })).toEqual([]);
  });

  it('get twenty nodes at most at once', () => {
    const apart = pods(30, {
      labels: { app: 'a' },
      podAntiAffinity: {
        required: [
          {
            topologyKey: 'kubernetes.io/hostname',
            selector: [{ key: 'app', operator: 'In', values: ['a'] }],
          },
        ],
      },
    });
    expect(done({ policies: on, waiting: apart })).toHaveLength(20);
  });

  it.each<[string, Partial<Given>]>([
    ['are not known', { sighting: unseen }],
    ['were seen too long ago', { sighting: { at: ago(121) } }],
    ['belong to a cluster that goes', { cluster: { deletionRequestedAt: ago(1) } }],
    ['belong to a cluster that was never ready', { cluster: { readyAt: undefined as never } }],
    ['belong to a cluster that is being restored', { cluster: { restore } }],
    [
      'belong to one that is short of control planes',
      { cluster: { restore: { ...restore, restoredAt: ago(60) } } },
    ],
  ])('get nothing when they %s', (_, given) => {
    expect(done({ policies: on, waiting: pods(12), ...given })).toEqual([]);
  });

  it('get what they need in a cluster that was restored once', () => {
    const cluster = { restore: { ...restore, restoredAt: ago(900), finishedAt: ago(600) } };
    expect(vcpusBought({ policies: on, waiting: pods(12), cluster })).toBeGreaterThan(0);
  });

  it('are said to be unknown when nobody can see them, and nothing else is: unknown is never missing', () => {
    const sighting = unseen;
    expect(messages({ policies: on, sighting })).toEqual(['its pods are not known: no answer']);
    expect(messages({ policies: on, sighting: { at: ago(601) } })).toEqual([
      `its pods are not known: they were last seen at ${ago(601)}`,
    ]);
    expect(messages({ policies: {}, sighting })).toEqual([]);
  });

  it('get only what may be bought, where it can be', () => {
    const given: Given = { policies: on, waiting: pods(12) };
    const bought = (more: Partial<Given>) =>
      new Set(done({ ...given, ...more }).map((text) => text.split(' ')[1]));
    expect(bought({ policies: { ...on, purchasing: { clouds: ['azure'] } } })).toEqual(new Set(['azure']));
    expect(bought({ parts: [network('gcp')] })).toEqual(new Set(['gcp']));
    const failure = { error: 'CredentialsRejected', message: 'x', at: ago(1) };
    expect(bought({ parts: [{ ...network('gcp'), failure }, network('aws')] })).toEqual(new Set(['aws']));
  });
});

describe('a limit of vCPUs', () => {
  const limited: Given = { policies: { ...on, clusterLimits: { maxVcpus: 12 } }, waiting: pods(20) };

  it('is not exceeded, and that nothing more is bought is said once', () => {
    expect(vcpusBought(limited)).toBeLessThanOrEqual(4);
    const full: Given = { ...limited, policies: { ...on, clusterLimits: { maxVcpus: 8 } } };
    expect(done(full)).toEqual([]);
    expect(found(full)).toEqual([
      expect.objectContaining({
        kind: 'pods-waiting',
        fingerprint: 'pods-waiting:max-vcpus:8',
        message: expect.stringMatching(
          /^at the limit of 8 vCPUs nothing more is bought: 17 pods wait \(default\/p-/,
        ) as string,
      }),
    ]);
  });

  it('stays found as long as nobody has looked again', () => {
    const full: Given = { ...limited, policies: { ...on, clusterLimits: { maxVcpus: 8 } } };
    const known = found(full);
    const between = { ...full, known, sighting: { at: ago(400) } };
    expect(found(between)).toEqual(known);
    expect(found({ ...full, known, waiting: [] })).toEqual([]);
    expect(found({ ...full, known })[0]?.seenAt).toBe(now);
  });

  it('leaves its status as it is', () => {
    expect(decide(limited).status).toBeUndefined();
  });
});

describe('the lower limit', () => {
  it.each<[string, readonly string[], Policies, (readonly Node[])?]>([
    ['is bought for', ['buy digitalocean 4 vCPU on-demand'], { clusterLimits: { minVcpus: 12 } }],
    [
      'is bought for in as large a piece as is missing',
      ['buy digitalocean 16 vCPU on-demand'],
      { clusterLimits: { minVcpus: 24 } },
    ],
    [
      'counts what is on its way',
      [],
      { clusterLimits: { minVcpus: 12 } },
      [controlPlane, node(2), node(3, { phase: 'creating', operation })],
    ],
    [
      'does not count what was given up',
      ['buy digitalocean 4 vCPU on-demand'],
      { clusterLimits: { minVcpus: 8 } },
      [controlPlane, node(2, { phase: 'failed' })],
    ],
    [
      'is never bought for as spot',
      ['buy digitalocean 4 vCPU on-demand'],
      { clusterLimits: { minVcpus: 12 }, spot: {} },
    ],
    [
      'comes where it may',
      ['buy gcp 4 vCPU on-demand'],
      { clusterLimits: { minVcpus: 12 }, purchasing: { clouds: ['gcp'] } },
    ],
  ])('%s', (_, expected, policies, nodes) => {
    expect(done({ policies, ...(nodes && { nodes }) })).toEqual(expected);
  });
});

describe('purchases that come to nothing', () => {
  it('are let go', () => {
    const nodes = [
      controlPlane,
      node(2),
      node(3, { ...bought, phase: 'failed', failure: { reason: 'quota' } }),
    ];
    expect(done({ policies: on, nodes })).toEqual(['retire 3']);
    expect(done({ policies: on, nodes: [controlPlane, node(2, { phase: 'failed' })] })).toEqual([]);
  });

  it('are tried again at once a few times, then less and less, visibly', () => {
    const given = (times: number, secondsAgo: number): Given => ({
      policies: on,
      waiting: pods(12),
      nodes: [
        controlPlane,
        node(2),
        ...Array.from({ length: times }, (_, index) => failed(10 + index, secondsAgo + index * 300)),
      ],
    });
    expect(vcpusBought(given(5, 10))).toBeGreaterThan(0);
    expect(waitingFor(given(6, 10))).toEqual(['purchases-fail']);
    expect(vcpusBought(given(6, 61))).toBeGreaterThan(0);
    expect(waitingFor(given(8, 239))).toEqual(['purchases-fail']);
    expect(vcpusBought(given(8, 241))).toBeGreaterThan(0);
    expect(waitingFor(given(20, 3599))).toEqual(['purchases-fail']);
    expect(vcpusBought(given(20, 3601))).toBeGreaterThan(0);
    expect(messages(given(6, 10))[0]).toMatch(
      /^what was bought came to nothing, so nothing more is bought before/,
    );
    // One that worked begins anew.
    const worked = node(30, { ...bought, createdAt: ago(5) });
    const { nodes = [] } = given(6, 10);
    expect(vcpusBought({ ...given(6, 10), nodes: [...nodes, worked], waiting: pods(20) })).toBeGreaterThan(0);
  });

  it('say so when nothing is to be had', () => {
    const market = { offerings: [], coolOffs: [] };
    const given: Given = { policies: on, waiting: pods(12), market };
    expect(waitingFor(given)).toEqual(['nothing-to-buy']);
  });

  it('say what no node would do', () => {
    const waiting = [pod('picky', { nodeSelector: { disk: 'ssd' } })];
    expect(waitingFor({ policies: on, waiting })).toEqual(['unplaceable']);
    expect(messages({ policies: on, waiting })[0]).toMatch(
      /^no node would do: 1 pod waits \(default\/picky\); nodeSelector: /,
    );
  });
});

describe('spot', () => {
  const tolerant = { tolerations: [{ key: 'scheduling.overcast.dev/spot', operator: 'Exists' as const }] };
  const spot: Policies = { ...on, spot: {} };
  const allSpot = aMarket().offerings.filter(({ lifecycle }) => lifecycle === 'spot');

  it('is bought for those who may be there, by policy alone', () => {
    const lifecycles = (policies: Policies, given: Partial<Pod> = tolerant) =>
      new Set(done({ policies, waiting: pods(12, given) }).map((text) => text.split(' ')[4]));
    expect(lifecycles(spot)).toEqual(new Set(['spot']));
    expect(lifecycles(spot, {})).toEqual(new Set(['on-demand']));
    expect(lifecycles(on)).toEqual(new Set(['on-demand']));
  });

  it('that is not to be had has on-demand stand in for it, or by policy nothing', () => {
    const given: Given = { policies: spot, waiting: pods(12, tolerant), coolOffs: allSpot };
    expect(done(given).length).toBeGreaterThan(0);
    for (const text of done(given)) expect(text).toMatch(/on-demand for spot$/);
    expect(waitingFor({ ...given, policies: { ...on, spot: { fallbackToOnDemand: false } } })).toEqual([
      'no-spot',
    ]);
  });

  it('is nothing that a node stands in for with headroom on it: the pods to come may not be on spot', () => {
    const unschedulablePods = { headroom: { cpuPercent: 100 } };
    const given: Given = {
      policies: { ...spot, unschedulablePods },
      waiting: pods(12, tolerant),
      coolOffs: allSpot,
    };
    expect(done(given).some((text) => text.endsWith('on-demand'))).toBe(true);
    expect(
      done({ ...given, policies: { ...on, spot: { fallbackToOnDemand: false }, unschedulablePods } }),
    ).not.toEqual([]);
  });

  const offering = anOffering();
  const standIn = (given: Partial<Node> = {}): Node =>
    node(2, { ...bought, offering, standsInFor: 'spot', readyAt: ago(3601), ...given });
  it.each<[string, readonly string[], Partial<Given>]>([
    ['comes first, in place of what stands in', ['buy azure 4 vCPU spot in place of id-2'], {}],
    ['not before its time', [], { nodes: [controlPlane, standIn({ readyAt: ago(3599) })] }],
    [
      'sooner by policy',
      ['buy azure 4 vCPU spot in place of id-2'],
      {
        policies: { spot: { returnAfterSeconds: 60 } },
        nodes: [controlPlane, standIn({ readyAt: ago(61) })],
      },
    ],
    [
      'where what runs there may be',
      ['buy aws 4 vCPU spot in place of id-2'],
      {
        policies: spot,
        running: { 2: [pod('a', { ...tolerant, nodeSelector: { 'topology.overcast.dev/csp': 'aws' } })] },
      },
    ],
    ['not when what runs there may not be on spot', [], { policies: spot, running: { 2: [pod('a')] } }],
    ['not while it is not to be had', [], { coolOffs: allSpot }],
    ['not beyond its share', [], { policies: { spot: { sharePercent: 50 } } }],
    ['not without a policy', [], { policies: on }],
    ['not for a control plane', [], { nodes: [standIn({ role: 'control-plane' })] }],
    [
      'one at a time',
      [],
      { nodes: [controlPlane, standIn(), node(3, { replaces: 'id-2', phase: 'joining', operation })] },
    ],
    [
      'and then what stood in goes',
      ['retire 2'],
      { nodes: [controlPlane, standIn(), node(3, { replaces: 'id-2' })] },
    ],
  ])('comes back: %s', (_, expected, given) => {
    const policies: Policies = { spot: {} };
    expect(done({ policies, nodes: [controlPlane, standIn()], ...given })).toEqual(expected);
  });
});

describe('empty nodes', () => {
  const policies: Policies = { nodeDeletion: { emptyMinutes: 10 } };
  const three = [controlPlane, node(2), node(3)];
  const emptySince = { 3: ago(600) };
  const busy = { 2: [pod('a')] };
  it.each<[string, readonly string[], Partial<Given>]>([
    ['go, whoever asked for them', ['retire 3'], {}],
    ['not before their time', [], { emptySince: { 3: ago(599) } }],
    ['not while something runs there', [], { emptySince: {} }],
    ['not without a policy', [], { policies: on }],
    ['not when they were seen too long ago', [], { sighting: { at: ago(121) } }],
    ['not below the lower limit', [], { policies: { ...policies, clusterLimits: { minVcpus: 12 } } }],
    ['not the last worker', [], { nodes: [controlPlane, node(3)], running: {} }],
    [
      'the last worker where more are bought when they are needed',
      ['retire 3'],
      { nodes: [controlPlane, node(3)], running: {}, policies: { ...policies, ...on } },
    ],
    ['never a control plane', [], { nodes: [controlPlane, node(2)], emptySince: { 1: ago(9000) } }],
    ['not what is being retired', [], { nodes: [controlPlane, node(2), node(3, { operation })] }],
    ['not while others come', [], { nodes: [...three, node(4, { phase: 'joining', operation })] }],
    [
      'not what pods wait for',
      [],
      { running: { 2: pods(3) }, waiting: [pod('w')], policies: { ...policies, ...on } },
    ],
    [
      'not what is kept free',
      [],
      {
        running: { 2: pods(3) },
        policies: { ...policies, unschedulablePods: { headroom: { cpuPercent: 50 } } },
      },
    ],
    [
      'all of them at once',
      ['retire 4', 'retire 3'],
      { nodes: [...three, node(4)], emptySince: { 3: ago(600), 4: ago(700) } },
    ],
  ])('%s', (_, expected, given) => {
    expect(done({ policies, nodes: three, running: busy, emptySince, ...given })).toEqual(expected);
  });

  it.each<[string, number, Partial<Given>]>([
    ['when the first of them may go', 30, { emptySince: { 2: ago(100), 3: ago(570) } }],
    ['as ever where none is empty', 210, { emptySince: {} }],
    ['as ever where one is kept for longer', 210, { emptySince: { 3: ago(700) }, running: { 2: pods(3) } }],
    ['as ever without the policy', 210, { policies: on, emptySince: { 3: ago(570) } }],
  ])('are looked at again %s', (_, seconds, given) => {
    const headroom = { unschedulablePods: { headroom: { cpuPercent: 50 } } };
    const { dueAt } = decide({ policies: { ...policies, ...headroom }, nodes: three, ...given });
    expect(dueAt).toBe(plusSeconds(now, seconds));
  });
});
