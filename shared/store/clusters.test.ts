import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aCluster, anExecution, exampleTime } from '../../test/builders/cluster.ts';
import { anOffering } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { Cluster, Holder, Plan } from '../domain/cluster.ts';
import { plusSeconds } from '../domain/ids.ts';
import type { Operation } from '../domain/operation.ts';
import { clusterStore } from './clusters.ts';
import { InvalidCursor, shardCount, shardOf } from './index.ts';
import type { Key } from './keys.ts';
import type { Table } from './table.ts';

let test: TestStore;
beforeAll(async () => {
  test = await startTestStore();
});
afterAll(async () => test.close());

const racers = 30;
const later = plusSeconds(exampleTime, 60);

const operation = (name?: string, kind: Operation['kind'] = 'ProvisionCluster'): Operation => ({
  executionArn: anExecution(name),
  kind,
  startedAt: exampleTime,
});

/** Stores a cluster and gives it back. */
const stored = async (given: Partial<Cluster> = {}): Promise<Cluster> => {
  const cluster = aCluster(given);
  expect(await test.store.clusters.create(cluster)).toBe(true);
  return cluster;
};
const read = async ({ id }: Cluster): Promise<Cluster> => {
  const cluster = await test.store.clusters.get(id);
  if (cluster === undefined) throw new Error('the cluster is not there');
  return cluster;
};
const race = async <T>(write: (racer: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: racers }, async (_, racer) => write(racer)));
const won = (results: readonly unknown[]): number =>
  results.filter((result) => result !== false && result !== undefined).length;

const plan = (id: string): Plan => ({
  id,
  reason: 'asked for',
  nodes: [{ id: `${id}-1`, number: 1, role: 'worker', shape: 'medium', offering: anOffering() }],
});

it('lists a cluster once whose due time moved between two pages of the index', async () => {
  const item = { id: randomUUID(), createdAt: exampleTime, status: 'ready' };
  const table = {
    query: async (_: unknown, { index }: { index: string }) => (index === 'due' ? [item, item] : []),
    getMany: async (keys: readonly Key[]) => {
      if (new Set(keys.map(({ pk }) => pk)).size < keys.length) throw new Error('ValidationException');
      return keys.map(() => item);
    },
  } as unknown as Table;
  expect((await clusterStore(table).list({ limit: 10 })).items).toHaveLength(1);
});

describe('create', () => {
  it('gives back what was stored, and nothing of the table', async () => {
    const cluster = await stored();
    expect(await read(cluster)).toEqual(cluster);
  });

  it('is won by one of many', async () => {
    const cluster = aCluster();
    expect(won(await race(async () => test.store.clusters.create(cluster)))).toBe(1);
  });
});

describe('plan', () => {
  it('is won by one of many who read the same generation', async () => {
    const cluster = await stored();
    const results = await race(async (racer) =>
      test.store.clusters.plan(cluster.id, {
        plan: plan(`plan-${racer}`),
        generationRead: 1,
        nextNumber: 2,
        now: later,
      }),
    );
    expect(won(results)).toBe(1);
    expect(await read(cluster)).toMatchObject({
      generation: 2,
      nextNumber: 2,
      dueAt: later,
      pendingPlan: { id: `plan-${results.indexOf(true)}` },
    });
  });

  it.each([
    ['another generation', { generation: 2 }],
    ['a plan that is pending', { pendingPlan: plan('earlier') }],
    ['a cluster that is to go', { desired: 'absent' as const }],
  ])('is refused by %s', async (_, given) => {
    const { id } = await stored(given);
    expect(
      await test.store.clusters.plan(id, {
        plan: plan('later'),
        generationRead: 1,
        nextNumber: 2,
        now: later,
      }),
    ).toBe(false);
  });

  it.each([
    [undefined, undefined, true],
    [undefined, 0, true],
    [undefined, 1, false],
    [1, 1, true],
    [1, 0, false],
    [2, 1, false],
    [2, undefined, true],
  ])(
    'of policies at version %s made by those of %s is written: %s',
    async (policiesVersion, read, isWritten) => {
      const { id } = await stored(policiesVersion === undefined ? {} : { policiesVersion });
      expect(
        await test.store.clusters.plan(id, {
          plan: plan('by policies'),
          generationRead: 1,
          ...(read !== undefined && { policiesVersionRead: read }),
          nextNumber: 2,
          now: later,
        }),
      ).toBe(isWritten);
    },
  );

  it('is cleared by its own id alone, once', async () => {
    const cluster = await stored({ pendingPlan: plan('this') });
    expect(await test.store.clusters.clearPlan(cluster.id, 'other')).toBe(false);
    expect(won(await race(async () => test.store.clusters.clearPlan(cluster.id, 'this')))).toBe(1);
    expect((await read(cluster)).pendingPlan).toBeUndefined();
  });
});

describe('a change of ingress', () => {
  const change = (id: string, generationRead: number, loadBalancers = true) =>
    test.store.clusters.changeIngress(id, { ingress: { loadBalancers }, generationRead, now: later });

  it('is a new generation, once, and due at once', async () => {
    const cluster = await stored();
    expect(won(await race(async () => change(cluster.id, 1)))).toBe(1);
    expect(await read(cluster)).toMatchObject({
      ingress: { loadBalancers: true },
      generation: 2,
      dueAt: later,
    });
    expect(await change(cluster.id, 1, false)).toBe(false);
    expect(await change(cluster.id, 2, false)).toBe(true);
  });

  it.each<[string, Partial<Cluster>]>([
    ['of a cluster that goes', { desired: 'absent' }],
    ['once its deletion was asked for', { deletionRequestedAt: later }],
  ])('is refused %s', async (_what, given) => {
    const cluster = await stored(given);
    expect(await change(cluster.id, 1)).toBe(false);
  });
});

describe('a change of policies', () => {
  const change = async (id: string, versionRead: number, maxVcpus = 8, generationRead = 1) =>
    test.store.clusters.changePolicies(id, {
      policies: { clusterLimits: { maxVcpus } },
      versionRead,
      generationRead,
      now: later,
    });

  it('is won by one of many who read the same version, and the next reads anew', async () => {
    const cluster = await stored();
    const results = await race(async (racer) => change(cluster.id, 0, racer + 1));
    expect(won(results)).toBe(1);
    expect(await read(cluster)).toMatchObject({
      policies: { clusterLimits: { maxVcpus: results.indexOf(true) + 1 } },
      policiesVersion: 1,
      generation: 1,
      dueAt: later,
    });
    expect(await change(cluster.id, 0)).toBe(false);
    expect(await change(cluster.id, 1)).toBe(true);
  });

  it.each<[string, Partial<Cluster>]>([
    ['another version', { policiesVersion: 3 }],
    ['a plan that was written meanwhile', { generation: 2 }],
    ['a cluster that is to go', { desired: 'absent' }],
    ['a deletion that was asked for', { deletionRequestedAt: later }],
  ])('is refused by %s', async (_, given) => {
    const cluster = await stored(given);
    expect(await change(cluster.id, 0)).toBe(false);
    expect((await read(cluster)).policies).toEqual({});
  });

  it('makes no cluster', async () => {
    expect(await change(aCluster().id, 0)).toBe(false);
  });
});

describe('the removal of a control plane', () => {
  it('is leased by one of many for a minute, who may repeat it', async () => {
    const { id } = await stored();
    const lease = async (number: number, now = later) =>
      test.store.clusters.leaseRemoval(id, { number, now });
    const results = await race(async (racer) => lease(racer + 1));
    expect(won(results)).toBe(1);
    const winner = results.indexOf(true) + 1;
    expect([await lease(winner), await lease(winner + 1)]).toEqual([true, false]);
    expect(await lease(winner + 1, plusSeconds(later, 59))).toBe(false);
    expect(await lease(winner + 1, plusSeconds(later, 60))).toBe(true);
    expect(await lease(winner, plusSeconds(later, 61))).toBe(false);
  });

  it('is leased of no cluster that is to go, or that is not there', async () => {
    const { id } = await stored({ desired: 'absent' });
    for (const each of [id, aCluster().id])
      expect(await test.store.clusters.leaseRemoval(each, { number: 1, now: later })).toBe(false);
  });
});

describe('claim', () => {
  it('is won by one of many, who may repeat it', async () => {
    const cluster = await stored();
    const operations = Array.from({ length: racers }, () => operation());
    const results = await Promise.all(
      operations.map(async (mine) => test.store.clusters.claim(cluster.id, mine)),
    );
    expect(won(results)).toBe(1);
    const winner = operations[results.findIndex((result) => result !== undefined)]!;
    expect(await test.store.clusters.claim(cluster.id, winner)).toMatchObject({ operation: winner });
  });

  it('takes over from an owner that is proven dead, and from no other', async () => {
    const dead = operation('dead');
    const cluster = await stored({ operation: dead, waitToken: 'nobody waits on it any more' });
    expect(
      await test.store.clusters.claim(cluster.id, operation(), anExecution('someone else')),
    ).toBeUndefined();
    const results = await race(async () =>
      test.store.clusters.claim(cluster.id, operation(), dead.executionArn),
    );
    expect(won(results)).toBe(1);
    expect((await read(cluster)).waitToken).toBeUndefined();
  });

  it('is refused by a cluster that is to go', async () => {
    const { id } = await stored({ desired: 'absent' });
    expect(await test.store.clusters.claim(id, operation())).toBeUndefined();
  });
});

describe('the steps of a run', () => {
  it('are the owner’s alone', async () => {
    const { executionArn: owner } = operation('owner');
    const stranger = anExecution('stranger');
    const cluster = await stored({ operation: operation('owner') });
    const { clusters } = test.store;
    expect(await clusters.setWaitToken(cluster.id, stranger, 'token')).toBeUndefined();
    expect(await clusters.finishProvisioning(cluster.id, stranger, 1)).toBe(false);
    expect(await clusters.release(cluster.id, stranger, later)).toBe(false);
    expect(await clusters.setWaitToken(cluster.id, owner, 'token')).toMatchObject({ waitToken: 'token' });
    expect(await clusters.finishProvisioning(cluster.id, owner, 1)).toBe(true);
    expect(await clusters.release(cluster.id, owner, later)).toBe(true);
    const after = await read(cluster);
    expect(after).toMatchObject({ provisionedGeneration: 1, dueAt: later });
    expect(after.operation).toBeUndefined();
    expect(after.waitToken).toBeUndefined();
  });

  it('do not finish a generation that has moved on', async () => {
    const { executionArn } = operation('owner');
    const { id } = await stored({ operation: operation('owner'), generation: 2 });
    expect(await test.store.clusters.finishProvisioning(id, executionArn, 1)).toBe(false);
    expect(await test.store.clusters.finishProvisioning(id, executionArn, 2)).toBe(true);
  });
});

describe('status', () => {
  it('changes from what was read, by one of many', async () => {
    const cluster = await stored();
    const change = { from: 'creating', to: 'ready', now: later } as const;
    expect(won(await race(async () => test.store.clusters.changeStatus(cluster.id, change)))).toBe(1);
    expect(await read(cluster)).toMatchObject({ status: 'ready', readyAt: later });
  });

  it('keeps the first time it was ready, and its reason only as long as there is one', async () => {
    const cluster = await stored({ status: 'ready', readyAt: exampleTime });
    const { clusters } = test.store;
    await clusters.changeStatus(cluster.id, { from: 'ready', to: 'degraded', reason: 'node 2', now: later });
    expect(await read(cluster)).toMatchObject({ status: 'degraded', statusReason: 'node 2' });
    await clusters.changeStatus(cluster.id, { from: 'degraded', to: 'ready', now: later });
    expect(await read(cluster)).toMatchObject({ status: 'ready', readyAt: exampleTime });
    expect((await read(cluster)).statusReason).toBeUndefined();
  });
});

describe('deletion', () => {
  it('is requested once', async () => {
    const cluster = await stored();
    const results = await race(async () =>
      test.store.clusters.requestDeletion(cluster.id, { by: 'me', now: later }),
    );
    expect(won(results)).toBe(1);
    expect(await read(cluster)).toMatchObject({
      deletionRequestedAt: later,
      deletionRequestedBy: 'me',
      dueAt: later,
    });
    expect(await test.store.clusters.requestDeletion('not-there', { by: 'me', now: later })).toBe(false);
  });

  it('is fenced only when it was requested, and takes the operation over', async () => {
    const asked = await stored({
      deletionRequestedAt: exampleTime,
      operation: operation('provisioning'),
      pendingPlan: plan('too late'),
    });
    const notAsked = await stored();
    const mine = operation('cleaning', 'CleanupCluster');
    expect(await test.store.clusters.fence(notAsked.id, mine)).toBeUndefined();
    expect(await test.store.clusters.fence(asked.id, mine)).toMatchObject({
      desired: 'present',
      operation: operation('provisioning'),
    });
    expect(await read(asked)).toMatchObject({ desired: 'absent', status: 'deleting', operation: mine });
    expect((await read(asked)).pendingPlan).toBeUndefined();
  });

  const refusal = { reason: 'a stranger', at: exampleTime };

  it('is refused while nothing was fenced, also under a run that provisions', async () => {
    const cluster = await stored({ deletionRequestedAt: exampleTime, operation: operation() });
    const me = anExecution('cleaning');
    expect(await test.store.clusters.refuseDeletion(cluster.id, me, refusal)).toBe(true);
    expect(await read(cluster)).toMatchObject({ deletionRefused: refusal, desired: 'present' });
    expect((await read(cluster)).deletionRequestedAt).toBeUndefined();
    expect(await test.store.clusters.refuseDeletion(cluster.id, me, refusal)).toBe(false);
    await test.store.clusters.requestDeletion(cluster.id, { by: 'somebody', now: exampleTime });
    expect((await read(cluster)).deletionRefused).toBeUndefined();
  });

  it.each<[string, Partial<Cluster>]>([
    ['what is going already', { desired: 'absent' }],
    ['what another clean-up owns', { operation: operation('another', 'CleanupCluster') }],
  ])('is not refused for %s', async (_, given) => {
    const { id } = await stored({ deletionRequestedAt: exampleTime, ...given });
    expect(await test.store.clusters.refuseDeletion(id, anExecution('cleaning'), refusal)).toBe(false);
  });

  it('is either refused or fenced, never both', async () => {
    for (let round = 0; round < racers; round += 1) {
      const cluster = await stored({ deletionRequestedAt: exampleTime });
      const [refused, fenced] = await Promise.all([
        test.store.clusters.refuseDeletion(cluster.id, anExecution('one'), refusal),
        test.store.clusters.fence(cluster.id, operation('other', 'CleanupCluster')),
      ]);
      expect(refused).toBe(fenced === undefined);
    }
  });

  it('ends with a tombstone that is no longer due', async () => {
    const mine = operation('cleaning', 'CleanupCluster');
    const cluster = await stored({
      deletionRequestedAt: exampleTime,
      desired: 'absent',
      status: 'deleting',
      operation: mine,
    });
    const living = await stored({ operation: mine });
    expect(await test.store.clusters.bury(cluster.id, anExecution('other'), later)).toBe(false);
    expect(await test.store.clusters.bury(living.id, mine.executionArn, later)).toBe(false);
    expect(await test.store.clusters.bury(cluster.id, mine.executionArn, later)).toBe(true);
    const after = await read(cluster);
    expect(after).toMatchObject({ status: 'deleted', deletedAt: later });
    expect(after.operation).toBeUndefined();
    expect(await test.store.clusters.makeDue(cluster.id, later)).toBe(false);
    expect(await test.store.clusters.fence(cluster.id, mine)).toBeUndefined();
    const due = await test.store.clusters.due(shardOf(cluster.id), '9999', 1000);
    expect(due.map(({ id }) => id)).not.toContain(cluster.id);
  });
});

describe('losses', () => {
  it('are accepted by people once, and due at once, unless the cluster is to go', async () => {
    const [cluster, going, gone] = [
      await stored({ dueAt: '9999' }),
      await stored({ deletionRequestedAt: exampleTime }),
      await stored({ desired: 'absent' }),
    ];
    const accept = async ({ id }: Cluster) => test.store.clusters.acceptLosses(id, later);
    expect([await accept(cluster), await accept(going), await accept(gone)]).toEqual([true, false, false]);
    expect(await read(cluster)).toMatchObject({ lossesAcceptedAt: later, dueAt: later });
    expect(await test.store.clusters.acceptLosses('not-there', later)).toBe(false);
  });
});

/** The first machine of a node. */
const first = (number: number): Holder => ({ number, attempt: 1 });

describe('init', () => {
  it('is claimed by one control plane, who may repeat it', async () => {
    const cluster = await stored();
    const results = await race(async (racer) => test.store.clusters.claimInit(cluster.id, first(racer + 1)));
    expect(won(results)).toBe(1);
    const number = results.indexOf(true) + 1;
    expect((await read(cluster)).initNode).toBe(number);
    expect(await test.store.clusters.claimInit(cluster.id, first(number))).toBe(true);
  });

  it('moves only from a claimant observed gone, and to one', async () => {
    const cluster = await stored({ initNode: 1, initAttempt: 1 });
    expect(await test.store.clusters.claimInit(cluster.id, first(2), first(3))).toBe(false);
    const results = await race(async (racer) =>
      test.store.clusters.claimInit(cluster.id, first(racer + 2), first(1)),
    );
    expect(won(results)).toBe(1);
  });

  it('goes to the claimant’s next machine or to another node, never to both', async () => {
    const { id } = await stored({ initNode: 1, initAttempt: 1 });
    const next: Holder = { number: 1, attempt: 2 };
    expect(await test.store.clusters.claimInit(id, next)).toBe(false);
    const results = await Promise.all([
      test.store.clusters.claimInit(id, next, first(1)),
      test.store.clusters.claimInit(id, first(2), first(1)),
    ]);
    expect(won(results)).toBe(1);
    expect(await test.store.clusters.markInitialised(id, first(1), later)).toBeUndefined();
  });

  it('never moves after it happened', async () => {
    const { id } = await stored({ initNode: 1, initAttempt: 1 });
    expect(await test.store.clusters.markInitialised(id, first(2), later)).toBeUndefined();
    const results = await race(async () => test.store.clusters.markInitialised(id, first(1), later));
    expect(won(results)).toBe(1);
    expect(await test.store.clusters.claimInit(id, first(2), first(1))).toBe(false);
    expect(await test.store.clusters.claimInit(id, first(1))).toBe(false);
  });

  it('is claimed in no cluster that is not there', async () => {
    expect(await test.store.clusters.claimInit('not-there', first(1))).toBe(false);
    expect(await test.store.clusters.leaseJoin('not-there', first(1))).toBe(false);
  });
});

describe('the join lease', () => {
  it('is one control plane’s at a time', async () => {
    const { id } = await stored();
    const results = await race(async (racer) => test.store.clusters.leaseJoin(id, first(racer + 1)));
    expect(won(results)).toBe(1);
    const holder = results.indexOf(true) + 1;
    expect(await test.store.clusters.leaseJoin(id, first(holder))).toBe(true);
    expect(await test.store.clusters.releaseJoin(id, holder + 1)).toBe(false);
    expect(await test.store.clusters.leaseJoin(id, first(99), first(holder))).toBe(true);
    expect(await test.store.clusters.releaseJoin(id, 99)).toBe(true);
    expect(await test.store.clusters.leaseJoin(id, first(5))).toBe(true);
  });

  it('is not given back by a late call of a machine that is replaced', async () => {
    const { id } = await stored({ joinNode: 2, joinAttempt: 2 });
    expect(await test.store.clusters.releaseJoin(id, 2, 1)).toBe(false);
    expect(await test.store.clusters.releaseJoin(id, 2, 2)).toBe(true);
    const after = await test.store.clusters.get(id);
    expect([after?.joinNode, after?.joinAttempt]).toEqual([undefined, undefined]);
  });
});

describe('the wait for the first control plane', () => {
  it('loses no answer: whichever of token and initialised comes second sees both', async () => {
    const rounds = 200;
    const batch = 20;
    for (let done = 0; done < rounds; done += batch) {
      await Promise.all(
        Array.from({ length: batch }, async () => {
          const owner = operation();
          const { id } = await stored({ operation: owner, initNode: 1, initAttempt: 1 });
          const [waiting, initialised] = await Promise.all([
            test.store.clusters.setWaitToken(id, owner.executionArn, 'token'),
            test.store.clusters.markInitialised(id, first(1), later),
          ]);
          const answeredByWaiter = waiting?.initialisedAt !== undefined;
          const answeredByMarker = initialised?.waitToken !== undefined;
          expect([answeredByWaiter, answeredByMarker].filter(Boolean)).toHaveLength(1);
        }),
      );
    }
  });
});

describe('the due list', () => {
  it('holds what is due in its shard, and moves on only from what was seen', async () => {
    const cluster = await stored({ dueAt: exampleTime });
    const shard = shardOf(cluster.id);
    const ids = async (now: string) => (await test.store.clusters.due(shard, now, 1000)).map(({ id }) => id);
    expect(await ids(plusSeconds(exampleTime, -1))).not.toContain(cluster.id);
    expect(await ids(exampleTime)).toContain(cluster.id);
    const results = await race(async (racer) =>
      test.store.clusters.advanceDue(cluster.id, exampleTime, plusSeconds(exampleTime, 60 + racer)),
    );
    expect(won(results)).toBe(1);
    expect(await ids(exampleTime)).not.toContain(cluster.id);
    expect(await test.store.clusters.makeDue('not-there', exampleTime)).toBe(false);
    expect(await test.store.clusters.makeDue(cluster.id, exampleTime)).toBe(true);
    expect(await ids(exampleTime)).toContain(cluster.id);
  });
});

const say = (fingerprint: string, now = exampleTime) => ({
  fingerprint,
  notBefore: plusSeconds(now, 60),
  attempts: 1,
  now,
});

describe('drift', () => {
  it('is said once, again when it changed, and again when its backoff is over', async () => {
    const { id } = await stored();
    const { clusters } = test.store;
    expect(won(await race(async () => clusters.sayDrift(id, say('a'))))).toBe(1);
    expect(await clusters.sayDrift(id, say('a', plusSeconds(exampleTime, 59)))).toBe(false);
    expect(won(await race(async () => clusters.sayDrift(id, say('b'))))).toBe(1);
    expect(await clusters.sayDrift(id, say('b', plusSeconds(exampleTime, 60)))).toBe(true);
    expect(await clusters.sayDrift('not-there', say('a'))).toBe(false);
  });
});

describe('pods that fit nowhere', () => {
  it('are counted by one of those that saw the same number before', async () => {
    const { id } = await stored();
    const note = async (seen: number, count: number) =>
      test.store.clusters.noteUnschedulable(id, { seen, count });
    expect(won(await race(async () => note(0, 3)))).toBe(1);
    expect(await note(0, 5)).toBe(false);
    expect(await note(3, 0)).toBe(true);
    expect(await note(0, 1)).toBe(true);
    expect(await test.store.clusters.noteUnschedulable('not-there', { seen: 0, count: 1 })).toBe(false);
  });
});

describe('the list of all clusters', () => {
  it('pages by creation through all shards, each cluster once, while due times move', async () => {
    const own = await startTestStore();
    const created = Array.from({ length: 45 }, (_, index) =>
      aCluster({ name: `c${index}`, createdAt: plusSeconds(exampleTime, index % 40) }),
    );
    await Promise.all(created.map(async (cluster) => own.store.clusters.create(cluster)));
    const names: string[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 10; page += 1) {
      const { items, ...rest } = await own.store.clusters.list({ limit: 10, ...(cursor && { cursor }) });
      names.push(...items.map(({ name }) => name));
      await Promise.all(items.map(async ({ id }) => own.store.clusters.makeDue(id, later)));
      cursor = rest.cursor;
      if (cursor === undefined) break;
    }
    const expected = created
      .toSorted((a, b) => (`${a.createdAt} ${a.id}` < `${b.createdAt} ${b.id}` ? -1 : 1))
      .map(({ name }) => name);
    expect(names).toEqual(expected);
    expect(new Set(created.map(({ id }) => shardOf(id))).size).toBeGreaterThan(shardCount / 2);
    await own.close();
  });

  it.each(['nonsense', Buffer.from('{}').toString('base64url'), Buffer.from('[1,2]').toString('base64url')])(
    'refuses the cursor %s',
    async (cursor) => {
      await expect(test.store.clusters.list({ limit: 1, cursor })).rejects.toThrow(InvalidCursor);
    },
  );
});

describe('where clusters live', () => {
  it('is each place once, with each account that has a cluster there, and nowhere once they are gone', async () => {
    const own = await startTestStore();
    const on = (...clouds: [CloudName, string][]) =>
      clouds.map(([cloud, accountId]) => ({ cloud, accountId }));
    const mine = { executionArn: anExecution(), kind: 'CleanupCluster', startedAt: exampleTime } as const;
    const gone = aCluster({
      region: 'eu-west',
      clouds: on(['gcp', 'main']),
      deletionRequestedAt: exampleTime,
    });
    for (const cluster of [
      aCluster({ clouds: on(['aws', 'main'], ['gcp', 'main']) }),
      aCluster({ clouds: on(['aws', 'main']) }),
      aCluster({ clouds: on(['aws', 'second']) }),
      aCluster({ region: 'ca-central', clouds: on(['aws', 'main']) }),
      gone,
    ])
      await own.store.clusters.create(cluster);
    const places = async () =>
      (await own.store.clusters.places())
        .map(({ region, cloud, accountId }) => `${region} ${cloud} ${accountId}`)
        .toSorted();
    const living = ['ca-central aws main', 'us-east aws main', 'us-east aws second', 'us-east gcp main'];
    expect(await places()).toEqual([living[0], 'eu-west gcp main', ...living.slice(1)]);
    await own.store.clusters.fence(gone.id, mine);
    await own.store.clusters.bury(gone.id, mine.executionArn, later);
    expect(await places()).toEqual(living);
    await own.close();
  });
});

describe('forgetting a control plane', () => {
  const of = (number: number, attempt = 1): Holder => ({ number, attempt });
  const forgetting = (number: number, tries = 0) => ({ number, attempt: 1, tries, since: later });

  it('is asked for one at a time, and again without effect', async () => {
    const cluster = await stored();
    const { clusters } = test.store;
    expect(won(await race(async (racer) => clusters.askToForget(cluster.id, of(racer + 1), later)))).toBe(1);
    const asked = (await read(cluster)).forgetting;
    expect(asked).toEqual({ ...of(asked?.number ?? 0), tries: 0, since: later });
    expect(await clusters.askToForget(cluster.id, of(asked?.number ?? 0), plusSeconds(later, 60))).toBe(true);
    expect((await read(cluster)).forgetting).toEqual(asked);
    expect(await clusters.doneForgetting(cluster.id, of(99))).toBe(false);
    expect(await clusters.doneForgetting(cluster.id, of(asked?.number ?? 0, 2))).toBe(false);
    expect(await clusters.doneForgetting(cluster.id, of(asked?.number ?? 0))).toBe(true);
    expect((await read(cluster)).forgetting).toBeUndefined();
    expect(await clusters.askToForget(cluster.id, of(99), later)).toBe(true);
  });

  it('is tried again by one of many who failed at the same try', async () => {
    const cluster = await stored({ forgetting: forgetting(3) });
    const tryAgain = async () => test.store.clusters.tryForgettingAgain(cluster.id, forgetting(3));
    expect(won(await race(tryAgain))).toBe(1);
    expect((await read(cluster)).forgetting).toEqual(forgetting(3, 1));
    expect(await test.store.clusters.tryForgettingAgain(cluster.id, forgetting(2, 1))).toBe(false);
  });

  it('is nobody’s of a cluster that is not there', async () => {
    expect(await test.store.clusters.askToForget('not-there', of(1), later)).toBe(false);
  });
});

it('reads many at once, and leaves out those that are not there', async () => {
  const [one, two] = [await stored(), await stored()];
  expect(await test.store.clusters.getMany([one.id, 'not-there', two.id])).toEqual([one, two]);
  expect(await test.store.clusters.getMany([])).toEqual([]);
});
