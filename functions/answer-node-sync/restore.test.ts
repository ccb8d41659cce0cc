import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Restore } from '../../shared/domain/cluster.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint, type CrashPoints } from '../../test/builders/crash.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { answerSync } from './answer.ts';

let tests: TestStore;
let bus: RecordingBus;
beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());
beforeEach(() => {
  bus = recordingBus('overcast.answer-node-sync');
});

const now = exampleTime;
const asked: Restore = {
  id: 'asked',
  snapshot: '20261123T034500Z',
  requestedAt: now,
  requestedBy: 'ada',
  number: 7,
};
const secretOf = (number: number, attempt = 1): string => `${number}${attempt}`.padEnd(64, '0');
const executionArn = anExecution();

/** Node 7 is to restore the cluster of node 2, which has survived the others. */
async function restoring(points?: CrashPoints) {
  const cluster = aCluster({
    status: 'restoring',
    initialisedAt: plusSeconds(now, -3600),
    initNode: 1,
    initAttempt: 1,
    restore: asked,
  });
  const { store } = tests;
  await store.clusters.create(cluster);
  const admit = async (number: number, attempt: number): Promise<void> => {
    await store.nodes.beginAttempt(cluster.id, number, {
      executionArn,
      request: {
        attempt,
        offering: anOffering(),
        kubernetesVersion: '1.36',
        tokenExpiresAt: 1_900_000_000,
        requestedAt: now,
      },
    });
    const sessionHash = createHash('sha256').update(secretOf(number, attempt)).digest('hex');
    await store.nodes.admit(cluster.id, number, { attempt, sessionHash, now });
  };
  for (const number of [2, 7]) {
    await store.nodes.materialise(aNode({ clusterId: cluster.id, number, role: 'control-plane' }));
    await store.nodes.claim(cluster.id, number, {
      operation: { executionArn, kind: 'ProvisionNode', startedAt: now },
      expectedDesired: 'present',
    });
    await admit(number, 1);
  }
  await store.nodes.markJoined(cluster.id, 2, { attempt: 1, now });
  const answer = answerSync({
    store: points?.wrap(store) ?? store,
    bus: points?.wrap(bus) ?? bus,
    clock: { now: () => now },
    log: silentLog,
  });
  return {
    id: cluster.id,
    sync: (number: number, given: Partial<SyncRequest> = {}, attempt = 1): Promise<SyncReply> =>
      answer({
        clusterId: cluster.id,
        number,
        bearer: secretOf(number, attempt),
        body: {
          phase: 'booting',
          addresses: { public: `203.0.113.${number}`, private: `10.10.0.${number}` },
          wireguardPublicKey: Buffer.alloc(32, number).toString('base64'),
          meshVersion: 1,
          ...given,
        },
      }),
    goes: async (number: number): Promise<void> => {
      await store.nodes.retire(cluster.id, number);
      await store.nodes.bury(cluster.id, number, now);
    },
    /** Its machine is taken down, and another is admitted in its place. */
    isReplaced: async (number: number, attempt: number): Promise<void> => {
      await store.nodes.endAttempt(cluster.id, number, { executionArn, attempt: attempt - 1 });
      await admit(number, attempt);
    },
    restore: async () => (await store.clusters.get(cluster.id))?.restore,
  };
}

describe('the control plane that is to restore', () => {
  it('waits for the machine of the last survivor, claims, and is told the same until it serves', async () => {
    const at = await restoring();
    expect((await at.sync(7)).instruction).toEqual({
      id: 'wait-7-1',
      kind: 'wait',
      reason: 'the machine of control plane 2 to be gone',
    });
    expect((await at.sync(2, { phase: 'ready' })).instruction.kind).toBe('run');
    expect(await at.restore()).toEqual(asked);

    await at.goes(2);
    const restore = { id: 'restore-7-1', kind: 'restore' };
    expect((await at.sync(7)).instruction).toEqual(restore);
    expect((await at.sync(7, { phase: 'joining' })).instruction).toEqual(restore);
    expect(await at.restore()).toEqual({ ...asked, attempt: 1 });
    // A survivor that was only cut off is nobody any more.
    await expect(at.sync(2, { phase: 'ready' })).rejects.toMatchObject({ status: 401 });
  });

  it('says once that the cluster is restored, when its joining is recorded', async () => {
    const at = await restoring();
    await at.goes(2);
    await at.sync(7);
    bus.clear();
    expect((await at.sync(7, { phase: 'joined' })).instruction.kind).toBe('run');
    await at.sync(7, { phase: 'joined' });
    expect(bus.said).toEqual([
      {
        event: 'ClusterRestored',
        detail: { clusterId: at.id, number: 7, snapshot: asked.snapshot },
      },
      { event: 'NodeJoined', detail: { clusterId: at.id, number: 7, attempt: 1 } },
    ]);
    expect(await at.restore()).toEqual({ ...asked, attempt: 1, restoredAt: now });
  });

  it('that fails is taken at its word, and its next machine begins anew', async () => {
    const at = await restoring();
    await at.goes(2);
    await at.sync(7);
    const failure = { reason: 'kubeadm restore failed with exit code 1', log: 'Error: expected sha256' };
    expect((await at.sync(7, { phase: 'failed', failure })).instruction.reason).toBe(
      'the machine to be replaced',
    );
    expect((await tests.store.nodes.get(at.id, 7))?.failure).toEqual(failure);
    await at.isReplaced(7, 2);
    expect((await at.sync(7, {}, 2)).instruction.id).toBe('restore-7-2');
    expect(await at.restore()).toEqual({ ...asked, attempt: 2 });
    // The machine before it, should its words come late, is nobody.
    await expect(at.sync(7, { phase: 'joined' }, 1)).rejects.toMatchObject({ status: 401 });
    expect((await at.restore())?.restoredAt).toBeUndefined();
  });

  it('that was given up before it came through has restored nothing', async () => {
    const at = await restoring();
    await at.goes(2);
    await at.sync(7);
    await tests.store.nodes.recordFailure(at.id, 7, { attempt: 1, failure: { reason: 'took too long' } });
    await at.sync(7, { phase: 'joined' });
    expect((await at.restore())?.restoredAt).toBeUndefined();
  });
});

it('cut anywhere and called again, it comes to the same: claimed, and restored', async () => {
  for (const phase of ['booting', 'joined'] as const) {
    const calls = await atEveryCrashPoint(async (points) => {
      const at = await restoring(points);
      await at.goes(2);
      if (phase === 'joined') await at.sync(7);
      return {
        run: () => at.sync(7, { phase }),
        check: async () => {
          expect(await at.restore()).toEqual({
            ...asked,
            attempt: 1,
            ...(phase === 'joined' && { restoredAt: now }),
          });
        },
      };
    });
    expect(calls).toBeGreaterThan(5);
  }
});
