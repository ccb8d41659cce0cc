import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { Pod } from '../domain/pod.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { SeenNode, Workload } from '../domain/workload.ts';

let tests: TestStore;
beforeAll(async () => {
  tests = await startTestStore({ now: () => exampleTime });
});
afterAll(() => tests.close());

const pod = (name: string, given: Partial<Pod> = {}): Pod => ({
  name,
  namespace: 'shop',
  requests: { cpuMillis: 250, memoryBytes: 64 * 2 ** 20 },
  ...given,
});
const node = (name: string, pods: readonly Pod[]): SeenNode => ({
  name,
  labels: { 'topology.overcast.dev/csp': 'aws' },
  taints: [],
  allocatable: { cpuMillis: 1930, memoryBytes: 2 ** 31, pods: 110 },
  isReady: true,
  pods,
});
const nothing: Workload = { nodes: [], waiting: [], heldUp: [], daemonSets: [] };

describe('what a cluster’s API showed', () => {
  it('is kept as it was, each pod under its own name', async () => {
    const clusterId = randomUUID();
    const workload: Workload = {
      nodes: [
        node('n-1', [pod('a'), pod('logs', { isNodesOwn: true })]),
        { ...node('n-2', []), emptySince: exampleTime },
      ],
      waiting: [pod('b'), pod('c', { tolerations: [{ operator: 'Exists' }] }), pod('d')],
      heldUp: [{ pod: 'shop/e', why: 'a scheduling gate holds it' }],
      daemonSets: [{ namespace: 'kube-system', name: 'logs', requests: { cpuMillis: 1, memoryBytes: 1 } }],
      budgets: [{ namespace: 'shop', name: 'b', selector: [], disruptionsAllowed: 1 }],
    };
    await tests.store.workloads.put({ clusterId, at: exampleTime, workload });
    expect(await tests.store.workloads.get(clusterId)).toEqual({ clusterId, at: exampleTime, workload });
  });

  it('gives way to what was seen later, and never to what was seen before', async () => {
    const clusterId = randomUUID();
    const at = (seconds: number) => plusSeconds(exampleTime, seconds);
    const { workloads } = tests.store;
    await workloads.put({ clusterId, at: at(10), failure: 'nobody answered' });
    await workloads.put({ clusterId, at: at(5), workload: nothing });
    expect(await workloads.get(clusterId)).toEqual({ clusterId, at: at(10), failure: 'nobody answered' });
    await workloads.put({ clusterId, at: at(20), workload: nothing });
    expect(await workloads.get(clusterId)).toEqual({ clusterId, at: at(20), workload: nothing });
  });

  it('is nothing when nobody looked, or not for a day', async () => {
    expect(await tests.store.workloads.get(randomUUID())).toBeUndefined();
    const clusterId = randomUUID();
    await tests.store.workloads.put({ clusterId, at: plusSeconds(exampleTime, -86_401), workload: nothing });
    expect(await tests.store.workloads.get(clusterId)).toBeUndefined();
  });

  /** As a ReplicaSet names its pods. */
  const named = (kind: number): string =>
    `service-${kind}-7d9f8b6c5d-${randomBytes(3).toString('hex').slice(0, 5)}`;

  it('of the largest cluster finds its place in one item', async () => {
    const clusterId = randomUUID();
    const kinds = Array.from({ length: 300 }, (_, kind) => ({
      requests: { cpuMillis: 100 + kind, memoryBytes: 2 ** 26 },
      labels: { app: `service-${kind}` },
    }));
    const nodes = Array.from({ length: 256 }, (_, number) =>
      node(
        `n-${number}`,
        Array.from({ length: 110 }, (_each, index) => {
          const kind = (number * 110 + index) % kinds.length;
          return pod(named(kind), kinds[kind]);
        }),
      ),
    );
    await tests.store.workloads.put({ clusterId, at: exampleTime, workload: { ...nothing, nodes } });
    const { workload } = (await tests.store.workloads.get(clusterId)) ?? {};
    expect(workload?.nodes).toEqual(nodes);
  });

  it('is refused in words when no item holds it', async () => {
    const different = Array.from({ length: 20_000 }, () =>
      pod(randomBytes(16).toString('hex'), { nodeSelector: { only: randomBytes(16).toString('hex') } }),
    );
    const putting = tests.store.workloads.put({
      clusterId: randomUUID(),
      at: exampleTime,
      workload: { ...nothing, waiting: different },
    });
    await expect(putting).rejects.toMatchObject({
      name: 'WorkloadTooLarge',
      message: expect.stringContaining('too many of them are different') as string,
    });
  });
});
