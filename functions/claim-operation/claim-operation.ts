import * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { ClusterId } from '../../shared/domain/ids.ts';
import { operationKinds, type Operation } from '../../shared/domain/operation.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { Superseded } from '../../shared/runtime/errors.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { States } from '../../shared/runtime/states.ts';
import type { Store } from '../../shared/runtime/table.ts';

export const claimRequest = z.strictObject({
  kind: z.enum(operationKinds),
  clusterId: z.uuid(),
  /** ProvisionNode and RetireNode. */
  number: z.optional(z.int()),
  executionArn: z.string().check(z.minLength(1)),
  /** CleanupCluster looks before it takes the cluster: nothing changes until the guard has passed. */
  step: z.optional(z.enum(['inspect', 'fence'])),
});
export type ClaimRequest = z.infer<typeof claimRequest>;

export interface ClusterClaim {
  readonly clusterId: ClusterId;
  readonly generation: number;
  readonly clouds: readonly CloudName[];
}
export interface CleanupClaim extends ClusterClaim {
  /** An earlier clean-up passed the guard and its fence: there is no way back, and this one only goes on. */
  readonly fenced: boolean;
}
export interface NodeClaim {
  readonly clusterId: ClusterId;
  readonly number: number;
  readonly cloud: CloudName;
  readonly attempt: number;
}

interface Parts {
  readonly store: Pick<Store, 'clusters' | 'nodes'>;
  readonly states: Pick<States, 'liveness' | 'stop'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Owners may change hands while we look; after this many looks the tick shall find out. */
const looksMax = 4;
/** How many nodes are fenced at once. */
const fencedAtOnce = 16;

/**
 * Gives a cluster or node to this execution: nobody's, its own from an earlier try, or one whose owner is proven dead.
 *
 * @throws Superseded when another execution runs, or when it is no longer wanted as this kind of operation wants it.
 */
export const claimOperation =
  (parts: Parts) =>
  async (request: ClaimRequest): Promise<ClusterClaim | CleanupClaim | NodeClaim> => {
    if (request.kind === 'ProvisionCluster') return claimCluster(parts, request);
    if (request.kind !== 'CleanupCluster') return claimNode(parts, request);
    return request.step === 'fence' ? fence(parts, request) : inspect(parts, request);
  };

const operationOf = ({ clock }: Parts, { kind, executionArn }: ClaimRequest): Operation => ({
  kind,
  executionArn,
  startedAt: clock.now(),
});

async function claimCluster(parts: Parts, request: ClaimRequest): Promise<ClusterClaim> {
  const { clusters } = parts.store;
  const operation = operationOf(parts, request);
  const cluster = await takeOver(parts, {
    title: `cluster ${request.clusterId}`,
    wanted: 'present',
    claim: (provenDead) => clusters.claim(request.clusterId, operation, provenDead),
    read: () => clusters.get(request.clusterId),
    mayStop: () => false,
  });
  return claimOf(cluster);
}

async function claimNode(parts: Parts, request: ClaimRequest): Promise<NodeClaim> {
  const { clusters, nodes } = parts.store;
  const { clusterId, number, kind } = request;
  if (number === undefined) throw new Error(`${kind} needs a node's number`);
  const expectedDesired = kind === 'ProvisionNode' ? 'present' : 'absent';
  // The fence marks its nodes one after the other; the cluster's own word counts before theirs.
  const cluster = await clusters.get(clusterId);
  if (cluster?.desired !== 'present') throw new Superseded(`cluster ${clusterId} goes with all its nodes`);
  if (kind === 'ProvisionNode' && (await nodes.get(clusterId, number))?.phase === 'failed')
    throw new Superseded(`node ${number} was given up; it can only be retired`);
  const operation = operationOf(parts, request);
  const node = await takeOver(parts, {
    title: `node ${number}`,
    wanted: expectedDesired,
    claim: (provenDead) =>
      nodes.claim(clusterId, number, {
        operation,
        expectedDesired,
        ...(provenDead !== undefined && { provenDead }),
      }),
    read: () => nodes.get(clusterId, number),
    // A node that is to go need not be built to its end first.
    mayStop: (owner) => kind === 'RetireNode' && owner.kind === 'ProvisionNode',
  });
  if (node.phase === 'deleted') {
    await nodes.release(clusterId, number, request.executionArn);
    throw new Superseded(`node ${number} is gone`);
  }
  return { clusterId, number, cloud: node.cloud, attempt: node.attempt };
}

interface Ownable {
  readonly desired: 'present' | 'absent';
  readonly operation?: Operation;
}

async function takeOver<Item extends Ownable>(
  { states, log }: Parts,
  options: {
    readonly title: string;
    readonly wanted: Ownable['desired'];
    readonly claim: (provenDead: string | undefined) => Promise<Item | undefined>;
    readonly read: () => Promise<Item | undefined>;
    readonly mayStop: (owner: Operation) => boolean;
  },
): Promise<Item> {
  const { title } = options;
  let provenDead: string | undefined;
  for (let look = 1; look <= looksMax; look += 1) {
    const claimed = await options.claim(provenDead);
    if (claimed !== undefined) {
      log.info('claimed', { subject: title, ...(provenDead !== undefined && { takenFrom: provenDead }) });
      return claimed;
    }
    const item = await options.read();
    if (item === undefined) throw new Superseded(`there is no ${title}`);
    if (item.desired !== options.wanted) throw new Superseded(`${title} is to be ${item.desired}`);
    const owner = item.operation;
    // Released between the claim and the look: claim again.
    if (owner === undefined) continue;
    if (options.mayStop(owner)) await states.stop(owner.executionArn, `${title} is to be ${options.wanted}`);
    if ((await states.liveness(owner.executionArn)) === 'running')
      throw new Superseded(`${title} is owned by ${owner.executionArn}, which runs`);
    provenDead = owner.executionArn;
  }
  throw new Superseded(`${title} keeps changing hands`);
}

/** What a clean-up needs to know before it may own anything: that the deletion was asked for, and where to look. */
async function inspect({ store, states }: Parts, request: ClaimRequest): Promise<CleanupClaim> {
  const cluster = await store.clusters.get(request.clusterId);
  // The record is the authority, not the event that started us.
  if (cluster?.deletionRequestedAt === undefined || cluster.status === 'deleted')
    throw new Superseded(`no deletion of cluster ${request.clusterId} is asked for`);
  const owner = cluster.operation;
  if (owner?.kind === 'CleanupCluster' && owner.executionArn !== request.executionArn) {
    if ((await states.liveness(owner.executionArn)) === 'running')
      throw new Superseded(`cluster ${cluster.id} is being cleaned up by ${owner.executionArn}`);
  }
  return { ...claimOf(cluster), fenced: cluster.desired === 'absent' };
}

/** After the guard: from here on nothing is created any more. Whoever was at work is stopped. */
async function fence(parts: Parts, request: ClaimRequest): Promise<ClusterClaim> {
  const { store, states, log } = parts;
  await inspect(parts, request);
  const before = await store.clusters.fence(request.clusterId, operationOf(parts, request));
  if (before === undefined) throw new Superseded(`cluster ${request.clusterId} is not to be deleted`);
  const cause = `cluster ${request.clusterId} is being deleted`;
  const stop = async (operation: Operation | undefined): Promise<void> => {
    if (operation === undefined || operation.executionArn === request.executionArn) return;
    await states.stop(operation.executionArn, cause);
  };
  await stop(before.operation);
  const nodes = (await store.nodes.list(request.clusterId)).filter(({ phase }) => phase !== 'deleted');
  for (let first = 0; first < nodes.length; first += fencedAtOnce) {
    await Promise.all(
      nodes.slice(first, first + fencedAtOnce).map(async ({ number }) => {
        await store.nodes.retire(request.clusterId, number);
        // Read after the mark: an execution that claimed before it is seen, and the cluster's own mark refuses all later ones.
        await stop((await store.nodes.get(request.clusterId, number))?.operation);
      }),
    );
  }
  log.info('fenced', { clusterId: request.clusterId, nodes: nodes.length });
  return claimOf(before);
}

const claimOf = ({ id, generation, clouds }: Cluster): ClusterClaim => ({
  clusterId: id,
  generation,
  clouds: clouds.map(({ cloud }) => cloud),
});
