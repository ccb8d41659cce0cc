import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { ApiFailure } from '../../shared/kubernetes/api-client.ts';
import { ClusterUnreachable, type ClusterApi } from '../../shared/runtime/cluster-access.ts';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { recordingQueue, silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { observePods } from './observe-pods.ts';

let table: TestStore;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
});
afterAll(() => table.close());

const node = (name: string) => ({
  metadata: { name },
  spec: {},
  status: {
    allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
    conditions: [{ type: 'Ready', status: 'True' }],
  },
});
const pod = (name: string, nodeName?: string) => ({
  metadata: { name, namespace: 'default' },
  spec: { containers: [{}], ...(nodeName === undefined ? {} : { nodeName }) },
  status: { phase: 'Pending' },
});

async function scene(given: Partial<Cluster> = {}) {
  const cluster = aCluster({ readyAt: exampleTime, policies: { unschedulablePods: {} }, ...given });
  await table.store.clusters.create(cluster);
  const asked: string[] = [];
  const lists: Record<string, unknown[]> = { '/api/v1/nodes': [node('n-1'), node('n-2')] };
  let failure: Error | undefined;
  const api: Pick<ClusterApi, 'get'> = {
    get: async (path, schema) => {
      const [bare = ''] = path.split('?');
      asked.push(bare);
      if (failure !== undefined) throw failure;
      return z.parse(schema, { metadata: {}, items: lists[bare] ?? [] });
    },
  };
  const [queue, clock] = [recordingQueue(), testClock()];
  const observe = observePods({
    store: table.store,
    access: async () => api as ClusterApi,
    reconcileQueue: queue,
    clock,
    log: silentLog,
  });
  return {
    asked,
    clock,
    queue,
    id: cluster.id,
    look: (body: unknown = { clusterId: cluster.id }) => observe(body),
    show: (pods: unknown[]) => {
      lists['/api/v1/pods'] = pods;
    },
    fail: (error: Error | undefined) => {
      failure = error;
    },
    seen: () => table.store.workloads.get(cluster.id),
    emptySince: async () =>
      (await table.store.workloads.get(cluster.id))?.workload?.nodes.map(({ emptySince }) => emptySince),
  };
}

describe('a look at a cluster’s pods', () => {
  it('is stored with its time, and then the reconciler decides', async () => {
    const at = await scene();
    at.show([pod('a', 'n-1'), pod('b')]);
    await at.look({ 'detail-type': 'PodsUnschedulable', detail: { clusterId: at.id } });
    expect(await at.seen()).toMatchObject({
      at: at.clock.now(),
      workload: {
        nodes: [{ name: 'n-1', pods: [{ name: 'a' }] }, { name: 'n-2' }],
        waiting: [{ name: 'b' }],
      },
    });
    expect(at.queue.sent).toEqual([{ clusterId: at.id }]);
  });

  it.each<[string, Partial<Cluster>]>([
    ['nothing asks for it', { policies: { clusterLimits: { maxVcpus: 64 } } }],
    ['it is not ready yet', { readyAt: undefined as never }],
    ['it is to go', { deletionRequestedAt: exampleTime }],
  ])('is not taken when %s', async (_, given) => {
    const at = await scene(given);
    await at.look();
    expect([at.asked, at.queue.sent, await at.seen()]).toEqual([[], [], undefined]);
  });

  it('has disruption budgets only where nodes are to be merged', async () => {
    const budgets = '/apis/policy/v1/poddisruptionbudgets';
    const without = await scene();
    await without.look();
    expect(without.asked).not.toContain(budgets);
    const consolidation = { minSavingPercent: 10, nodesPerHourMax: 2 };
    const at = await scene({ policies: { consolidation } });
    await at.look();
    expect(at.asked).toContain(budgets);
  });

  it.each<[string, Error]>([
    ['nobody answers', new ApiFailure('GET /api/v1/pods: no answer')],
    ['it may not look', new ApiFailure('GET /api/v1/pods: HTTP 403: Forbidden', { status: 403 })],
    [
      'the answer has no form',
      new ApiFailure('GET /api/v1/pods: the reply is not of its form', { status: 200 }),
    ],
    ['there is no way there', new ClusterUnreachable('no credential yet')],
  ])('is stored as a failure when %s, and never as an empty cluster', async (_, failure) => {
    const at = await scene();
    await at.look();
    at.clock.advance(60);
    at.fail(failure);
    await at.look();
    expect(await at.seen()).toEqual({ clusterId: at.id, at: at.clock.now(), failure: failure.message });
    expect(at.queue.sent).toHaveLength(2);
  });

  it('that the platform itself got wrong is no look, and comes again', async () => {
    const at = await scene();
    at.fail(new TypeError('a bug'));
    await expect(at.look()).rejects.toThrow('a bug');
    expect(await at.seen()).toBeUndefined();
  });

  it('remembers since when nodes are empty, as long as it sees them', async () => {
    const at = await scene();
    const [first, second, third] = [0, 60, 180].map((seconds) =>
      new Date(Date.parse(exampleTime) + seconds * 1000).toISOString(),
    );
    at.show([pod('a', 'n-1')]);
    await at.look();
    expect(await at.emptySince()).toEqual([undefined, first]);
    at.clock.advance(60);
    at.show([]);
    await at.look();
    expect(await at.emptySince()).toEqual([second, first]);
    at.clock.advance(60);
    at.fail(new ApiFailure('no answer'));
    await at.look();
    at.clock.advance(60);
    at.fail(undefined);
    await at.look();
    expect(await at.emptySince()).toEqual([third, third]);
  });
});
