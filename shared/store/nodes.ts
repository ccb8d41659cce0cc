import { plusSeconds, type ClusterId } from '../domain/ids.ts';
import { phaseRank, type Node, type NodePhase } from '../domain/node.ts';
import { keys, prefixes, providerKey } from './keys.ts';
import { mine, ownable, ownableValues } from './operation.ts';
import type { NodeStore } from './store.ts';
import { entityOf, epochSeconds, type Attributes, type Change, type Condition, type Table } from './table.ts';

/** A number is not used again before its last node has been gone for this long. */
const numberRestSeconds = 24 * 60 * 60;

/** What a machine brings with it and takes along; `failure` outlives it, for people. */
const broughtByMachine = [
  'sessionHash',
  'providerId',
  'providerKey',
  'waitToken',
  'joinedAt',
  'readyAt',
  'leftAt',
  'memberForgottenAt',
  'interruption',
  'lastSeenAt',
  'publicAddress',
  'privateAddress',
  'wireguardPublicKey',
  'meshVersion',
  'silentPeers',
] as const;

const inPhase = (phase: NodePhase): Attributes => ({ phase, phaseRank: phaseRank(phase) });

export function nodeStore(table: Table): NodeStore {
  const update = async (
    clusterId: ClusterId,
    number: number,
    change: Change,
    condition: Condition,
  ): Promise<Node | undefined> => {
    const item = await table.update(keys.node(clusterId, number), change, condition);
    return item === undefined ? undefined : entityOf<Node>(item);
  };
  const did = async (
    clusterId: ClusterId,
    number: number,
    change: Change,
    condition: Condition,
  ): Promise<boolean> => (await update(clusterId, number, change, condition)) !== undefined;

  const get: NodeStore['get'] = async (clusterId, number) => {
    const item = await table.get(keys.node(clusterId, number));
    return item === undefined ? undefined : entityOf<Node>(item);
  };

  return {
    get,

    async materialise(node) {
      const put = await table.put(
        keys.node(node.clusterId, node.number),
        { ...node, phaseRank: phaseRank(node.phase) },
        {
          // The table tidies late: an expired item is as good as none.
          when: 'attribute_not_exists(#pk) OR #expiresAt <= :now',
          values: { now: epochSeconds(table.now()) },
        },
      );
      return put || (await get(node.clusterId, node.number))?.id === node.id;
    },

    list: async (clusterId) =>
      (await table.children(keys.cluster(clusterId).pk, prefixes.node)).map((item) => entityOf<Node>(item)),

    async byProviderId(cloud, accountId, providerId) {
      const [item] = await table.query(
        { when: '#providerKey = :key', values: { key: providerKey(cloud, accountId, providerId) } },
        { index: 'provider', limit: 1 },
      );
      return item === undefined ? undefined : entityOf<Node>(item);
    },

    claim: async (clusterId, number, { operation, expectedDesired, provenDead }) =>
      update(
        clusterId,
        number,
        { set: { operation }, remove: ['waitToken'] },
        {
          when: `#desired = :expected AND ${ownable(provenDead)}`,
          values: { expected: expectedDesired, ...ownableValues(operation, provenDead) },
        },
      ),

    release: async (clusterId, number, executionArn, retireNotBefore) =>
      did(
        clusterId,
        number,
        { set: { retireNotBefore }, remove: ['operation', 'waitToken'] },
        { when: mine, values: { me: executionArn } },
      ),

    beginAttempt: async (clusterId, number, { executionArn, request }) =>
      update(
        clusterId,
        number,
        {
          set: {
            attempt: request.attempt,
            createRequest: request,
            offering: request.offering,
            lifecycle: request.offering.lifecycle,
            kubernetesVersion: request.kubernetesVersion,
            ...inPhase('creating'),
          },
          remove: [...broughtByMachine, 'failure'],
        },
        {
          when: `${mine} AND #attempt = :before AND #desired = :present`,
          values: { me: executionArn, before: request.attempt - 1, present: 'present' },
        },
      ),

    endAttempt: async (clusterId, number, { executionArn, attempt, next }) =>
      update(
        clusterId,
        number,
        {
          set: {
            ...inPhase('creating'),
            ...(next && {
              offering: next.offering,
              cloud: next.offering.cloud,
              lifecycle: next.offering.lifecycle,
              accountId: next.accountId,
              standsInFor: next.standsInFor,
            }),
          },
          remove: ['createRequest', ...broughtByMachine],
        },
        {
          when: `${mine} AND #attempt = :attempt AND attribute_exists(#createRequest)`,
          values: { me: executionArn, attempt },
        },
      ),

    async recordMachine(clusterId, number, { attempt, providerId, publicAddress, privateAddress }) {
      // Cloud and account do not change within an attempt, so reading them before the conditional write is safe.
      const node = await get(clusterId, number);
      if (node === undefined) return false;
      return did(
        clusterId,
        number,
        {
          set: {
            providerId,
            providerKey: providerKey(node.cloud, node.accountId, providerId),
            // Empty until the cloud has given one.
            publicAddress: publicAddress === '' ? undefined : publicAddress,
            privateAddress: privateAddress === '' ? undefined : privateAddress,
          },
        },
        {
          when: '#attempt = :attempt AND (attribute_not_exists(#providerId) OR #providerId = :providerId)',
          values: { attempt, providerId },
        },
      );
    },

    async admit(clusterId, number, { attempt, sessionHash, now }) {
      const bound = '(attribute_not_exists(#sessionHash) OR #sessionHash = :hash)';
      // Between two attempts the number is still the last one's: only the stored request says that it goes on.
      const goesOn =
        '#attempt = :attempt AND attribute_exists(#createRequest) AND attribute_not_exists(#failure) AND #desired = :present';
      const [booting, ready] = [phaseRank('booting'), phaseRank('ready')];
      const sets = { sessionHash, lastSeenAt: now };
      // One write cannot take the later of two phases: first as a machine that only boots now, then as one further on.
      return (
        (await did(
          clusterId,
          number,
          { set: { ...sets, ...inPhase('booting') } },
          {
            when: `${goesOn} AND #phaseRank < :booting AND ${bound}`,
            values: { attempt, booting, hash: sessionHash, present: 'present' },
          },
        )) ||
        did(
          clusterId,
          number,
          { set: sets },
          {
            when: `${goesOn} AND #phaseRank < :ready AND ${bound}`,
            values: { attempt, ready, hash: sessionHash, present: 'present' },
          },
        )
      );
    },

    reportPhase: async (clusterId, number, { attempt, sessionHash, phase, now }) =>
      did(
        clusterId,
        number,
        {
          set: { ...inPhase(phase), lastSeenAt: now },
          ...(phase === 'ready' && { setOnce: { readyAt: now } }),
        },
        {
          when: '#attempt = :attempt AND #sessionHash = :hash AND #phaseRank < :rank',
          values: { attempt, hash: sessionHash, rank: phaseRank(phase) },
        },
      ),

    recordSync: async (clusterId, number, { sessionHash, ...seen }) =>
      did(clusterId, number, { set: seen }, { when: '#sessionHash = :hash', values: { hash: sessionHash } }),

    markJoined: async (clusterId, number, { attempt, now }) =>
      update(
        clusterId,
        number,
        { setOnce: { joinedAt: now } },
        { when: '#attempt = :attempt AND attribute_not_exists(#failure)', values: { attempt } },
      ),

    setWaitToken: async (clusterId, number, { executionArn, attempt, waitToken }) =>
      update(
        clusterId,
        number,
        { set: { waitToken } },
        { when: `${mine} AND #attempt = :attempt`, values: { me: executionArn, attempt } },
      ),

    recordFailure: async (clusterId, number, { attempt, failure, unlessJoined = false }) =>
      update(
        clusterId,
        number,
        { set: { failure } },
        {
          when: `#attempt = :attempt${unlessJoined ? ' AND attribute_not_exists(#joinedAt)' : ''}`,
          values: { attempt },
        },
      ),

    giveUp: async (clusterId, number, { executionArn, failure }) =>
      did(
        clusterId,
        number,
        { set: { ...inPhase('failed'), failure } },
        {
          when: `${mine} AND (attribute_not_exists(#joinedAt) OR attribute_exists(#failure))`,
          values: { me: executionArn },
        },
      ),

    retire: async (clusterId, number, { lostAt, consolidatedAt } = {}) =>
      did(
        clusterId,
        number,
        { set: { desired: 'absent', letGoAt: table.now(), lostAt, consolidatedAt } },
        { when: '#desired = :present', values: { present: 'present' } },
      ),

    noteInterruption: async (clusterId, number, { attempt, kind }) =>
      update(
        clusterId,
        number,
        { set: { interruption: kind } },
        {
          when: `#attempt = :attempt AND attribute_exists(#createRequest)${kind === 'terminate' ? '' : ' AND attribute_not_exists(#interruption)'}`,
          values: { attempt },
        },
      ),

    retireWithoutDrain: async (clusterId, number) =>
      did(
        clusterId,
        number,
        { set: { desired: 'absent', skipDrain: true }, remove: ['retireNotBefore'] },
        { when: 'attribute_exists(#pk) AND #phase <> :deleted', values: { deleted: 'deleted' } },
      ),

    recordDrain: async (clusterId, number, { executionArn, heldUp }) =>
      did(
        clusterId,
        number,
        heldUp === undefined ? { remove: ['drainHeldUp'] } : { set: { drainHeldUp: heldUp } },
        { when: mine, values: { me: executionArn } },
      ),

    enterPhase: async (clusterId, number, { executionArn, phase }) =>
      did(
        clusterId,
        number,
        { set: inPhase(phase) },
        {
          when: `${mine} AND (#phaseRank <= :rank OR (#phase = :failed AND #desired = :absent))`,
          values: { me: executionArn, rank: phaseRank(phase), failed: 'failed', absent: 'absent' },
        },
      ),

    recordVersion: async (clusterId, number, { attempt, kubernetesVersion }) =>
      did(
        clusterId,
        number,
        { set: { kubernetesVersion } },
        { when: '#attempt = :attempt', values: { attempt } },
      ),

    forgetMember: async (clusterId, number, { attempt, now }) =>
      did(
        clusterId,
        number,
        { setOnce: { memberForgottenAt: now } },
        { when: '#attempt = :attempt', values: { attempt } },
      ),

    bury: async (clusterId, number, now) =>
      did(
        clusterId,
        number,
        {
          set: { ...inPhase('deleted'), expiresAt: epochSeconds(plusSeconds(now, numberRestSeconds)) },
          setOnce: { deletedAt: now },
          remove: ['providerKey', 'drainHeldUp'],
        },
        { when: '#desired = :absent', values: { absent: 'absent' } },
      ),
  };
}
