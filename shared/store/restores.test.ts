import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { anOffering } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { Cluster, Plan, Restore } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';

let test: TestStore;
beforeAll(async () => {
  test = await startTestStore();
});
afterAll(async () => test.close());

const later = plusSeconds(exampleTime, 60);
const asked = (given: Partial<Restore> = {}): Restore => ({
  id: 'asked',
  snapshot: '20261123T034500Z',
  requestedAt: exampleTime,
  requestedBy: 'ada',
  number: 7,
  ...given,
});
const plan = (id: string): Plan => ({
  id,
  reason: 'asked for',
  nodes: [{ id: `${id}-7`, number: 7, role: 'control-plane', offering: anOffering() }],
});
const stored = async (given: Partial<Cluster> = {}): Promise<Cluster> => {
  const cluster = aCluster({ status: 'failed', statusReason: 'quorum lost', ...given });
  expect(await test.store.clusters.create(cluster)).toBe(true);
  return cluster;
};
const read = async ({ id }: Cluster): Promise<Cluster> => {
  const cluster = await test.store.clusters.get(id);
  if (cluster === undefined) throw new Error('the cluster is not there');
  return cluster;
};
const request = ({ id }: Cluster, restore = asked()) =>
  test.store.clusters.requestRestore(id, {
    restore,
    plan: plan(restore.id),
    generationRead: 1,
    nextNumber: 8,
    now: later,
  });
const wonBy = async (write: (racer: number) => Promise<boolean>): Promise<number> =>
  (await Promise.all(Array.from({ length: 20 }, async (_, racer) => write(racer)))).filter(Boolean).length;

describe('a restore that is asked for', () => {
  it('is one write with its plan, won by one of many, and lets go of what the old etcd was to do', async () => {
    const lease = { number: 1, attempt: 1, since: exampleTime };
    const cluster = await stored({
      forgetting: { ...lease, tries: 0 },
      snapshotting: lease,
      joinNode: 3,
      joinAttempt: 1,
      initialisedAt: exampleTime,
    });
    expect(await wonBy((racer) => request(cluster, asked({ id: `restore-${racer}` })))).toBe(1);
    const { dueAt, statusReason, forgetting, snapshotting, joinNode, joinAttempt, ...after } =
      await read(cluster);
    expect([statusReason, forgetting, snapshotting, joinNode, joinAttempt]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(after).toMatchObject({
      status: 'restoring',
      generation: 2,
      nextNumber: 8,
      initialisedAt: exampleTime,
      pendingPlan: { id: after.restore?.id },
    });
    expect(dueAt).toBe(later);
  });

  it.each<[string, Partial<Cluster>]>([
    ['that has not failed', { status: 'degraded' }],
    ['that is being restored', { status: 'restoring', restore: asked() }],
    ['that is to go', { desired: 'absent' }],
    ['whose deletion is asked for', { deletionRequestedAt: exampleTime }],
    ['that has a plan', { pendingPlan: plan('another') }],
    ['that was planned for meanwhile', { generation: 2 }],
  ])('is refused for a cluster %s', async (_, given) => {
    const cluster = await stored(given);
    expect(await request(cluster)).toBe(false);
    expect((await read(cluster)).generation).toBe(given.generation ?? 1);
  });
});

describe('the claim to restore', () => {
  const underWay = { status: 'restoring', restore: asked() } as const;
  it('is taken by a machine, again by the same one, and by the next one after it, never by the one before', async () => {
    const cluster = await stored(underWay);
    const claim = (attempt: number) => test.store.clusters.claimRestore(cluster.id, asked(), attempt);
    expect(await claim(2)).toBe(true);
    expect(await claim(2)).toBe(true);
    expect(await claim(1)).toBe(false);
    expect(await claim(3)).toBe(true);
    expect((await read(cluster)).restore).toEqual(asked({ attempt: 3 }));
  });

  it.each<[string, Partial<Cluster>]>([
    ['of another restore', { ...underWay, restore: asked({ id: 'another' }) }],
    ['once it serves', { ...underWay, restore: asked({ attempt: 1, restoredAt: exampleTime }) }],
    ['once it failed', { ...underWay, restore: asked({ failure: { at: exampleTime, reason: 'no' } }) }],
    ['of a cluster that is to go', { ...underWay, desired: 'absent' }],
    ['of a cluster that nobody restores', { status: 'ready' }],
  ])('is not to be had %s', async (_, given) => {
    const cluster = await stored(given);
    expect(await test.store.clusters.claimRestore(cluster.id, asked(), 1)).toBe(false);
    expect((await read(cluster)).restore).toEqual(given.restore);
  });
});

describe('a restore', () => {
  it('serves once, by the machine that holds it', async () => {
    const cluster = await stored({ status: 'restoring', restore: asked({ attempt: 2 }) });
    const mark = (restore: Restore) => test.store.clusters.markRestored(cluster.id, restore, later);
    expect(await mark(asked({ attempt: 1 }))).toBeUndefined();
    expect(await mark(asked({ attempt: 2, id: 'another' }))).toBeUndefined();
    const results = await Promise.all(Array.from({ length: 20 }, () => mark(asked({ attempt: 2 }))));
    const [won, ...more] = results.filter((result) => result !== undefined);
    expect(more).toEqual([]);
    expect(won).toMatchObject({ restore: { restoredAt: later }, dueAt: later });
  });

  it('has its followers planned once, and keeps what else is known of it', async () => {
    const followers = [{ offering: anOffering() }];
    const restore = asked({ attempt: 1, restoredAt: exampleTime, followers });
    const cluster = await stored({ status: 'restoring', restore });
    const planFor = (followersOf: Restore, generationRead = 1) =>
      test.store.clusters.plan(cluster.id, {
        plan: plan('p'),
        generationRead,
        nextNumber: 9,
        now: later,
        followersOf,
      });
    expect(await planFor(asked({ id: 'another', followers }))).toBe(false);
    expect(await wonBy(() => planFor(restore))).toBe(1);
    await test.store.clusters.clearPlan(cluster.id, 'p');
    expect(await planFor(restore, 2)).toBe(false);
    expect(await read(cluster)).toMatchObject({
      generation: 2,
      restore: asked({ attempt: 1, restoredAt: exampleTime }),
    });
    expect((await read(cluster)).restore).not.toHaveProperty('followers');
  });

  it('ends once, in one way', async () => {
    const restored = asked({ attempt: 1, restoredAt: exampleTime });
    const well = await stored({ status: 'restoring', restore: restored });
    const end = ({ id }: Cluster, restore: Restore, failure?: string) =>
      test.store.clusters.endRestore(id, restore, { now: later, ...(failure !== undefined && { failure }) });
    // Whoever found it failed was too late.
    expect(await end(well, asked({ attempt: 1 }), 'no')).toBe(false);
    expect(await wonBy(() => end(well, restored))).toBe(1);
    expect((await read(well)).restore).toEqual({ ...restored, finishedAt: later });

    const badly = await stored({ status: 'restoring', restore: asked({ attempt: 3 }) });
    expect(await wonBy(() => end(badly, asked({ attempt: 3 }), 'no'))).toBe(1);
    expect(await end(badly, asked({ attempt: 3 }))).toBe(false);
    expect((await read(badly)).restore).toEqual(asked({ attempt: 3, failure: { at: later, reason: 'no' } }));
    expect(await end(badly, asked({ id: 'another' }), 'no')).toBe(false);
  });
});

it('the newest snapshot is remembered with the end of its lease, and not forgotten by one that fails', async () => {
  const lease = { number: 1, attempt: 1, since: exampleTime };
  const cluster = await stored({ snapshotting: lease });
  expect(await test.store.clusters.settleSnapshot(cluster.id, lease, later, '20261123T040000Z')).toBe(true);
  await test.store.clusters.leaseSnapshot(cluster.id, lease);
  expect(await test.store.clusters.settleSnapshot(cluster.id, lease, later)).toBe(true);
  expect((await read(cluster)).newestSnapshot).toBe('20261123T040000Z');
});
