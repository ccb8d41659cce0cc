import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { MeshMember } from '../../shared/domain/mesh.ts';
import type { Node } from '../../shared/domain/node.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { snapshotKey } from '../../shared/domain/snapshot.ts';
import type { OperationKind } from '../../shared/domain/operation.ts';
import type { SnapshotObjects } from '../../shared/runtime/snapshot-objects.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, type CrashPoints } from '../../test/builders/crash.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingBus, silentLog, testClock, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { onExecutionEnded } from './on-execution-ended.ts';
import { settleOperation } from './settle-operation.ts';
import type { SettleRequest, Settled } from './settlement.ts';

let table: TestStore;
let store: Store;
beforeAll(async () => {
  table = await startTestStore({ now: () => exampleTime });
  store = table.store;
});
afterAll(() => table.close());

const member = (number: number): MeshMember => ({
  number,
  cloud: 'aws',
  role: 'worker',
  overlayAddress: `10.4.0.${number}`,
  publicKey: `key ${number}`,
  publicAddress: '198.51.100.1',
  privateAddress: '10.10.0.1',
  sinceVersion: 1,
});

/** The bucket of etcd snapshots. */
const bucket = new Set<string>();
const snapshotObjects: SnapshotObjects = {
  list: async (prefix) =>
    [...bucket].filter((key) => key.startsWith(prefix)).map((key) => ({ key, sizeBytes: 1 })),
  remove: async (key) => void bucket.delete(key),
};

interface Scene {
  readonly clusterId: string;
  readonly me: string;
  readonly bus: RecordingBus;
  cluster(): Promise<Cluster | undefined>;
  node(): Promise<Node | undefined>;
  settle(request: Pick<SettleRequest, 'kind' | 'outcome'> & Partial<SettleRequest>): Promise<Settled>;
  ended(event: { executionArn: string; status?: string; number?: number }): Promise<Settled>;
}

/** A cluster and its node; an execution of this kind owns the one that it is about. */
async function scene(options: {
  kind: OperationKind;
  cluster?: Partial<Cluster>;
  node?: Partial<Node>;
  points?: CrashPoints;
}): Promise<Scene> {
  const me = anExecution();
  const operation = { executionArn: me, kind: options.kind, startedAt: exampleTime };
  const isOfNode = options.kind === 'ProvisionNode' || options.kind === 'RetireNode';
  const cluster = aCluster({ ...(!isOfNode && { operation }), ...options.cluster });
  await store.clusters.create(cluster);
  const node = aNode({ clusterId: cluster.id, ...(isOfNode && { operation }), ...options.node });
  await store.nodes.materialise(node);
  const bus = recordingBus('overcast.settle-operation');
  const parts = {
    store: options.points?.wrap(store) ?? store,
    bus: options.points?.wrap(bus) ?? bus,
    clock: testClock(),
    log: silentLog,
    snapshotObjects: options.points?.wrap(snapshotObjects) ?? snapshotObjects,
  };
  return {
    clusterId: cluster.id,
    me,
    bus,
    cluster: () => store.clusters.get(cluster.id),
    node: () => store.nodes.get(cluster.id, node.number),
    settle: (request) =>
      settleOperation(parts)({
        clusterId: cluster.id,
        executionArn: me,
        ...(isOfNode && { number: node.number }),
        ...request,
      }),
    ended: ({ executionArn, status = 'FAILED', number }) =>
      onExecutionEnded(parts)({
        executionArn,
        status,
        input: JSON.stringify({ clusterId: cluster.id, ...(number !== undefined && { number }) }),
      }),
  };
}

describe('ProvisionCluster', () => {
  const kind = 'ProvisionCluster';

  it('finishes the generation it saw and lets the cluster go; repeated, the same', async () => {
    const at = await scene({ kind, cluster: { generation: 2 } });
    expect(await at.settle({ kind, outcome: 'succeeded', generation: 2 })).toEqual({ again: false });
    expect(await at.settle({ kind, outcome: 'succeeded', generation: 2 })).toEqual({ again: false });
    const cluster = await at.cluster();
    expect(cluster?.provisionedGeneration).toBe(2);
    expect(cluster?.operation).toBeUndefined();
    expect(new Set(at.bus.names())).toEqual(new Set(['OperationSettled']));
  });

  it('goes once more, and keeps the cluster, when the generation moved', async () => {
    const at = await scene({ kind, cluster: { generation: 3 } });
    expect(await at.settle({ kind, outcome: 'succeeded', generation: 2 })).toEqual({ again: true });
    expect((await at.cluster())?.operation?.executionArn).toBe(at.me);
    expect(at.bus.said).toEqual([]);
  });

  it('lets the cluster go when it failed, and says why', async () => {
    const at = await scene({ kind });
    await at.settle({ kind, outcome: 'failed', reason: 'aws: no credentials' });
    expect((await at.cluster())?.operation).toBeUndefined();
    expect(at.bus.said).toEqual([
      {
        event: 'OperationSettled',
        detail: { clusterId: at.clusterId, kind, outcome: 'failed', reason: 'aws: no credentials' },
      },
    ]);
  });

  it.each(['succeeded', 'failed'] as const)(
    'touches nothing of another owner when it %s',
    async (outcome) => {
      const at = await scene({ kind });
      const settling = at.settle({ kind, outcome, generation: 1, executionArn: anExecution() });
      await expect(settling).rejects.toMatchObject({ name: 'Superseded' });
      expect((await at.cluster())?.operation?.executionArn).toBe(at.me);
    },
  );

  it('ends the same wherever it is cut', { timeout: 120_000 }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ kind, points });
      return {
        run: () => at.settle({ kind, outcome: 'succeeded', generation: 1 }),
        check: async () => {
          expect((await at.cluster())?.operation).toBeUndefined();
          expect((await at.cluster())?.provisionedGeneration).toBe(1);
          expect(at.bus.names()).toContain('OperationSettled');
        },
      };
    });
  });
});

describe('ProvisionNode', () => {
  const kind = 'ProvisionNode';

  it('lets a node go that serves', async () => {
    const at = await scene({ kind, node: { phase: 'ready', attempt: 1 } });
    await at.settle({ kind, outcome: 'succeeded' });
    await at.settle({ kind, outcome: 'succeeded' });
    expect(await at.node()).toMatchObject({ phase: 'ready' });
    expect((await at.node())?.operation).toBeUndefined();
  });

  it('gives a node up with its reason, and keeps its machine’s last words', async () => {
    const failure = { reason: 'kubeadm failed', log: 'connection refused' };
    const at = await scene({ kind, node: { phase: 'creating', attempt: 3, failure } });
    await at.settle({ kind, outcome: 'failed', reason: 'three attempts failed' });
    expect(await at.node()).toMatchObject({
      phase: 'failed',
      failure: { reason: 'three attempts failed', log: 'connection refused' },
    });
    expect(at.bus.said[0]).toEqual({
      event: 'NodeFailed',
      detail: { clusterId: at.clusterId, number: 1, attempt: 3, reason: 'three attempts failed' },
    });
  });

  it('gives no node up that has joined: what failed then was the run', async () => {
    const at = await scene({ kind, node: { phase: 'ready', attempt: 1, joinedAt: exampleTime } });
    await at.settle({ kind, outcome: 'failed', reason: 'TypeError: a bug in await-node' });
    expect(await at.node()).toMatchObject({ phase: 'ready' });
    expect((await at.node())?.operation).toBeUndefined();
    expect(at.bus.names()).toEqual(['OperationSettled']);
  });

  it('needs no reason to be given', async () => {
    const at = await scene({ kind });
    await at.settle({ kind, outcome: 'failed', reason: '' });
    expect((await at.node())?.failure?.reason).toBe('ProvisionNode failed');
  });

  it('touches nothing of another owner', async () => {
    const at = await scene({ kind });
    const settling = at.settle({ kind, outcome: 'failed', reason: 'late', executionArn: anExecution() });
    await expect(settling).rejects.toMatchObject({ name: 'Superseded' });
    expect(await at.node()).toMatchObject({ phase: 'planned' });
    expect(at.bus.said).toEqual([]);
  });

  it('ends the same wherever it is cut', { timeout: 120_000 }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await scene({ kind, node: { attempt: 3 }, points });
      return {
        run: () => at.settle({ kind, outcome: 'failed', reason: 'no capacity' }),
        check: async () => {
          expect(await at.node()).toMatchObject({ phase: 'failed', failure: { reason: 'no capacity' } });
          expect((await at.node())?.operation).toBeUndefined();
          expect(at.bus.names()).toEqual(expect.arrayContaining(['NodeFailed', 'OperationSettled']));
        },
      };
    });
  });
});

describe('RetireNode', () => {
  const kind = 'RetireNode';
  const leaving = async (points?: CrashPoints): Promise<Scene> => {
    const at = await scene({
      kind,
      cluster: { joinNode: 1 },
      node: { desired: 'absent', phase: 'deleting', attempt: 1 },
      ...(points !== undefined && { points }),
    });
    await store.mesh.replace(at.clusterId, {
      versionRead: 0,
      members: [member(1), member(2)],
      now: exampleTime,
    });
    return at;
  };

  it('takes the node out of the mesh, frees its lease and forgets it; repeated, the same', async () => {
    const at = await leaving();
    await at.settle({ kind, outcome: 'succeeded' });
    await at.settle({ kind, outcome: 'succeeded' });
    expect((await store.mesh.get(at.clusterId)).members.map(({ number }) => number)).toEqual([2]);
    expect((await at.cluster())?.joinNode).toBeUndefined();
    expect(await at.node()).toMatchObject({ phase: 'deleted' });
    expect(at.bus.names()).toContain('NodeRetired');
  });

  it('that failed is not tried again at once: whatever refused it would refuse it in a circle', async () => {
    const at = await leaving();
    await at.settle({ kind, outcome: 'failed', reason: 'CredentialsRejected: aws: no' });
    const node = await at.node();
    expect(node?.operation).toBeUndefined();
    expect(node?.retireNotBefore).toBe(plusSeconds(exampleTime, 300));
  });

  it.each<[string, Partial<Node>, string | undefined]>([
    ['rests', {}, plusSeconds(exampleTime, 300)],
    ['that need not be drained any more does not rest', { skipDrain: true }, undefined],
  ])('that was put off keeps the node and says nothing, and %s', async (_, given, retireNotBefore) => {
    const at = await scene({ kind, node: { desired: 'absent', phase: 'draining', ...given } });
    await at.settle({ kind, outcome: 'blocked', reason: 'default/web-1: a budget' });
    const node = await at.node();
    expect(node).toMatchObject({ phase: 'draining', desired: 'absent' });
    expect([node?.operation, node?.retireNotBefore]).toEqual([undefined, retireNotBefore]);
    expect(at.bus.said).toEqual([]);
    expect((await at.cluster())?.dueAt).toBe(exampleTime);
  });

  it('loses no newcomer while many change the mesh at once', async () => {
    const at = await leaving();
    const join = async (number: number): Promise<void> => {
      for (;;) {
        const mesh = await store.mesh.get(at.clusterId);
        const members = [...mesh.members, member(number)];
        const written = await store.mesh.replace(at.clusterId, {
          versionRead: mesh.version,
          members,
          now: exampleTime,
        });
        if (written !== undefined) return;
      }
    };
    await Promise.all([join(3), join(4), join(5), at.settle({ kind, outcome: 'succeeded' })]);
    const numbers = (await store.mesh.get(at.clusterId)).members.map(({ number }) => number);
    expect(numbers.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5]);
  });

  it('ends the same wherever it is cut', { timeout: 120_000 }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await leaving(points);
      return {
        run: () => at.settle({ kind, outcome: 'succeeded' }),
        check: async () => {
          expect((await store.mesh.get(at.clusterId)).members.map(({ number }) => number)).toEqual([2]);
          expect((await at.cluster())?.joinNode).toBeUndefined();
          expect(await at.node()).toMatchObject({ phase: 'deleted' });
          expect((await at.node())?.operation).toBeUndefined();
          expect(at.bus.names()).toEqual(expect.arrayContaining(['NodeRetired', 'OperationSettled']));
        },
      };
    });
  });
});

describe('CleanupCluster', () => {
  const kind = 'CleanupCluster';
  const asked = { deletionRequestedAt: exampleTime, deletionRequestedBy: 'test' };
  const sealed = { version: 1, dataKey: 'a2V5', iv: 'aXY=', tag: 'dGFn', ciphertext: 'dGV4dA==' } as const;
  /** What opens the cluster: its authorities and the platform's own credential. */
  const remember = async (clusterId: string): Promise<void> => {
    await store.pki.create({ clusterId, createdAt: exampleTime, caCertificatePem: 'pem', sealed });
    await store.pki.replaceCredential(
      { clusterId, certificatePem: 'pem', notBefore: exampleTime, notAfter: exampleTime, sealed },
      {},
    );
  };
  const remembered = async (clusterId: string): Promise<unknown> => [
    await store.pki.get(clusterId),
    await store.pki.credential(clusterId),
  ];
  const fenced = async (points?: CrashPoints): Promise<Scene> => {
    const name = `gone-${Math.random().toString(36).slice(2)}`;
    const at = await scene({
      kind,
      cluster: { ...asked, desired: 'absent', status: 'deleting', name },
      node: { desired: 'absent' },
      ...(points !== undefined && { points }),
    });
    await store.names.claim(name, at.clusterId);
    await remember(at.clusterId);
    const id = '20261123T040000Z';
    const { clusterId } = at;
    await store.snapshots.record({ clusterId, id, takenAt: exampleTime, number: 1, attempt: 1 });
    bucket.add(snapshotKey(clusterId, id));
    // A plan that slipped in while the fence went up.
    await store.nodes.materialise(aNode({ clusterId: at.clusterId, number: 2 }));
    return at;
  };

  it('buries cluster and nodes and frees the name, wherever it is cut', { timeout: 120_000 }, async () => {
    await atEveryCrashPoint(async (points) => {
      const at = await fenced(points);
      return {
        run: () => at.settle({ kind, outcome: 'succeeded' }),
        check: async () => {
          const cluster = await at.cluster();
          expect(cluster).toMatchObject({ status: 'deleted' });
          expect(await store.names.lookUp(cluster?.name ?? '')).toBeUndefined();
          expect(await remembered(at.clusterId)).toEqual([undefined, undefined]);
          expect(await snapshotObjects.list(`clusters/${at.clusterId}/`)).toEqual([]);
          expect(await store.snapshots.list(at.clusterId)).toEqual([]);
          expect((await store.nodes.list(at.clusterId)).map(({ phase }) => phase)).toEqual([
            'deleted',
            'deleted',
          ]);
          expect(at.bus.names()).toEqual(expect.arrayContaining(['ClusterDeleted', 'OperationSettled']));
        },
      };
    });
  });

  it('forgets also what a call that was under way left after it, when it runs again', async () => {
    const at = await fenced();
    await at.settle({ kind, outcome: 'succeeded' });
    await remember(at.clusterId);
    await at.settle({ kind, outcome: 'succeeded' });
    expect(await remembered(at.clusterId)).toEqual([undefined, undefined]);
  });

  it.each(['failed', 'blocked'] as const)('forgets nothing when it %s', async (outcome) => {
    const at = await fenced();
    await at.settle({ kind, outcome }).catch(() => undefined);
    expect(await remembered(at.clusterId)).not.toContain(undefined);
  });

  it('leaves the name alone once somebody else has it', async () => {
    const at = await fenced();
    await at.settle({ kind, outcome: 'succeeded' });
    const name = (await at.cluster())?.name ?? '';
    const successor = aCluster().id;
    await store.names.claim(name, successor);
    await at.settle({ kind, outcome: 'succeeded' });
    expect(await store.names.lookUp(name)).toBe(successor);
  });

  const strangers = [
    { cloud: 'aws', kind: 'machine', id: 'i-0abc', name: 'db-1', inside: 'vpc-0def' },
  ] as const;

  it('blocked by a stranger, refuses the deletion by name, and the cluster lives on', async () => {
    const builder = {
      executionArn: anExecution(),
      kind: 'ProvisionCluster',
      startedAt: exampleTime,
    } as const;
    const at = await scene({ kind, cluster: { ...asked, status: 'ready', operation: builder } });
    const request = { kind, outcome: 'blocked', reason: '', strangers: [...strangers] } as const;
    await at.settle({ ...request, strangers: [...strangers] });
    await at.settle({ ...request, strangers: [...strangers] });
    const cluster = await at.cluster();
    expect(cluster).toMatchObject({ desired: 'present', status: 'ready', operation: builder });
    expect(cluster?.deletionRequestedAt).toBeUndefined();
    const reason = "aws: machine i-0abc (db-1) in vpc-0def is not four-clouds's";
    expect(cluster?.deletionRefused?.reason).toBe(reason);
    expect(at.bus.said[0]).toMatchObject({ event: 'ClusterDeletionBlocked', detail: { reason } });
  });

  it('blocked because a cloud could not be looked at, says that', async () => {
    const at = await scene({ kind, cluster: { ...asked, status: 'ready' } });
    await at.settle({ kind, outcome: 'blocked', reason: 'aws CredentialsRejected', strangers: [] });
    expect((await at.cluster())?.deletionRefused?.reason).toBe('aws CredentialsRejected');
  });

  it('stuck, stays deleting and lets go, so that the tick can begin again', async () => {
    const at = await fenced();
    await at.settle({ kind, outcome: 'failed', reason: 'aws: still waiting' });
    const cluster = await at.cluster();
    expect(cluster).toMatchObject({ status: 'deleting', desired: 'absent' });
    expect(cluster?.operation).toBeUndefined();
  });
});

describe('an execution that ended without settling', () => {
  it('loses what it owns: a cluster', async () => {
    const at = await scene({ kind: 'ProvisionCluster' });
    await at.ended({ executionArn: at.me, status: 'TIMED_OUT' });
    expect((await at.cluster())?.operation).toBeUndefined();
    expect(at.bus.said[0]).toMatchObject({ detail: { kind: 'ProvisionCluster', outcome: 'failed' } });
  });

  it('loses what it owns: a node', async () => {
    const at = await scene({ kind: 'ProvisionNode' });
    await at.ended({ executionArn: at.me, status: 'ABORTED', number: 1 });
    expect((await at.node())?.operation).toBeUndefined();
  });

  it.each([
    ['another owns it', anExecution(), 'FAILED'],
    ['it still runs', undefined, 'RUNNING'],
  ])('changes nothing when %s', async (_, executionArn, status) => {
    const at = await scene({ kind: 'ProvisionNode' });
    await at.ended({ executionArn: executionArn ?? at.me, status, number: 1 });
    expect((await at.node())?.operation?.executionArn).toBe(at.me);
    expect(at.bus.said).toEqual([]);
  });

  it('is ignored when it says not what it ran for', async () => {
    const at = await scene({ kind: 'ProvisionNode' });
    const parts = { store, bus: at.bus, clock: testClock(), log: silentLog };
    for (const input of [null, undefined, 'not JSON', '{}']) {
      await onExecutionEnded(parts)({ executionArn: at.me, status: 'FAILED', input });
    }
    expect((await at.node())?.operation?.executionArn).toBe(at.me);
  });
});
