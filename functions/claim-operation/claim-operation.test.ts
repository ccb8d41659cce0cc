import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { OperationKind } from '../../shared/domain/operation.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode } from '../../test/builders/node.ts';
import { silentLog, testClock, testStates, type TestStates } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { claimOperation } from './claim-operation.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore();
  store = table.store;
});
afterAll(() => table.close());

const claim = (states: TestStates = testStates()) =>
  claimOperation({ store, states, clock: testClock(), log: silentLog });
const owned = (executionArn: string, kind: OperationKind) => ({
  executionArn,
  kind,
  startedAt: exampleTime,
});

async function cluster(given: Partial<Cluster> = {}): Promise<string> {
  const item = aCluster(given);
  await store.clusters.create(item);
  return item.id;
}
async function node(clusterId: string, given: Partial<Node> = {}): Promise<number> {
  const item = aNode({ clusterId, ...given });
  await store.nodes.materialise(item);
  return item.number;
}

describe('ProvisionCluster claims a cluster', () => {
  it('that nobody owns, and again when its own claim is repeated', async () => {
    const clusterId = await cluster({ generation: 3 });
    const executionArn = anExecution();
    const request = { kind: 'ProvisionCluster', clusterId, executionArn } as const;
    const expected = { clusterId, generation: 3, clouds: ['aws', 'gcp', 'azure', 'digitalocean'] };
    expect(await claim()(request)).toEqual(expected);
    expect(await claim()(request)).toEqual(expected);
    expect((await store.clusters.get(clusterId))?.operation?.executionArn).toBe(executionArn);
  });

  it('over an owner that is proven dead', async () => {
    const [dead, me] = [anExecution(), anExecution()];
    const clusterId = await cluster({ operation: owned(dead, 'ProvisionCluster') });
    await claim()({ kind: 'ProvisionCluster', clusterId, executionArn: me });
    expect((await store.clusters.get(clusterId))?.operation?.executionArn).toBe(me);
  });

  it.each([
    ['that another execution owns and runs', {}, true],
    ['that is to be absent', { desired: 'absent' }, false],
  ] as const)('never one %s', async (_, given, isOwned) => {
    const other = anExecution();
    const clusterId = await cluster({
      ...given,
      ...(isOwned && { operation: owned(other, 'ProvisionCluster') }),
    });
    const claiming = claim(testStates([other]))({
      kind: 'ProvisionCluster',
      clusterId,
      executionArn: anExecution(),
    });
    await expect(claiming).rejects.toMatchObject({ name: 'Superseded' });
  });

  it('exactly once when many try at the same time', async () => {
    const clusterId = await cluster();
    const executions = Array.from({ length: 8 }, () => anExecution());
    const claims = await Promise.allSettled(
      executions.map((executionArn) =>
        claim(testStates(executions))({ kind: 'ProvisionCluster', clusterId, executionArn }),
      ),
    );
    expect(claims.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('ProvisionNode and RetireNode claim a node', () => {
  it.each([
    ['ProvisionNode', 'present'],
    ['RetireNode', 'absent'],
  ] as const)('%s one that is to be %s', async (kind, desired) => {
    const clusterId = await cluster();
    const number = await node(clusterId, { desired, attempt: 2 });
    const claimed = await claim()({ kind, clusterId, number, executionArn: anExecution() });
    expect(claimed).toEqual({ clusterId, number, cloud: 'aws', attempt: 2 });
  });

  it.each([
    ['ProvisionNode', { desired: 'absent' }],
    ['ProvisionNode', { phase: 'failed' }],
    ['RetireNode', { desired: 'present' }],
    ['RetireNode', { desired: 'absent', phase: 'deleted' }],
  ] as const)('%s none that is %o', async (kind, given) => {
    const clusterId = await cluster();
    const number = await node(clusterId, given);
    await expect(claim()({ kind, clusterId, number, executionArn: anExecution() })).rejects.toMatchObject({
      name: 'Superseded',
    });
    expect((await store.nodes.get(clusterId, number))?.operation).toBeUndefined();
  });

  it('none of a cluster that goes, whatever its own mark says yet', async () => {
    const clusterId = await cluster({ desired: 'absent' });
    const number = await node(clusterId);
    const request = { kind: 'ProvisionNode', clusterId, number, executionArn: anExecution() } as const;
    await expect(claim()(request)).rejects.toMatchObject({ name: 'Superseded' });
  });

  it('RetireNode stops the run that still builds the node, and takes it over', async () => {
    const [builder, me] = [anExecution(), anExecution()];
    const states = testStates([builder]);
    const clusterId = await cluster();
    const number = await node(clusterId, {
      desired: 'absent',
      operation: owned(builder, 'ProvisionNode'),
    });
    await claim(states)({ kind: 'RetireNode', clusterId, number, executionArn: me });
    expect(states.stopped).toEqual([builder]);
    expect((await store.nodes.get(clusterId, number))?.operation?.executionArn).toBe(me);
  });
});

describe('CleanupCluster', () => {
  const requested = { deletionRequestedAt: exampleTime, deletionRequestedBy: 'test' };

  it('inspects without owning anything, while another run goes on', async () => {
    const builder = anExecution();
    const clusterId = await cluster({ ...requested, operation: owned(builder, 'ProvisionCluster') });
    const request = {
      kind: 'CleanupCluster',
      step: 'inspect',
      clusterId,
      executionArn: anExecution(),
    } as const;
    await claim(testStates([builder]))(request);
    expect(await store.clusters.get(clusterId)).toMatchObject({
      desired: 'present',
      operation: { executionArn: builder },
    });
  });

  it('inspects a cluster that an earlier clean-up fenced, and says so', async () => {
    const clusterId = await cluster({ ...requested, desired: 'absent', status: 'deleting' });
    const request = {
      kind: 'CleanupCluster',
      step: 'inspect',
      clusterId,
      executionArn: anExecution(),
    } as const;
    expect(await claim()(request)).toMatchObject({ clusterId, fenced: true });
    expect(await claim()({ ...request, step: 'fence' })).toMatchObject({ clusterId });
  });

  it.each(['inspect', 'fence'] as const)('%ss nothing that nobody asked to delete', async (step) => {
    const clusterId = await cluster();
    const request = { kind: 'CleanupCluster', step, clusterId, executionArn: anExecution() } as const;
    await expect(claim()(request)).rejects.toMatchObject({ name: 'Superseded' });
    expect((await store.clusters.get(clusterId))?.desired).toBe('present');
  });

  it.each(['inspect', 'fence'] as const)('%ss nothing while another clean-up runs', async (step) => {
    const other = anExecution();
    const clusterId = await cluster({ ...requested, operation: owned(other, 'CleanupCluster') });
    const request = { kind: 'CleanupCluster', step, clusterId, executionArn: anExecution() } as const;
    await expect(claim(testStates([other]))(request)).rejects.toMatchObject({ name: 'Superseded' });
  });

  it('fences: everything is to be absent, every other run is stopped; repeated, the same', async () => {
    const [builder, nodeBuilder, me] = [anExecution('c'), anExecution('n'), anExecution('me')];
    const states = testStates([builder, nodeBuilder]);
    const clusterId = await cluster({
      ...requested,
      operation: owned(builder, 'ProvisionCluster'),
      pendingPlan: { id: 'p', nodes: [], reason: 'test' },
    });
    await node(clusterId, { number: 1, operation: owned(nodeBuilder, 'ProvisionNode') });
    await node(clusterId, { number: 2 });
    const request = { kind: 'CleanupCluster', step: 'fence', clusterId, executionArn: me } as const;
    await claim(states)(request);
    await claim(states)(request);
    expect(await store.clusters.get(clusterId)).toMatchObject({
      desired: 'absent',
      status: 'deleting',
      operation: { executionArn: me, kind: 'CleanupCluster' },
    });
    expect((await store.clusters.get(clusterId))?.pendingPlan).toBeUndefined();
    expect((await store.nodes.list(clusterId)).map(({ desired }) => desired)).toEqual(['absent', 'absent']);
    expect(states.running.size).toBe(0);
  });
});
