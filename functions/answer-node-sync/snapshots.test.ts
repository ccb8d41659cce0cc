import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { answerSync } from './answer.ts';

let tests: TestStore;
let bus: RecordingBus;
let now = exampleTime;
const lines: string[] = [];
const write = (message: string, fields?: unknown): void =>
  void lines.push(`${message} ${JSON.stringify(fields)}`);
const log = { debug: write, info: write, warn: write, error: write } as unknown as Log;

beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());
beforeEach(() => {
  bus = recordingBus('overcast.answer-node-sync');
  now = exampleTime;
  lines.length = 0;
});

const secretOf = (number: number): string => String(number).repeat(64);

/** An initialised cluster of ready control planes, all in the mesh. */
async function serving(count: number) {
  const cluster = aCluster({ initialisedAt: plusSeconds(now, -3600), status: 'ready', initNode: 1 });
  await tests.store.clusters.create(cluster);
  for (let number = 1; number <= count; number += 1) {
    await tests.store.nodes.materialise(aNode({ clusterId: cluster.id, number, role: 'control-plane' }));
    const executionArn = anExecution();
    await tests.store.nodes.claim(cluster.id, number, {
      operation: { executionArn, kind: 'ProvisionNode', startedAt: now },
      expectedDesired: 'present',
    });
    await tests.store.nodes.beginAttempt(cluster.id, number, {
      executionArn,
      request: {
        attempt: 1,
        offering: anOffering(),
        kubernetesVersion: '1.36',
        tokenExpiresAt: 1_900_000_000,
        requestedAt: now,
      },
    });
    const sessionHash = createHash('sha256').update(secretOf(number)).digest('hex');
    await tests.store.nodes.admit(cluster.id, number, { attempt: 1, sessionHash, now });
    await tests.store.nodes.markJoined(cluster.id, number, { attempt: 1, now });
  }
  const sync = (number: number, given: Partial<SyncRequest> = {}): Promise<SyncReply> =>
    answerSync({
      store: tests.store,
      bus,
      clock: { now: () => now },
      log,
      presign: async ({ method, key, secondsMax }) => `https://bucket/${key}?${method}&${secondsMax}&secret`,
    })({
      clusterId: cluster.id,
      number,
      bearer: secretOf(number),
      body: {
        phase: 'ready',
        addresses: { public: `203.0.113.${number}`, private: `10.10.0.${number}` },
        wireguardPublicKey: Buffer.alloc(32, number).toString('base64'),
        meshVersion: count,
        ...given,
      },
    });
  const stored = async () => {
    const found = await tests.store.clusters.get(cluster.id);
    if (found === undefined) throw new Error('no cluster');
    return found;
  };
  // The mesh fills while nothing is due.
  now = plusSeconds(now, -1800);
  await tests.store.clusters.settleSnapshot(cluster.id, { number: 0, attempt: 0, since: now }, now);
  for (let number = count; number >= 1; number -= 1) await sync(number, { phase: 'joined' });
  now = exampleTime;
  return { id: cluster.id, sync, stored };
}

const result = (instructionId: string, ok: boolean, output?: string): Partial<SyncRequest> => ({
  result: { instructionId, ok, ...(output !== undefined && { output }) },
});
const taken = 'snapshot-1-1-20261123T040000Z';

describe('an etcd snapshot', () => {
  it('is asked for with the place to put it, recorded, and asked for again a quarter of an hour later', async () => {
    const { id, sync, stored } = await serving(1);
    const { instruction } = await sync(1);
    expect(instruction).toEqual({
      id: taken,
      kind: 'snapshot',
      endpoint: `https://bucket/clusters/${id}/snapshots/20261123T040000Z.db?PUT&900&secret`,
    });
    // A lost reply: the same once more.
    expect((await sync(1)).instruction).toEqual(instruction);

    now = plusSeconds(now, 20);
    expect((await sync(1, result(taken, true))).instruction.kind).toBe('run');
    expect(await tests.store.snapshots.list(id)).toEqual([
      { clusterId: id, id: '20261123T040000Z', takenAt: exampleTime, number: 1, attempt: 1 },
    ]);
    const after = await stored();
    expect(after.snapshotting).toBeUndefined();
    expect(after.snapshotDueAt).toBe(plusSeconds(exampleTime, 900));
    expect(bus.said.filter(({ event }) => event.startsWith('Etcd'))).toEqual([
      { event: 'EtcdSnapshotTaken', detail: { clusterId: id, number: 1, snapshot: '20261123T040000Z' } },
    ]);

    // The same result again changes nothing and says nothing; nor do steady calls.
    bus.clear();
    await sync(1, result(taken, true));
    expect(await stored()).toEqual(after);
    expect(bus.names()).toEqual([]);
    now = plusSeconds(exampleTime, 899);
    expect((await sync(1)).instruction.kind).toBe('run');
    now = plusSeconds(exampleTime, 900);
    expect((await sync(1)).instruction.id).toBe('snapshot-1-1-20261123T041500Z');
    expect(lines.join('\n')).not.toContain('secret');
  });

  it('is taken by one of many that call at once', async () => {
    const { sync } = await serving(3);
    now = plusSeconds(now, 600);
    const kinds = await Promise.all([1, 2, 3].map(async (number) => (await sync(number)).instruction.kind));
    expect(kinds.toSorted()).toEqual(['run', 'run', 'snapshot']);
  });

  it('that failed is said with the end of its output, without its secrets, and tried again in five minutes', async () => {
    const { id, sync, stored } = await serving(1);
    await sync(1);
    const output = `${'x'.repeat(400)} curl: https://b.s3/x?X-Amz-Security-Token=abc/def failed\u001b[2J`;
    await sync(1, result(taken, false, output));
    expect(await tests.store.snapshots.list(id)).toEqual([]);
    const said = bus.said.find(({ event }) => event === 'EtcdSnapshotFailed');
    const { reason } = (said?.detail ?? {}) as { reason: string };
    expect(reason).toMatch(/\[redacted\] failed\[2J$/);
    expect(reason.length).toBeLessThanOrEqual(300);
    expect((await stored()).snapshotDueAt).toBe(plusSeconds(now, 300));
  });

  it('of which nothing was heard is given to the next', async () => {
    const { id, sync } = await serving(2);
    expect((await sync(1)).instruction.kind).toBe('snapshot');
    now = plusSeconds(now, 600);
    expect((await sync(2)).instruction.id).toBe('snapshot-2-1-20261123T041000Z');
    expect(bus.said.at(-1)).toEqual({
      event: 'EtcdSnapshotFailed',
      detail: {
        clusterId: id,
        number: 1,
        snapshot: '20261123T040000Z',
        reason: 'nothing more was heard of it',
      },
    });
    // What comes too late counts for nothing: the object is found by the list and goes.
    await sync(1, result(taken, true));
    expect(await tests.store.snapshots.list(id)).toEqual([]);
  });

  it('is no affair of a control plane that goes', async () => {
    const { id, sync } = await serving(1);
    await tests.store.nodes.retire(id, 1);
    expect((await sync(1)).instruction.kind).toBe('run');
  });
});
