import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog, testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { drainNode } from './drain-node.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

const serving = { phase: 'ready', joinedAt: exampleTime, lastSeenAt: exampleTime } as const;

async function look(given: Partial<Node>, elapsedSeconds = 0) {
  const me = anExecution();
  const clusterId = aCluster().id;
  const operation = { executionArn: me, kind: 'RetireNode', startedAt: exampleTime } as const;
  await store.nodes.materialise(aNode({ clusterId, desired: 'absent', operation, ...given }));
  const drain = drainNode({
    store,
    clock: testClock(plusSeconds(exampleTime, elapsedSeconds)),
    log: silentLog,
  });
  const request = { clusterId, number: 1, executionArn: me, startedAt: exampleTime, budgetSeconds: 300 };
  const first = await drain(request);
  expect(await drain(request)).toEqual(first);
  return { outcome: first, phase: (await store.nodes.get(clusterId, 1))?.phase };
}

describe('draining is done', () => {
  it.each<[string, Partial<Node>, number]>([
    ['when the agent has left', { ...serving, leftAt: exampleTime }, 0],
    ['when it never joined', { phase: 'booting' }, 0],
    ['when it failed', { phase: 'failed' }, 0],
    ['when nobody has heard of it for long', { ...serving, lastSeenAt: plusSeconds(exampleTime, -600) }, 0],
    ['when its time is over', serving, 300],
    ['when its machine was found lost', { ...serving, lostAt: plusSeconds(exampleTime, 5) }, 10],
  ])('%s', async (_, given, elapsedSeconds) => {
    expect((await look(given, elapsedSeconds)).outcome).toEqual({ done: true });
  });

  it('not while a live agent still has work', async () => {
    const { outcome, phase } = await look(serving, 100);
    expect(outcome).toMatchObject({ done: false, retryAfterSeconds: 5 });
    expect(phase).toBe('draining');
  });

  it('not when a machine that was taken for lost was heard of since', async () => {
    expect((await look({ ...serving, lostAt: plusSeconds(exampleTime, -5) }, 10)).outcome.done).toBe(false);
  });

  it('not because of a last-seen time that was not due yet to be written', async () => {
    expect((await look({ ...serving, lastSeenAt: plusSeconds(exampleTime, -330) })).outcome.done).toBe(false);
  });

  it('never for a node that is to stay, or another’s', async () => {
    await expect(look({ ...serving, desired: 'present' })).rejects.toMatchObject({ name: 'Superseded' });
    const operation = { executionArn: 'other', kind: 'RetireNode', startedAt: exampleTime } as const;
    await expect(look({ ...serving, operation })).rejects.toMatchObject({ name: 'Superseded' });
  });
});

describe('a control plane', () => {
  it('is struck off by the others before its machine goes, or left to them when that takes too long', async () => {
    const me = anExecution();
    const cluster = aCluster({ initialisedAt: exampleTime });
    await store.clusters.create(cluster);
    const operation = { executionArn: me, kind: 'RetireNode', startedAt: exampleTime } as const;
    const one = { clusterId: cluster.id, role: 'control-plane', ...serving } as const;
    await store.nodes.materialise(aNode({ ...one, number: 2 }));
    await store.nodes.materialise(
      aNode({ ...one, number: 1, attempt: 1, desired: 'absent', operation, leftAt: exampleTime }),
    );
    const drain = async (seconds = 0) =>
      drainNode({ store, clock: testClock(plusSeconds(exampleTime, seconds)), log: silentLog })({
        clusterId: cluster.id,
        number: 1,
        executionArn: me,
        startedAt: exampleTime,
        budgetSeconds: 60,
      });
    expect(await drain()).toMatchObject({
      done: false,
      waitingFor: 'control plane 1 to be forgotten by the others',
    });
    expect((await store.clusters.get(cluster.id))?.forgetting).toMatchObject({ number: 1, attempt: 1 });
    expect(await drain(359)).toMatchObject({ done: false });
    expect(await drain(360)).toEqual({ done: true });
    // What was asked for stays: nobody joins before they have answered.
    expect((await store.clusters.get(cluster.id))?.forgetting).toBeDefined();
    await store.nodes.forgetMember(cluster.id, 1, { attempt: 1, now: exampleTime });
    expect(await drain()).toEqual({ done: true });
  });

  it('of a cluster that is restored hands over nothing, and nobody is asked to forget it', async () => {
    const me = anExecution();
    const restore = { id: 'r', snapshot: 'S', requestedAt: exampleTime, requestedBy: 'ada', number: 7 };
    const cluster = aCluster({ initialisedAt: exampleTime, status: 'restoring', restore });
    await store.clusters.create(cluster);
    const operation = { executionArn: me, kind: 'RetireNode', startedAt: exampleTime } as const;
    const one = { clusterId: cluster.id, role: 'control-plane', ...serving } as const;
    await store.nodes.materialise(aNode({ ...one, number: 2 }));
    await store.nodes.materialise(aNode({ ...one, number: 1, attempt: 1, desired: 'absent', operation }));
    const drain = drainNode({ store, clock: testClock(exampleTime), log: silentLog });
    const request = { clusterId: cluster.id, number: 1, executionArn: me, startedAt: exampleTime };
    expect(await drain({ ...request, budgetSeconds: 300 })).toEqual({ done: true });
    expect((await store.clusters.get(cluster.id))?.forgetting).toBeUndefined();
  });
});
