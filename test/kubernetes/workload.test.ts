import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ApiFailure, type ClusterApi } from '../../shared/kubernetes/api-client.ts';
import { readWorkload } from '../../shared/kubernetes/workload/read-workload.ts';
import { listeningCluster, type Client, type ListeningCluster } from './listening-cluster.ts';

let cluster: ListeningCluster;
let client: Client;
beforeAll(async () => {
  cluster = await listeningCluster();
  client = cluster.client(await cluster.issue('tester', ['system:masters']));
});
afterAll(() => cluster.close());

/** Read as functions read, from an API server that serves as a real one does. */
const api: Pick<ClusterApi, 'get'> = {
  get: async (path, schema) => {
    const { code, body } = await client('GET', path);
    if (code !== 200) throw new ApiFailure(`GET ${path}: HTTP ${code}`, { status: code });
    return z.parse(schema, body);
  },
};
const create = async (path: string, body: unknown): Promise<void> => {
  const { code, text } = await client('POST', path, { body });
  if (code !== 201) throw new Error(`${path}: ${code} ${text}`);
};

it('reads hundreds of pods in pages, and what holds each', async () => {
  const template = (more: object) => ({
    containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '250m', memory: '64Mi' } } }],
    ...more,
  });
  for (let number = 1; number <= 520; number += 1)
    await create('/api/v1/namespaces/default/pods', {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: `pod-${number}`, labels: { app: 'web', number: String(number) } },
      spec: template({
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'kubernetes.io/hostname',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { app: 'web' } },
          },
        ],
      }),
    });
  await create('/apis/apps/v1/namespaces/kube-system/daemonsets', {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'logs' },
    spec: {
      selector: { matchLabels: { app: 'logs' } },
      template: { metadata: { labels: { app: 'logs' } }, spec: template({}) },
    },
  });
  await create('/apis/policy/v1/namespaces/default/poddisruptionbudgets', {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
  });

  const { waiting, nodes, daemonSets, budgets } = await readWorkload(api, { withBudgets: true });
  expect(waiting).toHaveLength(520);
  expect(waiting[0]).toEqual({
    name: 'pod-1',
    namespace: 'default',
    labels: { app: 'web' },
    // Somebody made it by hand.
    isUnmanaged: true,
    requests: { cpuMillis: 250, memoryBytes: 64 * 2 ** 20 },
    // What admission gives every pod.
    tolerations: ['not-ready', 'unreachable'].map((what) => ({
      key: `node.kubernetes.io/${what}`,
      operator: 'Exists',
      effect: 'NoExecute',
    })),
    topologySpread: [
      {
        topologyKey: 'kubernetes.io/hostname',
        maxSkew: 1,
        whenUnsatisfiable: 'DoNotSchedule',
        selector: [{ key: 'app', operator: 'In', values: ['web'] }],
      },
    ],
  });
  expect(nodes).toEqual([]);
  expect(daemonSets.map(({ name, requests }) => [name, requests.cpuMillis])).toEqual([['logs', 250]]);
  expect(budgets).toMatchObject([{ name: 'web', selector: [{ key: 'app' }] }]);
});
