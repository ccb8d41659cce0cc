import { describe, expect, it } from 'vitest';
import type { Node, Pod, PodSpec, Taint } from '../shapes.ts';
import { chooseNode } from './choose-node.ts';
import { fits } from './filters.ts';
import { schedulingState, type SchedulingState } from './scheduling-state.ts';

const zone = 'topology.kubernetes.io/zone';
const host = 'kubernetes.io/hostname';

interface NodeShape {
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly pods?: readonly Pod[];
}

const node = (name: string, { labels, taints, unschedulable, allocatable }: NodeShape): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { [host]: name, ...labels } },
  spec: { taints: taints ?? [], unschedulable: unschedulable ?? false },
  status: {
    allocatable: { cpu: '2', memory: '4Gi', pods: '10', 'ephemeral-storage': '10Gi', ...allocatable },
  },
});

const pod = (
  spec: Partial<PodSpec> = {},
  labels: Readonly<Record<string, string>> = {},
  namespace = 'default',
): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace, labels },
  spec: { containers: [{ name: 'c' }], ...spec },
});

const asking = (requests: Readonly<Record<string, string>>): Partial<PodSpec> => ({
  containers: [{ name: 'c', resources: { requests } }],
});

const state = (
  nodes: Readonly<Record<string, NodeShape>>,
  namespaces: Readonly<Record<string, object>> = {},
): SchedulingState =>
  schedulingState({
    nodes: Object.entries(nodes).map(([name, shape]) => node(name, shape)),
    podsOn: (name) => nodes[name]?.pods ?? [],
    namespaceLabels: (name) => (namespaces[name] ?? {}) as Readonly<Record<string, string>>,
  });

const affinityReason = "node(s) didn't match Pod's node affinity/selector";
const taint = (effect: string, value = 'yes'): Taint => ({ key: 'own', value, effect });
const required = (...matchExpressions: readonly object[]): Partial<PodSpec> =>
  ({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] },
      },
    },
  }) as Partial<PodSpec>;

describe('a node', () => {
  it.each<[string, NodeShape, Pod, readonly string[]]>([
    ['takes a pod that asks for nothing', {}, pod(), []],
    ['that is cordoned takes none', { unschedulable: true }, pod(), ['node(s) were unschedulable']],
    [
      'that is cordoned takes one that bears it',
      { unschedulable: true },
      pod({ tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] }),
      [],
    ],
    [
      'with a taint refuses',
      { taints: [taint('NoSchedule')] },
      pod(),
      ['node(s) had untolerated taint {own: yes}'],
    ],
    [
      'with NoExecute refuses',
      { taints: [taint('NoExecute')] },
      pod(),
      ['node(s) had untolerated taint {own: yes}'],
    ],
    ['with a preference only takes it', { taints: [taint('PreferNoSchedule')] }, pod(), []],
    [
      'takes one with the same key and value',
      { taints: [taint('NoSchedule')] },
      pod({ tolerations: [{ key: 'own', value: 'yes', effect: 'NoSchedule' }] }),
      [],
    ],
    [
      'refuses one with another value',
      { taints: [taint('NoSchedule')] },
      pod({ tolerations: [{ key: 'own', operator: 'Equal', value: 'no' }] }),
      ['node(s) had untolerated taint {own: yes}'],
    ],
    [
      'refuses one with another effect',
      { taints: [taint('NoSchedule')] },
      pod({ tolerations: [{ key: 'own', operator: 'Exists', effect: 'NoExecute' }] }),
      ['node(s) had untolerated taint {own: yes}'],
    ],
    [
      'takes one that bears everything',
      { taints: [taint('NoExecute')] },
      pod({ tolerations: [{ operator: 'Exists' }] }),
      [],
    ],
    [
      'compares numbers',
      { taints: [taint('NoSchedule', '5')] },
      pod({ tolerations: [{ key: 'own', operator: 'Gt', value: '3' }] }),
      [],
    ],
    ['of the selector takes it', { labels: { disk: 'ssd' } }, pod({ nodeSelector: { disk: 'ssd' } }), []],
    [
      'of another label refuses',
      { labels: { disk: 'hdd' } },
      pod({ nodeSelector: { disk: 'ssd' } }),
      [affinityReason],
    ],
    ['In', { labels: { n: '5' } }, pod(required({ key: 'n', operator: 'In', values: ['4', '5'] })), []],
    [
      'NotIn',
      { labels: { n: '5' } },
      pod(required({ key: 'n', operator: 'NotIn', values: ['5'] })),
      [affinityReason],
    ],
    ['NotIn without the label', {}, pod(required({ key: 'n', operator: 'NotIn', values: ['5'] })), []],
    ['Exists', { labels: { n: '5' } }, pod(required({ key: 'n', operator: 'Exists' })), []],
    [
      'DoesNotExist',
      { labels: { n: '5' } },
      pod(required({ key: 'n', operator: 'DoesNotExist' })),
      [affinityReason],
    ],
    ['Gt', { labels: { n: '5' } }, pod(required({ key: 'n', operator: 'Gt', values: ['4'] })), []],
    [
      'Lt',
      { labels: { n: '5' } },
      pod(required({ key: 'n', operator: 'Lt', values: ['5'] })),
      [affinityReason],
    ],
    ['an empty term fits nothing', {}, pod(required()), [affinityReason]],
    [
      'matchFields by name',
      {},
      pod({
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n'] }] }],
            },
          },
        },
      }),
      [],
    ],
    ['has room to the last', {}, pod(asking({ cpu: '2', memory: '4Gi' })), []],
    ['has not more cpu', {}, pod(asking({ cpu: '2001m' })), ['Insufficient cpu']],
    [
      'says all that is short',
      {},
      pod(asking({ cpu: '3', memory: '5Gi', 'ephemeral-storage': '11Gi', 'nvidia.com/gpu': '1' })),
      [
        'Insufficient cpu',
        'Insufficient memory',
        'Insufficient ephemeral-storage',
        'Insufficient nvidia.com/gpu',
      ],
    ],
    [
      'counts those that are there, also when they leave',
      {
        pods: [
          {
            ...pod(asking({ cpu: '1500m' })),
            metadata: { name: 'x', deletionTimestamp: '2026-01-01T00:00:00Z' },
          },
        ],
      },
      pod(asking({ cpu: '600m' })),
      ['Insufficient cpu'],
    ],
    [
      'does not count those that are over',
      { pods: [{ ...pod(asking({ cpu: '2' })), status: { phase: 'Succeeded' } }] },
      pod(asking({ cpu: '2' })),
      [],
    ],
    ['counts pods', { allocatable: { pods: '1' }, pods: [pod()] }, pod(), ['Too many pods']],
    [
      'counts what starting takes, when that is more',
      {},
      pod({ initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] }),
      ['Insufficient cpu'],
    ],
    [
      'takes limits for requests',
      {},
      pod({ containers: [{ name: 'c', resources: { limits: { memory: '5Gi' } } }] }),
      ['Insufficient memory'],
    ],
    [
      'has each host port once',
      { pods: [pod({ containers: [{ name: 'c', ports: [{ hostPort: 80 }] }] })] },
      pod({ containers: [{ name: 'c', ports: [{ hostPort: 80, hostIP: '10.0.0.1' }] }] }),
      ["node(s) didn't have free ports for the requested pod ports"],
    ],
    [
      'has a port once for each protocol',
      { pods: [pod({ containers: [{ name: 'c', ports: [{ hostPort: 53, protocol: 'UDP' }] }] })] },
      pod({ containers: [{ name: 'c', ports: [{ hostPort: 53 }] }] }),
      [],
    ],
  ])('%s', (_rule, shape, asked, reasons) => {
    expect(fits('n', asked, state({ n: shape }))).toEqual(reasons);
  });
});

describe('pods beside pods', () => {
  const term = (topologyKey: string, more: object = {}) => ({
    topologyKey,
    labelSelector: { matchLabels: { app: 'web' } },
    ...more,
  });
  const together = (key: string, more?: object): Partial<PodSpec> => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(key, more)] } },
  });
  const apart = (key: string): Partial<PodSpec> => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term(key)] } },
  });
  const web = { app: 'web' };
  const two = (pods: readonly Pod[]): Readonly<Record<string, NodeShape>> => ({
    a1: { labels: { [zone]: 'a' }, pods },
    a2: { labels: { [zone]: 'a' } },
    b1: { labels: { [zone]: 'b' } },
  });
  const where = (
    asked: Pod,
    nodes: Readonly<Record<string, NodeShape>>,
    namespaces: Readonly<Record<string, object>> = {},
  ): readonly string[] =>
    Object.keys(nodes).filter((name) => fits(name, asked, state(nodes, namespaces)).length === 0);

  it.each<[string, Pod, readonly Pod[], readonly string[]]>([
    ['affinity follows its zone', pod(together(zone)), [pod({}, web)], ['a1', 'a2']],
    ['affinity follows its host', pod(together(host)), [pod({}, web)], ['a1']],
    ['affinity to nobody fits nowhere', pod(together(zone)), [], []],
    ['the first of its own group begins anywhere', pod(together(zone), web), [], ['a1', 'a2', 'b1']],
    ['another namespace is not meant', pod(together(zone)), [pod({}, web, 'other')], []],
    [
      'unless it is named',
      pod(together(zone, { namespaces: ['other'] })),
      [pod({}, web, 'other')],
      ['a1', 'a2'],
    ],
    [
      'or selected',
      pod(together(zone, { namespaceSelector: { matchLabels: { team: 'x' } } })),
      [pod({}, web, 'other')],
      ['a1', 'a2'],
    ],
    ['anti-affinity keeps out of the zone', pod(apart(zone)), [pod({}, web)], ['b1']],
    ['anti-affinity keeps off the host', pod(apart(host)), [pod({}, web)], ['a2', 'b1']],
    ['those that are there keep others out', pod({}, web), [pod(apart(zone))], ['b1']],
  ])('%s', (_rule, asked, pods, expected) => {
    expect(where(asked, two(pods), { other: { team: 'x' } })).toEqual(expected);
  });

  const spread = (more: object = {}): Partial<PodSpec> => ({
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: zone,
        whenUnsatisfiable: 'DoNotSchedule',
        labelSelector: { matchLabels: web },
        ...more,
      },
    ],
  });
  it.each<[string, Pod, readonly Pod[], readonly string[]]>([
    ['the emptier zone is left', pod(spread(), web), [pod({}, web)], ['b1']],
    ['nothing there, anywhere', pod(spread(), web), [], ['a1', 'a2', 'b1']],
    ['a wider skew', pod(spread({ maxSkew: 2 }), web), [pod({}, web)], ['a1', 'a2', 'b1']],
    [
      'what it does not select does not count',
      pod(spread(), web),
      [pod({}, { app: 'db' })],
      ['a1', 'a2', 'b1'],
    ],
    ['too few domains count as empty ones', pod(spread({ minDomains: 3 }), web), [pod({}, web)], ['b1']],
    ['a node without the key is out', pod(spread({ topologyKey: 'rack' }), web), [], []],
  ])('spread: %s', (_rule, asked, pods, expected) => {
    expect(where(asked, two(pods))).toEqual(expected);
  });

  it('prefers, and takes what there is', () => {
    const nodes = two([pod({}, web)]);
    const chosen = (spec: Partial<PodSpec>): unknown => chooseNode(pod(spec, web), state(nodes));
    expect(
      chosen({
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term(host) }],
          },
        },
      }),
    ).toEqual({ nodeName: 'a1' });
    expect(
      chosen({
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm: term(zone) }],
          },
        },
      }),
    ).toEqual({ nodeName: 'b1' });
    expect(chosen(spread({ whenUnsatisfiable: 'ScheduleAnyway' }))).toEqual({ nodeName: 'b1' });
    expect(
      chosen({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                preference: { matchExpressions: [{ key: host, operator: 'In', values: ['a2'] }] },
              },
            ],
          },
        },
      }),
    ).toEqual({ nodeName: 'a2' });
  });
});

describe('the choice', () => {
  it('spreads over the emptiest', () => {
    const nodes = { full: { pods: [pod(asking({ cpu: '1' }))] }, empty: {} };
    expect(chooseNode(pod(asking({ cpu: '100m' })), state(nodes))).toEqual({ nodeName: 'empty' });
  });

  it('says why not as Kubernetes does', () => {
    const nodes = {
      control: { taints: [{ key: 'node-role.kubernetes.io/control-plane', effect: 'NoSchedule' }] },
      small: { allocatable: { cpu: '100m' } },
      little: { allocatable: { cpu: '200m' } },
    };
    expect(chooseNode(pod(asking({ cpu: '1' })), state(nodes))).toEqual({
      message:
        '0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.',
    });
    expect(chooseNode(pod(), state({}))).toEqual({ message: 'no nodes available to schedule pods' });
  });
});
