import type { Cluster, Holder, Plan } from '../domain/cluster.ts';
import { plusSeconds, type ClusterId } from '../domain/ids.ts';
import { listClusters, listPlaces } from './cluster-lists.ts';
import { duePk, keys, shardOf } from './keys.ts';
import { mine, ownable, ownableValues } from './operation.ts';
import type { ClusterStore } from './store.ts';
import { entityOf, epochSeconds, type Attributes, type Change, type Condition, type Table } from './table.ts';

const tombstoneDays = 90;
/** The API answers within 20 s or not at all. */
const removalLeaseSeconds = 60;

/** This very machine is the one to be forgotten. */
const forgets = '(#forgetting.#number = :number AND #forgetting.#attempt = :attempt)';

/** It is this very snapshot that is under way. */
const snapshots =
  '(#snapshotting.#number = :number AND #snapshotting.#attempt = :attempt AND #snapshotting.#since = :since)';

/** Version 0 is that of a cluster whose policies were never changed. */
const policiesAre = (version: number): Condition =>
  version === 0
    ? { when: 'attribute_not_exists(#policiesVersion)' }
    : { when: '#policiesVersion = :policiesVersion', values: { policiesVersion: version } };

/** It is this restore, nobody serves yet what its snapshot held, and there is hope. */
const isUnderWay =
  '#restore.#id = :restore AND attribute_not_exists(#restore.#restoredAt) AND attribute_not_exists(#restore.#failure)';

/** Nothing of its control planes is in motion. */
const isQuiet = ['joinNode', 'forgetting', 'pendingPlan', 'operation', 'deletionRequestedAt']
  .map((name) => ` AND attribute_not_exists(#${name})`)
  .join('');

/** What a plan changes, whoever makes it. */
const planned = (options: {
  plan: Plan;
  generationRead: number;
  nextNumber: number;
  now: string;
}): Attributes => ({
  pendingPlan: options.plan,
  nextNumber: options.nextNumber,
  generation: options.generationRead + 1,
  dueAt: options.now,
});
const mayPlan = '#desired = :present AND #generation = :read AND attribute_not_exists(#pendingPlan)';

/** Nothing was planned or asked for since it was read, and it is to stay. */
const isAsRead = (generation: number): Condition & { readonly values: Attributes } => ({
  when: '#desired = :present AND attribute_not_exists(#deletionRequestedAt) AND #generation = :read',
  values: { present: 'present', read: generation },
});

/** `(nobody's, or mine, or that of a machine observed gone)` */
const isFree = (claim: 'init' | 'join', holder: Holder, gone: Holder | undefined): Condition => {
  const heldBy = (who: string): string =>
    `(#${claim}Node = :${who}Number AND #${claim}Attempt = :${who}Attempt)`;
  return {
    when: `(attribute_not_exists(#${claim}Node) OR ${heldBy('my')}${gone === undefined ? '' : ` OR ${heldBy('gone')}`})`,
    values: {
      myNumber: holder.number,
      myAttempt: holder.attempt,
      ...(gone !== undefined && { goneNumber: gone.number, goneAttempt: gone.attempt }),
    },
  };
};

export function clusterStore(table: Table): ClusterStore {
  const update = async (
    id: ClusterId,
    change: Change,
    condition: Condition,
    returning?: 'old',
  ): Promise<Cluster | undefined> => {
    const item = await table.update(keys.cluster(id), change, condition, returning);
    return item === undefined ? undefined : entityOf<Cluster>(item);
  };
  const did = async (id: ClusterId, change: Change, condition: Condition): Promise<boolean> =>
    (await update(id, change, condition)) !== undefined;

  return {
    create: async (cluster) =>
      table.put(
        keys.cluster(cluster.id),
        { ...cluster, duePk: duePk(shardOf(cluster.id)), dueAt: cluster.dueAt ?? cluster.createdAt },
        { when: 'attribute_not_exists(#pk)' },
      ),

    async get(id) {
      const item = await table.get(keys.cluster(id));
      return item === undefined ? undefined : entityOf<Cluster>(item);
    },

    getMany: async (ids) =>
      (await table.getMany(ids.map((id) => keys.cluster(id))))
        .filter((item) => item !== undefined)
        .map((item) => entityOf<Cluster>(item)),

    list: (page) => listClusters(table, page),
    places: () => listPlaces(table),

    async due(shard, now, limit) {
      const items = await table.query(
        { when: '#duePk = :shard AND #dueAt <= :now', values: { shard: duePk(shard), now } },
        { index: 'due', limit, project: ['id', 'dueAt'] },
      );
      return items.map((item) => ({ id: String(item['id']), dueAt: String(item['dueAt']) }));
    },

    advanceDue: async (id, seen, next) =>
      did(id, { set: { dueAt: next } }, { when: '#dueAt = :seen', values: { seen } }),

    makeDue: async (id, now) =>
      did(
        id,
        { set: { dueAt: now } },
        { when: 'attribute_exists(#pk) AND #status <> :deleted', values: { deleted: 'deleted' } },
      ),

    acceptLosses: async (id, now) =>
      did(
        id,
        { set: { lossesAcceptedAt: now, dueAt: now } },
        {
          when: '#desired = :present AND attribute_not_exists(#deletionRequestedAt)',
          values: { present: 'present' },
        },
      ),

    async plan(id, options) {
      const { generationRead: read, policiesVersionRead, followersOf } = options;
      const policies = policiesVersionRead === undefined ? undefined : policiesAre(policiesVersionRead);
      const { followers: _, ...restore } = followersOf ?? {};
      const conditions = [
        mayPlan,
        ...(policies === undefined ? [] : [policies.when]),
        ...(followersOf === undefined
          ? []
          : ['#restore.#id = :restore AND attribute_exists(#restore.#followers)']),
      ];
      return did(
        id,
        { set: { ...planned(options), ...(followersOf !== undefined && { restore }) } },
        {
          when: conditions.join(' AND '),
          values: {
            present: 'present',
            read,
            ...policies?.values,
            ...(followersOf !== undefined && { restore: followersOf.id }),
          },
        },
      );
    },

    async changePolicies(id, { policies, versionRead, generationRead, now }) {
      const [cluster, asRead] = [isAsRead(generationRead), policiesAre(versionRead)];
      const change = { policies, policiesVersion: versionRead + 1, dueAt: now };
      const values = { ...cluster.values, ...asRead.values };
      return did(id, { set: change }, { when: `${cluster.when} AND ${asRead.when}`, values });
    },

    changeIngress: async (id, { ingress, generationRead, now }) =>
      did(id, { set: { ingress, generation: generationRead + 1, dueAt: now } }, isAsRead(generationRead)),

    clearPlan: async (id, planId) =>
      did(id, { remove: ['pendingPlan'] }, { when: '#pendingPlan.#id = :plan', values: { plan: planId } }),

    claim: async (id, operation, provenDead) =>
      update(
        id,
        // A token that an earlier owner waited on answers nobody.
        { set: { operation }, remove: ['waitToken'] },
        {
          when: `#desired = :present AND ${ownable(provenDead)}`,
          values: { present: 'present', ...ownableValues(operation, provenDead) },
        },
      ),

    release: async (id, executionArn, now) =>
      did(
        id,
        { set: { dueAt: now }, remove: ['operation', 'waitToken'] },
        { when: mine, values: { me: executionArn } },
      ),

    finishProvisioning: async (id, executionArn, generationSeen) =>
      did(
        id,
        { set: { provisionedGeneration: generationSeen } },
        { when: `${mine} AND #generation = :seen`, values: { me: executionArn, seen: generationSeen } },
      ),

    changeStatus: async (id, { from, to, reason, now }) =>
      did(
        id,
        {
          set: { status: to, statusReason: reason },
          ...(to === 'ready' && { setOnce: { readyAt: now } }),
          ...(reason === undefined && { remove: ['statusReason'] }),
        },
        { when: '#status = :from', values: { from } },
      ),

    requestDeletion: async (id, { by, now }) =>
      did(
        id,
        // Why an earlier deletion was refused is no longer so.
        {
          set: { deletionRequestedAt: now, deletionRequestedBy: by, dueAt: now },
          remove: ['deletionRefused'],
        },
        { when: 'attribute_exists(#pk) AND attribute_not_exists(#deletionRequestedAt)' },
      ),

    refuseDeletion: async (id, executionArn, refusal) =>
      did(
        id,
        { set: { deletionRefused: refusal }, remove: ['deletionRequestedAt', 'deletionRequestedBy'] },
        {
          when: `attribute_exists(#deletionRequestedAt) AND #desired = :present AND (attribute_not_exists(#operation) OR ${mine} OR #operation.#kind <> :cleanup)`,
          values: { me: executionArn, present: 'present', cleanup: 'CleanupCluster' },
        },
      ),

    fence: async (id, operation) =>
      update(
        id,
        {
          set: { desired: 'absent', status: 'deleting', operation },
          remove: ['pendingPlan', 'waitToken', 'statusReason'],
        },
        {
          when: 'attribute_exists(#deletionRequestedAt) AND #status <> :deleted',
          values: { deleted: 'deleted' },
        },
        'old',
      ),

    bury: async (id, executionArn, now) =>
      did(
        id,
        {
          set: {
            status: 'deleted',
            deletedAt: now,
            expiresAt: epochSeconds(plusSeconds(now, tombstoneDays * 24 * 60 * 60)),
          },
          remove: ['duePk', 'dueAt', 'operation'],
        },
        { when: `${mine} AND #desired = :absent`, values: { me: executionArn, absent: 'absent' } },
      ),

    async claimInit(id, holder, observedGone) {
      const free = isFree('init', holder, observedGone);
      return did(
        id,
        { set: { initNode: holder.number, initAttempt: holder.attempt } },
        {
          ...free,
          when: `attribute_exists(#pk) AND attribute_not_exists(#initialisedAt) AND ${free.when}`,
        },
      );
    },

    markInitialised: async (id, { number, attempt }, now) =>
      update(
        id,
        { set: { initialisedAt: now } },
        {
          when: '#initNode = :number AND #initAttempt = :attempt AND attribute_not_exists(#initialisedAt)',
          values: { number, attempt },
        },
      ),

    async leaseJoin(id, holder, observedGone) {
      const free = isFree('join', holder, observedGone);
      return did(
        id,
        { set: { joinNode: holder.number, joinAttempt: holder.attempt } },
        {
          ...free,
          // Nobody joins while another control plane changes its minor.
          when: `attribute_exists(#pk) AND attribute_not_exists(#upgrade.#step) AND ${free.when}`,
        },
      );
    },

    releaseJoin: async (id, number, attempt) =>
      did(
        id,
        { remove: ['joinNode', 'joinAttempt'] },
        {
          when: `#joinNode = :number${attempt === undefined ? '' : ' AND #joinAttempt = :attempt'}`,
          values: { number, ...(attempt !== undefined && { attempt }) },
        },
      ),

    expectJoiner: async (id, until) =>
      did(
        id,
        { set: { joinerUntil: until } },
        {
          when: 'attribute_exists(#pk) AND (attribute_not_exists(#joinerUntil) OR #joinerUntil < :until)',
          values: { until },
        },
      ),

    setWaitToken: async (id, executionArn, waitToken) =>
      update(id, { set: { waitToken } }, { when: mine, values: { me: executionArn } }),

    askToForget: async (id, { number, attempt }, now) =>
      did(
        id,
        { setOnce: { forgetting: { number, attempt, since: now, tries: 0 } } },
        {
          when: `attribute_exists(#pk) AND (attribute_not_exists(#forgetting) OR ${forgets})`,
          values: { number, attempt },
        },
      ),

    tryForgettingAgain: async (id, forgetting) => {
      const { number, attempt, tries } = forgetting;
      return did(
        id,
        { set: { forgetting: { ...forgetting, tries: tries + 1 } } },
        { when: `${forgets} AND #forgetting.#tries = :tries`, values: { number, attempt, tries } },
      );
    },

    doneForgetting: async (id, { number, attempt }) =>
      did(id, { remove: ['forgetting'] }, { when: forgets, values: { number, attempt } }),

    leaseRemoval: async (id, { number, now }) =>
      did(
        id,
        { set: { removal: { number, at: now } } },
        {
          when: '#desired = :present AND (attribute_not_exists(#removal) OR #removal.#number = :number OR #removal.#at <= :over)',
          values: { present: 'present', number, over: plusSeconds(now, -removalLeaseSeconds) },
        },
      ),

    leaseSnapshot: async (id, lease, over) =>
      did(
        id,
        { set: { snapshotting: lease } },
        {
          when: `#desired = :present AND ${over === undefined ? 'attribute_not_exists(#snapshotting)' : snapshots}`,
          values: { present: 'present', ...(over !== undefined && { ...over }) },
        },
      ),

    settleSnapshot: async (id, lease, dueAt, taken) =>
      did(
        id,
        { set: { snapshotDueAt: dueAt, newestSnapshot: taken }, remove: ['snapshotting'] },
        { when: snapshots, values: { ...lease } },
      ),

    noteUnschedulable: async (id, { seen, count }) =>
      did(
        id,
        { set: { unschedulablePods: count } },
        {
          when: `attribute_exists(#pk) AND (${seen === 0 ? 'attribute_not_exists(#unschedulablePods) OR ' : ''}#unschedulablePods = :seen)`,
          values: { seen },
        },
      ),

    requestRestore: async (id, { restore, ...plan }) =>
      did(
        id,
        {
          set: { ...planned(plan), restore, status: 'restoring' },
          remove: ['statusReason', 'forgetting', 'joinNode', 'joinAttempt', 'snapshotting'],
        },
        {
          when: `${mayPlan} AND attribute_not_exists(#deletionRequestedAt) AND #status = :failed`,
          values: { present: 'present', read: plan.generationRead, failed: 'failed' },
        },
      ),

    claimRestore: async (id, restore, attempt) =>
      did(
        id,
        { set: { restore: { ...restore, attempt } } },
        {
          when: `#desired = :present AND ${isUnderWay} AND (attribute_not_exists(#restore.#attempt) OR #restore.#attempt <= :attempt)`,
          values: { present: 'present', restore: restore.id, attempt },
        },
      ),

    markRestored: async (id, restore, now) =>
      update(
        id,
        { set: { restore: { ...restore, restoredAt: now }, dueAt: now } },
        {
          when: `${isUnderWay} AND #restore.#attempt = :attempt`,
          values: { restore: restore.id, attempt: restore.attempt },
        },
      ),

    async endRestore(id, restore, { failure, now }) {
      const hasNotEnded =
        '#restore.#id = :restore AND attribute_not_exists(#restore.#finishedAt) AND attribute_not_exists(#restore.#failure)';
      return did(
        id,
        {
          set: {
            restore: {
              ...restore,
              ...(failure === undefined ? { finishedAt: now } : { failure: { at: now, reason: failure } }),
            },
            dueAt: now,
          },
        },
        {
          when: failure === undefined ? hasNotEnded : isUnderWay,
          values: { restore: restore.id },
        },
      );
    },

    requestUpgrade: async (id, upgrade, now) =>
      did(
        id,
        { set: { upgrade, snapshotDueAt: now, dueAt: now } },
        {
          when: '#desired = :present AND attribute_not_exists(#deletionRequestedAt) AND #kubernetesVersion = :from AND (#status = :ready OR #status = :degraded) AND (attribute_not_exists(#upgrade) OR attribute_exists(#upgrade.#finishedAt))',
          values: { present: 'present', from: upgrade.from, ready: 'ready', degraded: 'degraded' },
        },
      ),

    changeUpgrade: async (id, read, next, { now, ...also }) => {
      const begins = read.step === undefined && next.step !== undefined;
      return update(
        id,
        { set: { upgrade: next, dueAt: now, ...also } },
        {
          when: `#desired = :present AND #upgrade.#id = :upgrade AND #upgrade.#revision = :revision${begins ? isQuiet : ''}`,
          values: { present: 'present', upgrade: read.id, revision: read.revision },
        },
      );
    },

    sayDrift: async (id, { fingerprint, notBefore, attempts, now }) =>
      did(
        id,
        { set: { repairFingerprint: fingerprint, repairNotBefore: notBefore, repairAttempts: attempts } },
        {
          when: 'attribute_exists(#pk) AND (attribute_not_exists(#repairFingerprint) OR #repairFingerprint <> :fingerprint OR #repairNotBefore <= :now)',
          values: { fingerprint, now },
        },
      ),
  };
}
