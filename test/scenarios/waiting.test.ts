import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../builders/cluster.ts';
import { aNode } from '../builders/node.ts';
import { silentLog, testClock, testStates } from '../builders/platform.ts';
import { startTestStore, type TestStore } from '../builders/store.ts';
import { onNodeReported } from '../../functions/record-node-joined/on-node-reported.ts';
import { awaitNode } from '../../functions/await-node/await-node.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

async function scene(given: { node?: Partial<Node>; cluster?: Partial<Cluster> } = {}) {
  const me = anExecution();
  const operation = { executionArn: me, kind: 'ProvisionNode', startedAt: exampleTime } as const;
  const cluster = aCluster({ operation: { ...operation, kind: 'ProvisionCluster' }, ...given.cluster });
  await store.clusters.create(cluster);
  await store.nodes.materialise(aNode({ clusterId: cluster.id, attempt: 1, operation, ...given.node }));
  const states = testStates();
  const clusterId = cluster.id;
  const common = { clusterId, executionArn: me };
  const wait = awaitNode({ store, states, log: silentLog });
  const hear = onNodeReported({ store, states, clock: testClock(), log: silentLog });
  return {
    clusterId,
    me,
    states,
    awaitJoined: (more: { attempt?: number; executionArn?: string; taskToken?: string } = {}) =>
      wait({ until: 'joined', number: 1, attempt: 1, taskToken: 'token', ...common, ...more }),
    awaitInitialised: () => wait({ until: 'initialised', taskToken: 'cluster token', ...common }),
    joined: (attempt = 1): Promise<void> =>
      hear({ 'detail-type': 'NodeJoined', detail: { clusterId, number: 1, attempt } }),
    failed: (attempt = 1): Promise<void> =>
      hear({
        'detail-type': 'NodeFailed',
        detail: { clusterId, number: 1, attempt, reason: 'as told' },
      }),
  };
}

describe('waiting for a node to join', () => {
  it('is answered by the news', async () => {
    const at = await scene();
    await at.awaitJoined();
    expect(at.states.answers).toEqual([]);
    await at.joined();
    await at.joined();
    expect(at.states.answers).toEqual([{ taskToken: 'token', output: { outcome: 'joined' } }]);
  });

  it('is answered at once when the news came first', async () => {
    const at = await scene();
    await at.joined();
    await at.awaitJoined();
    expect(at.states.answers).toEqual([{ taskToken: 'token', output: { outcome: 'joined' } }]);
  });

  it('loses no answer when both come at the same time', async () => {
    for (let race = 0; race < 20; race += 1) {
      const at = await scene();
      await Promise.all([at.awaitJoined(), at.joined()]);
      expect(at.states.answers).toEqual([{ taskToken: 'token', output: { outcome: 'joined' } }]);
    }
  });

  it('hears of a failure, before and after', async () => {
    const before = await scene({ node: { failure: { reason: 'kubeadm failed' } } });
    await before.awaitJoined();
    const after = await scene();
    await after.awaitJoined();
    await store.nodes.recordFailure(after.clusterId, 1, {
      attempt: 1,
      failure: { reason: 'kubeadm failed' },
    });
    await after.failed();
    for (const { states } of [before, after]) {
      expect(states.answers).toEqual([
        { taskToken: 'token', output: { outcome: 'failed', reason: 'kubeadm failed' } },
      ]);
    }
  });

  it('hears nothing of an earlier machine', async () => {
    const at = await scene({ node: { attempt: 2, failure: { reason: 'kubeadm failed' } } });
    await at.joined(1);
    await at.failed(1);
    expect(at.states.answers).toEqual([]);
    expect((await store.nodes.get(at.clusterId, 1))?.joinedAt).toBeUndefined();
  });

  it.each([
    ['owner', { executionArn: 'another' }],
    ['attempt', { attempt: 2 }],
  ])('is refused to the wrong %s', async (_, wrong) => {
    const at = await scene();
    await expect(at.awaitJoined(wrong)).rejects.toMatchObject({ name: 'Superseded' });
  });

  it('is refused for a node that is to go', async () => {
    const at = await scene({ node: { desired: 'absent' } });
    await expect(at.awaitJoined()).rejects.toMatchObject({ name: 'Superseded' });
  });
});

describe('waiting for the control plane', () => {
  it('is answered by the node that joined when the cluster is initialised', async () => {
    const at = await scene();
    await at.awaitInitialised();
    await at.joined();
    expect(at.states.answers).toEqual([]);
    await store.clusters.claimInit(at.clusterId, { number: 1, attempt: 1 });
    await store.clusters.markInitialised(at.clusterId, { number: 1, attempt: 1 }, exampleTime);
    await at.joined();
    expect(at.states.answers).toEqual([{ taskToken: 'cluster token', output: { outcome: 'initialised' } }]);
  });

  it.each(['before', 'after', 'at the same time'] as const)(
    'ends when the last control plane is given up, %s anybody waits',
    async (when) => {
      const at = await scene({ node: { role: 'control-plane' } });
      const giveUp = async (): Promise<void> => {
        const failure = { reason: 'no capacity' };
        expect(await store.nodes.giveUp(at.clusterId, 1, { executionArn: at.me, failure })).toBe(true);
        await at.failed();
      };
      if (when === 'before') await giveUp();
      await Promise.all([at.awaitInitialised(), ...(when === 'at the same time' ? [giveUp()] : [])]);
      if (when === 'after') {
        expect(at.states.answers).toEqual([]);
        await giveUp();
      }
      expect(at.states.answers).toEqual([
        {
          taskToken: 'cluster token',
          output: { outcome: 'failed', reason: 'control plane 1: no capacity' },
        },
      ]);
    },
  );

  it('is answered at once when it is initialised already', async () => {
    const at = await scene({ cluster: { initialisedAt: exampleTime } });
    await at.awaitInitialised();
    expect(at.states.answers).toEqual([{ taskToken: 'cluster token', output: { outcome: 'initialised' } }]);
  });
});
