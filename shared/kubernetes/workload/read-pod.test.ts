import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import type { Pod } from '../../domain/pod.ts';
import { podForm, type PodForm } from './forms.ts';
import { readPod, readRequests } from './read-pod.ts';

type Spec = Record<string, unknown>;
const owner = (kind: string, controller = true) => ({
  ownerReferences: [{ apiVersion: 'apps/v1', kind, name: 'x', uid: 'u', controller }],
});
const form = (spec: Spec = {}, metadata: Record<string, unknown> = {}): PodForm =>
  z.parse(podForm, {
    metadata: { name: 'web-1', namespace: 'shop', ...owner('ReplicaSet'), ...metadata },
    spec: { containers: [{ name: 'web', image: 'nginx' }], ...spec },
    status: { phase: 'Pending', conditions: [] },
  });
const read = (spec: Spec = {}, metadata: Record<string, unknown> = {}): Partial<Pod> => {
  const {
    name: _name,
    namespace: _namespace,
    requests: _requests,
    ...rest
  } = readPod(form(spec, metadata), (selector) => (selector.length === 0 ? 'all' : ['chosen']));
  return rest;
};
const asking = (cpu?: string, memory?: string, more: Spec = {}): Spec => ({
  resources: { requests: { ...(cpu && { cpu }), ...(memory && { memory }) } },
  ...more,
});
const mebibyte = 2 ** 20;

describe('what a pod asks for', () => {
  it.each<[string, Spec, number, number]>([
    ['nothing', {}, 0, 0],
    ['its containers together', { containers: [asking('100m', '64Mi'), asking('1', '64Mi')] }, 1100, 128],
    [
      'the largest init container, where that is more',
      { containers: [asking('100m', '64Mi')], initContainers: [asking('1'), asking('2', '32Mi')] },
      2000,
      64,
    ],
    [
      'sidecars with its containers',
      { containers: [asking('100m')], initContainers: [asking('200m', '', { restartPolicy: 'Always' })] },
      300,
      0,
    ],
    [
      'sidecars that run already while a later one starts up',
      {
        containers: [asking('100m')],
        initContainers: [asking('200m', '', { restartPolicy: 'Always' }), asking('1')],
      },
      1200,
      0,
    ],
    [
      'its overhead besides',
      { containers: [asking('100m')], overhead: { cpu: '250m', memory: '120Mi' } },
      350,
      120,
    ],
    [
      'what it asks for as a whole, in place of its containers',
      { containers: [asking('3', '64Mi')], resources: { requests: { cpu: '2' } } },
      2000,
      64,
    ],
  ])('is %s', (_, spec, cpuMillis, mebibytes) => {
    expect(readRequests(form(spec).spec)).toEqual({ cpuMillis, memoryBytes: mebibytes * mebibyte });
  });
});

describe('of a pod is kept', () => {
  it('nothing that is not said', () => {
    expect(
      read({ nodeSelector: {}, tolerations: [], affinity: {}, topologySpreadConstraints: [], priority: 0 }),
    ).toEqual({});
  });

  it.each<[string, Spec, Partial<Pod>]>([
    ['its priority', { priority: 1000 }, { priority: 1000 }],
    ['its node selector', { nodeSelector: { disk: 'ssd' } }, { nodeSelector: { disk: 'ssd' } }],
    [
      'its node affinity: a field is a node’s name, and a term without requirements stays one',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [{ key: 'cpus', operator: 'Gt', values: ['4'] }],
                  matchFields: [{ key: 'metadata.name', operator: 'In', values: ['four-clouds-7'] }],
                },
                {},
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 5, preference: { matchExpressions: [{ key: 'spot', operator: 'Exists' }] } },
            ],
          },
        },
      },
      {
        nodeAffinity: {
          required: [
            [
              { key: 'cpus', operator: 'Gt', values: ['4'] },
              { key: 'kubernetes.io/hostname', operator: 'In', values: ['four-clouds-7'] },
            ],
            [],
          ],
          preferred: [{ weight: 5, term: [{ key: 'spot', operator: 'Exists' }] }],
        },
      },
    ],
    [
      'what it tolerates',
      {
        tolerations: [
          { operator: 'Exists' },
          { key: 'a', value: 'b', effect: 'NoSchedule' },
          { key: 'c', operator: 'Equal', value: '', effect: 'NoExecute', tolerationSeconds: 300 },
        ],
      },
      {
        tolerations: [
          { operator: 'Exists' },
          { key: 'a', operator: 'Equal', value: 'b', effect: 'NoSchedule' },
          { key: 'c', operator: 'Equal', effect: 'NoExecute' },
        ],
      },
    ],
    [
      'the ports of hosts that it takes',
      {
        containers: [
          { ports: [{ containerPort: 80 }, { containerPort: 90, hostPort: 90, protocol: 'UDP' }] },
          { ports: [{ containerPort: 80, hostPort: 8080 }] },
        ],
      },
      { hostPorts: ['TCP:8080', 'UDP:90'] },
    ],
  ])('%s', (_, spec, expected) => {
    expect(read(spec)).toEqual(expected);
  });

  it('how it is spread, with the values of its own labels that it matches by', () => {
    const spread = (given: Spec) => ({
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', ...given },
      ],
    });
    const labels = { app: 'web', 'pod-template-hash': '7d9f' };
    expect(
      read(
        spread({
          labelSelector: { matchLabels: { app: 'web' } },
          matchLabelKeys: ['pod-template-hash', 'absent'],
          minDomains: 3,
          nodeTaintsPolicy: 'Honor',
          nodeAffinityPolicy: 'Honor',
        }),
        { labels },
      ).topologySpread,
    ).toEqual([
      {
        topologyKey: 'zone',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        selector: [
          { key: 'app', operator: 'In', values: ['web'] },
          { key: 'pod-template-hash', operator: 'In', values: ['7d9f'] },
        ],
        minDomains: 3,
        nodeTaintsPolicy: 'Honor',
      },
    ]);
    expect(
      read(spread({ whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {}, minDomains: 3 })).topologySpread,
    ).toEqual([{ topologyKey: 'zone', maxSkew: 1, whenUnsatisfiable: 'ScheduleAnyway', selector: [] }]);
  });

  it.each<[string, Spec, readonly string[] | 'all' | undefined]>([
    ['of its own namespace', {}, undefined],
    ['of its own namespace by name', { namespaces: ['shop'] }, undefined],
    ['of namespaces by name', { namespaces: ['b', 'a'] }, ['a', 'b']],
    ['of all namespaces', { namespaceSelector: {} }, 'all'],
    [
      'of namespaces by label and by name',
      { namespaces: ['b'], namespaceSelector: { matchLabels: { t: '1' } } },
      ['b', 'chosen'],
    ],
  ])('which pods it is to be with or apart from: %s', (_, given, namespaces) => {
    const term = { topologyKey: 'host', labelSelector: { matchLabels: { app: 'web' } }, ...given };
    const expected = {
      topologyKey: 'host',
      selector: [{ key: 'app', operator: 'In', values: ['web'] }],
      ...(namespaces !== undefined && { namespaces }),
    };
    expect(
      read({
        affinity: {
          podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 7, podAffinityTerm: term }],
          },
        },
      }),
    ).toEqual({
      podAffinity: { required: [expected] },
      podAntiAffinity: { preferred: [{ weight: 7, term: expected }] },
    });
  });

  it('that a selector which is absent selects nothing', () => {
    const { podAffinity } = read({
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'host' }] },
      },
    });
    expect(podAffinity?.required).toEqual([
      { topologyKey: 'host', selector: [{ key: '', operator: 'In', values: [] }] },
    ]);
  });

  it('whose it is, and what is not to be done to it', () => {
    expect(read({}, owner('DaemonSet'))).toEqual({ isNodesOwn: true });
    expect(read({}, owner('DaemonSet', false))).toEqual({ isUnmanaged: true });
    expect(read({}, owner('ReplicaSet'))).toEqual({});
    expect(read({}, { ownerReferences: [] })).toEqual({ isUnmanaged: true });
    expect(read({}, { deletionTimestamp: '2026-11-23T04:00:00Z' })).toEqual({ isStopping: true });
    expect(read({}, { annotations: { 'kubernetes.io/config.mirror': 'x' } })).toEqual({ isNodesOwn: true });
    expect(read({}, { annotations: { 'overcast.dev/do-not-disrupt': 'true' } })).toEqual({
      doNotDisrupt: true,
    });
    expect(read({}, { annotations: { 'overcast.dev/do-not-disrupt': 'false' } })).toEqual({});
  });
});
