import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plusSeconds } from '../../shared/domain/ids.ts';
import type { SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import type { Upgrade } from '../../shared/domain/upgrade.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster, exampleTime as now } from '../../test/builders/cluster.ts';
import { atEveryCrashPoint } from '../../test/builders/crash.ts';
import { aNode } from '../../test/builders/node.ts';
import { recordingBus, silentLog } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { answerSync } from './answer.ts';

let tests: TestStore;
beforeAll(async () => {
  tests = await startTestStore();
});
afterAll(() => tests.close());

const secretOf = (number: number): string => String(number).repeat(64);
const asked: Upgrade = {
  id: 'asked',
  revision: 3,
  from: '1.36',
  to: '1.37',
  requestedAt: plusSeconds(now, -600),
  requestedBy: 'ada',
  tries: 1,
  step: { number: 2, attempt: 1, since: plusSeconds(now, -60) },
};
const instruction = 'upgrade-2-1-1.37-1';
const result = (ok: boolean, output?: string, instructionId = instruction): Partial<SyncRequest> => ({
  result: { instructionId, ok, ...(output !== undefined && { output }) },
});

/** Two control planes that serve and a worker; the second's turn is now. */
async function rising(wrap: (store: Store) => Store = (store) => store, given: Partial<Upgrade> = {}) {
  const cluster = aCluster({
    initialisedAt: plusSeconds(now, -3600),
    readyAt: plusSeconds(now, -3600),
    status: 'ready',
    upgrade: { ...asked, ...given },
  });
  const { store } = tests;
  const bus = recordingBus('overcast.answer-node-sync');
  await store.clusters.create(cluster);
  for (const number of [1, 2, 4])
    await store.nodes.materialise(
      aNode({
        clusterId: cluster.id,
        number,
        role: number === 4 ? 'worker' : 'control-plane',
        attempt: 1,
        phase: 'ready',
        joinedAt: now,
        readyAt: now,
        kubernetesVersion: '1.36',
        sessionHash: createHash('sha256').update(secretOf(number)).digest('hex'),
      }),
    );
  const sync = (number: number, body: Partial<SyncRequest> = {}): Promise<SyncReply> =>
    answerSync({ store: wrap(store), bus, clock: { now: () => now }, log: silentLog })({
      clusterId: cluster.id,
      number,
      bearer: secretOf(number),
      body: {
        phase: 'ready',
        addresses: { public: `203.0.113.${number}`, private: `10.10.0.${number}` },
        wireguardPublicKey: Buffer.alloc(32, number).toString('base64'),
        meshVersion: 3,
        ...body,
      },
    });
  return {
    id: cluster.id,
    bus,
    sync,
    told: async (number: number, body?: Partial<SyncRequest>) => (await sync(number, body)).instruction.id,
    upgrade: async () => (await store.clusters.get(cluster.id))?.upgrade,
    version: async (number: number) => (await store.nodes.get(cluster.id, number))?.kubernetesVersion,
  };
}

describe('a control plane’s upgrade', () => {
  it('is told to the one whose turn it is, as often as it asks, and to nobody else', async () => {
    const { sync, told } = await rising();
    for (let times = 1; times <= 2; times += 1)
      expect((await sync(2)).instruction).toEqual({ id: instruction, kind: 'upgrade', reason: '1.37' });
    expect([await told(1), await told(4)]).toEqual(['run-1-1', 'run-4-1']);
  });

  it('is told to it also while the upgrade is paused, since it had begun', async () => {
    const { told } = await rising(undefined, { pausedAt: now });
    expect(await told(2)).toBe(instruction);
  });

  it('is recorded once it is done, and said once; the same result again changes nothing', async () => {
    const { id, bus, told, upgrade, version } = await rising();
    expect(await told(2, result(true))).toBe('run-2-1');
    const { step: _, ...stepless } = asked;
    expect(await upgrade()).toEqual({ ...stepless, revision: 4, steppedAt: now });
    expect([await version(1), await version(2)]).toEqual(['1.36', '1.37']);
    expect(await told(2, result(true))).toBe('run-2-1');
    expect((await upgrade())?.revision).toBe(4);
    expect(bus.said).toEqual([{ event: 'NodeUpgraded', detail: { clusterId: id, number: 2, to: '1.37' } }]);
  });

  it('stops the roll-out when it failed, with the end of what was printed and without the secrets in it', async () => {
    const { bus, told, upgrade, version } = await rising();
    const output = `token: ${'ab'.repeat(32)}\n${'.'.repeat(400)}\n[upgrade] FATAL: no space left on device\n`;
    expect(await told(2, result(false, output))).toBe('run-2-1');
    const { stopped, step, tries } = (await upgrade()) ?? {};
    expect(stopped).toMatchObject({ at: now, number: 2 });
    expect(stopped?.reason).toMatch(/FATAL: no space left on device$/);
    expect(stopped?.reason.length).toBeLessThanOrEqual(300);
    expect([step, tries, await version(2)]).toEqual([undefined, 1, '1.36']);
    expect(bus.said).toEqual([]);
  });

  it.each<[string, number, Partial<SyncRequest>]>([
    ['of an earlier try', 2, result(true, undefined, 'upgrade-2-1-1.37-0')],
    ['of an earlier machine', 2, result(true, undefined, 'upgrade-2-0-1.37-1')],
    ['that another one claims', 1, result(true)],
  ])('is not done by a result %s', async (_title, number, body) => {
    const { sync, upgrade, version } = await rising();
    await sync(number, body);
    expect(await upgrade()).toEqual(asked);
    expect(await version(2)).toBe('1.36');
  });

  it('comes to the same wherever the call is cut, when the agent says it again', async () => {
    await atEveryCrashPoint(async (points) => {
      const { sync, told, upgrade, version } = await rising((store) => points.wrap(store));
      return {
        run: () => sync(2, result(true)),
        check: async () => {
          points.disarm();
          expect(await version(2)).toBe('1.37');
          expect(await upgrade()).toMatchObject({ revision: 4, steppedAt: now });
          expect((await upgrade())?.step).toBeUndefined();
          expect(await told(2)).toBe('run-2-1');
        },
      };
    });
  });
});
