import { describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ApiFailure, type ClusterApi } from '../api-client.ts';
import { readWorkload } from './read-workload.ts';

type Item = Record<string, unknown>;
const pod = (name: string, spec: Item = {}, more: { metadata?: Item; status?: Item } = {}): Item => ({
  metadata: { name, namespace: 'default', ...more.metadata },
  spec: { containers: [{}], ...spec },
  status: { phase: 'Pending', ...more.status },
});
const node = (name: string, given: { metadata?: Item; spec?: Item; status?: Item } = {}): Item => ({
  metadata: { name, labels: { zone: 'a' }, ...given.metadata },
  spec: { ...given.spec },
  status: {
    allocatable: { cpu: '1930m', memory: '2Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True' }],
    ...given.status,
  },
});

/** An API that gives pages of two, and says what it was asked. `refuse` may answer a call in its place. */
function anApi(
  lists: Readonly<Record<string, readonly Item[]>>,
  refuse: (path: string, call: number) => ApiFailure | undefined = () => undefined,
) {
  const asked: string[] = [];
  const api: Pick<ClusterApi, 'get'> = {
    get: async (path, schema) => {
      const url = new URL(path, 'https://api');
      asked.push(path);
      const refusal = refuse(path, asked.length);
      if (refusal !== undefined) throw refusal;
      const all = lists[url.pathname] ?? [];
      const from = Number(url.searchParams.get('continue') ?? 0);
      const items = all.slice(from, from + 2);
      const next = from + 2 < all.length ? { continue: String(from + 2) } : {};
      return z.parse(schema, { metadata: { resourceVersion: '7', ...next }, items });
    },
  };
  return { api, asked };
}
const read = (lists: Parameters<typeof anApi>[0], withBudgets = false) =>
  readWorkload(anApi(lists).api, { withBudgets });
const pods = '/api/v1/pods';
const nodes = '/api/v1/nodes';

describe('what a cluster’s API shows', () => {
  it('is read page by page, without what has ended, and nothing is asked that nobody needs', async () => {
    const { api, asked } = anApi({ [pods]: ['a', 'b', 'c', 'd', 'e'].map((name) => pod(name)) });
    const { waiting, budgets } = await readWorkload(api, { withBudgets: false });
    expect(waiting.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(budgets).toBeUndefined();
    const ended = encodeURIComponent('status.phase!=Succeeded,status.phase!=Failed');
    expect(asked.toSorted()).toEqual([
      '/api/v1/nodes?limit=250',
      `/api/v1/pods?fieldSelector=${ended}&limit=250`,
      `/api/v1/pods?fieldSelector=${ended}&limit=250&continue=2`,
      `/api/v1/pods?fieldSelector=${ended}&limit=250&continue=4`,
      '/apis/apps/v1/daemonsets?limit=250',
    ]);
  });

  it('is read anew when its pages have run out, and not for ever', async () => {
    const lists = { [pods]: ['a', 'b', 'c'].map((name) => pod(name)) };
    const expired = new ApiFailure('too old', { status: 410, reason: 'Expired' });
    const expiring = (times: number) => {
      let left = times;
      return anApi(lists, (path) => (path.includes('continue') && (left -= 1) >= 0 ? expired : undefined));
    };
    const { waiting } = await readWorkload(expiring(2).api, { withBudgets: false });
    expect(waiting.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    await expect(readWorkload(expiring(3).api, { withBudgets: false })).rejects.toThrow('too old');
  });

  it('ends when it goes on for ever, and when it says no', async () => {
    const endless: Pick<ClusterApi, 'get'> = {
      get: async (_path, schema) => z.parse(schema, { metadata: { continue: 'more' }, items: [] }),
    };
    await expect(readWorkload(endless, { withBudgets: false })).rejects.toThrow(/has more than/);
    const forbidden = new ApiFailure('no', { status: 403 });
    await expect(readWorkload(anApi({}, () => forbidden).api, { withBudgets: false })).rejects.toBe(
      forbidden,
    );
  });
});

describe('pods', () => {
  it('hold room where they are, and wait where they are not', async () => {
    const { nodes: seen, waiting } = await read({
      [nodes]: [node('n-1'), node('n-2')],
      [pods]: [
        pod('bound', { nodeName: 'n-1' }),
        pod('going', { nodeName: 'n-1' }, { metadata: { deletionTimestamp: '2026-11-23T04:00:00Z' } }),
        pod('on-an-unknown-node', { nodeName: 'n-9' }),
        pod('waiting', { nodeName: '' }),
      ],
    });
    expect(seen.map((each) => each.pods.map(({ name }) => name))).toEqual([['bound', 'going'], []]);
    expect(waiting.map(({ name }) => name)).toEqual(['waiting']);
  });

  it.each<[string, Item, string | undefined]>([
    [
      'its node is given by its DaemonSet',
      pod('x', {}, { metadata: { ownerReferences: [{ kind: 'DaemonSet', controller: true }] } }),
      undefined,
    ],
    ['others are making room for it', pod('x', {}, { status: { nominatedNodeName: 'n-1' } }), undefined],
    ['it is going', pod('x', {}, { metadata: { deletionTimestamp: 'now' } }), 'it is being deleted'],
    ['it is gated', pod('x', { schedulingGates: [{ name: 'quota' }] }), 'a scheduling gate holds it'],
    [
      'another scheduler places it',
      pod('x', { schedulerName: 'volcano' }),
      'it waits for the scheduler volcano',
    ],
    [
      'it wants a volume',
      pod('x', { volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] }),
      'it wants a persistent volume, and there are none yet',
    ],
    [
      'nobody understands it',
      pod('x', { containers: [{ resources: { requests: { cpu: 'lots' } } }] }),
      'its requests cannot be read',
    ],
    [
      'nobody understands its selector',
      pod('x', {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: 'a', operator: 'Near' }] }],
            },
          },
        },
      }),
      'the selector operator Near is not known',
    ],
  ])('wait for no node of ours when %s', async (_, given, why) => {
    const { waiting, heldUp } = await read({ [pods]: [given, pod('another')] });
    expect(waiting.map(({ name }) => name)).toEqual(['another']);
    expect(heldUp).toEqual(why === undefined ? [] : [{ pod: 'default/x', why }]);
  });

  it('that cannot be read make what their node holds unknown', async () => {
    const unread = (name: string, nodeName?: string) =>
      pod(name, { nodeName, containers: [{ resources: { requests: { cpu: 'much' } } }] });
    const { nodes: seen, heldUp } = await read({
      [nodes]: [node('n-1'), node('n-2')],
      [pods]: [unread('bound', 'n-1'), pod('other', { nodeName: 'n-2' }), unread('waiting')],
    });
    expect(seen.map(({ hasUnknownPods }) => hasUnknownPods)).toEqual([true, undefined]);
    expect(heldUp.map((each) => each.pod)).toEqual(['default/bound', 'default/waiting']);
  });

  it('keep the labels that something selects by, and no others', async () => {
    const labels = { app: 'web', tier: 'front', 'pod-template-hash': '1' };
    const spread = {
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'zone',
          whenUnsatisfiable: 'DoNotSchedule',
          labelSelector: { matchLabels: { app: 'web' } },
        },
      ],
    };
    const lists = {
      [pods]: [pod('a', spread, { metadata: { labels } }), pod('b', {}, { metadata: { labels } })],
      '/apis/policy/v1/poddisruptionbudgets': [
        {
          metadata: { name: 'front', namespace: 'default' },
          spec: { minAvailable: 1, selector: { matchLabels: { tier: 'front' } } },
          status: { disruptionsAllowed: 1 },
        },
        { metadata: { name: 'new', namespace: 'default' }, spec: { selector: {} } },
      ],
    };
    expect((await read(lists)).waiting.map((each) => each.labels)).toEqual([{ app: 'web' }, { app: 'web' }]);
    const { waiting, budgets } = await read(lists, true);
    expect(waiting.map((each) => each.labels)).toEqual([
      { app: 'web', tier: 'front' },
      { app: 'web', tier: 'front' },
    ]);
    expect(budgets).toEqual([
      {
        namespace: 'default',
        name: 'front',
        selector: [{ key: 'tier', operator: 'In', values: ['front'] }],
        disruptionsAllowed: 1,
      },
      { namespace: 'default', name: 'new', selector: [], disruptionsAllowed: 0 },
    ]);
  });

  it('mean namespaces by their labels', async () => {
    const near = (namespaceSelector: Item) => ({
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { topologyKey: 'zone', labelSelector: {}, namespaceSelector },
          ],
        },
      },
    });
    const selector = { matchExpressions: [{ key: 'team', operator: 'In', values: ['a', 'b'] }] };
    const { waiting } = await read({
      [pods]: [pod('x', near(selector)), pod('y', near({}))],
      '/api/v1/namespaces': [
        { metadata: { name: 'one', labels: { team: 'a' } } },
        { metadata: { name: 'two', labels: { team: 'c' } } },
        { metadata: { name: 'three' } },
      ],
    });
    expect(waiting.map(({ podAffinity }) => podAffinity?.required?.[0]?.namespaces)).toEqual([
      ['one'],
      'all',
    ]);
  });
});

describe('nodes', () => {
  it('are kept with what they offer, without what passes by itself', async () => {
    const { nodes: seen } = await read({
      [nodes]: [
        node('n-1', {
          spec: {
            taints: [
              { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' },
              { key: 'node.cilium.io/agent-not-ready', effect: 'NoSchedule' },
              { key: 'scheduling.overcast.dev/spot', value: 'true', effect: 'NoSchedule' },
              { key: 'gpu', value: '', effect: 'NoExecute' },
            ],
          },
        }),
        node('n-2', {
          metadata: { annotations: { 'overcast.dev/do-not-disrupt': 'true' } },
          spec: {
            unschedulable: true,
            taints: [{ key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' }],
          },
          status: { conditions: [{ type: 'Ready', status: 'Unknown' }] },
        }),
      ],
    });
    expect(seen).toEqual([
      {
        name: 'n-1',
        labels: { zone: 'a' },
        taints: [
          { key: 'scheduling.overcast.dev/spot', value: 'true', effect: 'NoSchedule' },
          { key: 'gpu', effect: 'NoExecute' },
        ],
        allocatable: { cpuMillis: 1930, memoryBytes: 2 * 2 ** 30, pods: 110 },
        isReady: true,
        pods: [],
      },
      expect.objectContaining({
        name: 'n-2',
        taints: [],
        isReady: false,
        isUnschedulable: true,
        doNotDisrupt: true,
      }),
    ]);
  });
});

it('what runs on every node is known before it runs', async () => {
  const { daemonSets } = await read({
    '/apis/apps/v1/daemonsets': [
      {
        metadata: { name: 'logs', namespace: 'kube-system' },
        spec: {
          template: {
            metadata: { labels: { app: 'logs' } },
            spec: {
              containers: [{ resources: { requests: { cpu: '50m', memory: '32Mi' } } }],
              tolerations: [{ operator: 'Exists' }],
              nodeSelector: { 'kubernetes.io/os': 'linux' },
            },
          },
        },
      },
    ],
  });
  expect(daemonSets).toEqual([
    {
      namespace: 'kube-system',
      name: 'logs',
      requests: { cpuMillis: 50, memoryBytes: 32 * 2 ** 20 },
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      tolerations: [{ operator: 'Exists' }],
    },
  ]);
});
