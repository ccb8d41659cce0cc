import type { Cluster } from '../../../shared/domain/cluster.ts';
import { secondsBetween, type Instant } from '../../../shared/domain/ids.ts';
import type { Network } from '../../../shared/domain/network.ts';
import {
  attemptsMaxOf,
  nodeName,
  phaseRank,
  type CreateRequest,
  type Node,
} from '../../../shared/domain/node.ts';
import { bootstrapTokenMessage, formatBootstrapToken } from '../../../shared/planning/bootstrap-token.ts';
import { isBetweenMinors, versionOf, versionOfNext } from '../../../shared/planning/upgrading.ts';
import { renderUserData } from '../../../shared/planning/user-data.ts';
import type { MachineRequest } from '../../../shared/runtime/cloud.ts';
import { attemptToken } from '../../../shared/runtime/attempt-token.ts';
import { AttemptsExhausted, Superseded } from '../../../shared/runtime/errors.ts';
import { ownedNode } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import { groundOf, type DriveParts, type Ground, type NodeRequest } from '../parts.ts';
import { machineRef, takeDown, takeDownAttempt } from '../take-down.ts';

/** GiB of the encrypted root disk: images, logs and etcd of a node fit, and every cloud sells it. */
const diskGib = 50;
/** A machine has to call back within this; three waits of five minutes and ten of creating fit in. */
const tokenSeconds = 45 * 60;
/** An agent's last-seen time is written every 5 minutes at least, and a worker syncs once a minute. */
const heardOfSecondsMax = 7 * 60;
/** A machine that was just made may be missing from its cloud's lists. */
const hiddenSecondsMax = 120;

export type CreateOutcome = ({ readonly done: true; readonly providerId: string } | Pending) & {
  readonly attempt: number;
  /** Of `attempt` nothing is left but what the cluster remembers: it has to forget that before another machine comes. */
  readonly isLost?: true;
};

interface CreateRequested extends NodeRequest {
  /** The cluster has been told to forget this attempt's machine; 0: nobody told it anything. */
  readonly forgotten: number;
}

interface Wanted extends Ground {
  readonly cluster: Cluster;
  readonly node: Node;
}

/**
 * A node gets its machine: continues the attempt that is in progress, or begins the next one once the cluster has forgotten
 * the last one's machine.
 *
 * The create request is stored before the call, so that every repeat sends the same bytes; that the node is wanted is
 * read strongly right before the create and right after it, and a machine that came too late goes at once.
 */
export async function createMachine(parts: DriveParts, request: CreateRequested): Promise<CreateOutcome> {
  const wanted = await readWanted(parts, request);
  const network = (await parts.store.parts.get(request.clusterId, parts.cloud))?.network;
  if (network === undefined)
    return { ...pending(`the network in ${parts.cloud}`, 10), attempt: wanted.node.attempt };

  const current = await currentAttempt(parts, wanted, request);
  if ('outcome' in current) return current.outcome;
  const { attempt, node } = current;

  const machineRequest = await machineRequestOf(parts, { ...wanted, node }, attempt, network);
  // The last look before money is spent: the fence may have come since the first.
  await readWanted(parts, request);
  const progress = await wanted.cloud.createMachine(machineRequest);
  if (progress.done) {
    const { providerId, publicAddress, privateAddress } = progress.value;
    const isRecorded = await parts.store.nodes.recordMachine(request.clusterId, request.number, {
      attempt: attempt.attempt,
      providerId,
      publicAddress,
      privateAddress,
    });
    if (!isRecorded) return surplus(parts, wanted, request, { attempt: attempt.attempt, providerId });
  }
  await goIfUnwanted(parts, wanted, request, attempt.attempt);
  if (!progress.done)
    return { ...pending(progress.waitingFor, progress.retryAfterSeconds), attempt: attempt.attempt };
  const { providerId } = progress.value;
  parts.log.info('machine runs', { ...idsOf(request), attempt: attempt.attempt, providerId });
  return { done: true, providerId, attempt: attempt.attempt };
}

const idsOf = ({ clusterId, number, executionArn }: NodeRequest): NodeRequest => ({
  clusterId,
  number,
  executionArn,
});

/** @throws Superseded unless node and cluster are wanted and the node is ours. */
async function readWanted(parts: DriveParts, request: NodeRequest): Promise<Wanted> {
  const node = await ownedNode(parts.store, request, request.executionArn);
  const cluster = await parts.store.clusters.get(request.clusterId);
  if (cluster?.desired !== 'present' || node.desired !== 'present')
    throw new Superseded(`node ${request.number} is no longer wanted`);
  if (node.cloud !== parts.cloud) throw new Error(`node ${node.number} belongs in ${node.cloud}`);
  return { cluster, node, ...(await groundOf(parts, cluster)) };
}

type CurrentAttempt =
  | { readonly attempt: CreateRequest; readonly node: Node }
  /** There is nothing to create now: the machine serves, or its predecessor has yet to go. */
  | { readonly outcome: CreateOutcome };

/** The attempt in progress, or a new one once nothing of the last is left. */
async function currentAttempt(
  parts: DriveParts,
  wanted: Wanted,
  request: CreateRequested,
): Promise<CurrentAttempt> {
  const { node } = wanted;
  const inProgress = node.createRequest;
  // Also after a run that died between ending an attempt and having its machine forgotten.
  if (inProgress === undefined)
    return node.attempt > request.forgotten ? lost(node) : beginAttempt(parts, wanted.cluster, node, request);

  const verdict = await judge(parts, wanted, inProgress);
  if (verdict === 'continues') return { attempt: inProgress, node };
  if (verdict !== 'is over')
    return { outcome: { done: true, providerId: verdict.providerId, attempt: node.attempt } };

  const gone = await takeDownAttempt(parts, wanted, { cluster: wanted.cluster, node });
  if (!gone.done)
    return { outcome: { ...pending(gone.waitingFor, gone.retryAfterSeconds), attempt: node.attempt } };
  const { executionArn, clusterId, number } = request;
  const ended = await parts.store.nodes.endAttempt(clusterId, number, {
    executionArn,
    attempt: node.attempt,
  });
  if (ended === undefined) throw new Superseded(`node ${number} has changed hands`);
  parts.log.info('attempt ended', {
    ...idsOf(request),
    attempt: node.attempt,
    failure: node.failure?.reason,
  });
  return lost(ended);
}

/** Its next machine joins under the same name, and a Node keeps the place that its first machine gave it. */
const lost = ({ number, attempt }: Node): CurrentAttempt => ({
  outcome: {
    ...pending(`the cluster to forget the last machine of node ${number}`, 1),
    attempt,
    isLost: true,
  },
});

/**
 * Whether an attempt goes on, is over, or has its machine already. What is recorded or was admitted is looked for, not
 * created again: long after, a cloud may have forgotten the request's token and would make a second machine.
 */
async function judge(
  parts: DriveParts,
  { cloud, owner, location, node }: Wanted,
  inProgress: CreateRequest,
): Promise<'continues' | 'is over' | { readonly providerId: string }> {
  const now = parts.clock.now();
  if (node.failure !== undefined) return 'is over';
  const { providerId } = node;
  const isAdmitted = phaseRank(node.phase) > phaseRank('creating');
  if (!isAdmitted && secondsBetween(now, isoOf(inProgress.tokenExpiresAt)) <= 0) return 'is over';

  // Heard of lately, or just made: it is there, whatever a list says that may lag behind.
  const isHeardOf = node.lastSeenAt !== undefined && secondsBetween(node.lastSeenAt, now) < heardOfSecondsMax;
  const isYoung = secondsBetween(inProgress.requestedAt, now) < hiddenSecondsMax;
  if (providerId === undefined) {
    // Nothing is known of it: the create's repeat finds or makes it.
    if (!isAdmitted || isHeardOf) return 'continues';
  } else if (isHeardOf || isYoung) return { providerId };

  const [seen] = await cloud.observe([owner], location);
  const machine = seen?.machines
    .filter(({ state }) => state === 'running' || state === 'pending')
    .find((each) => (providerId === undefined ? each.nodeId === node.id : each.providerId === providerId));
  if (machine === undefined) return 'is over';
  return providerId === undefined ? 'continues' : { providerId };
}

const isoOf = (epochSeconds: number): Instant => new Date(epochSeconds * 1000).toISOString();

async function beginAttempt(
  parts: DriveParts,
  cluster: Cluster,
  node: Node,
  request: NodeRequest,
): Promise<CurrentAttempt> {
  const { clusterId, number, executionArn } = request;
  if (node.attempt >= attemptsMaxOf(node))
    throw new AttemptsExhausted(
      `all ${attemptsMaxOf(node)} attempts failed, last: ${node.failure?.reason ?? 'the machine was lost'}`,
    );
  const now = parts.clock.now();
  const attempt: CreateRequest = {
    attempt: node.attempt + 1,
    offering: node.offering,
    kubernetesVersion: versionOfNext(
      cluster,
      node,
      isBetweenMinors(cluster) ? await parts.store.nodes.list(clusterId) : [],
    ),
    tokenExpiresAt: Math.floor(Date.parse(now) / 1000) + tokenSeconds,
    requestedAt: now,
  };
  const begun = await parts.store.nodes.beginAttempt(clusterId, number, { executionArn, request: attempt });
  if (begun === undefined) {
    // Not ours or not wanted any more; or a repeat of this very call was quicker, and its attempt is continued.
    await readWanted(parts, request);
    return { outcome: { ...pending('the attempt that has just begun', 1), attempt: attempt.attempt } };
  }
  parts.log.info('attempt begun', {
    ...idsOf(request),
    attempt: attempt.attempt,
    offering: attempt.offering,
  });
  return { attempt, node: begun };
}

async function machineRequestOf(
  parts: DriveParts,
  { cluster, node, owner }: Wanted,
  { attempt, offering, tokenExpiresAt: expiresAt }: CreateRequest,
  network: Network,
): Promise<MachineRequest> {
  const mac = await parts.mac.generate(bootstrapTokenMessage({ nodeId: node.id, attempt, expiresAt }));
  const name = nodeName(cluster.name, node.number);
  return {
    owner,
    nodeId: node.id,
    token: attemptToken(node.id, attempt),
    name,
    role: node.role,
    offering,
    network,
    diskGib,
    userData: renderUserData({
      apiUrl: parts.apiUrl,
      clusterId: cluster.id,
      number: node.number,
      attempt,
      nodeName: name,
      role: node.role,
      cloud: node.cloud,
      kubernetesVersion: versionOf(node, cluster),
      bootstrapToken: formatBootstrapToken({ attempt, expiresAt, mac }),
    }),
  };
}

/** The record was refused: the node has another machine, or another attempt. This one alone goes. */
async function surplus(
  parts: DriveParts,
  { cloud, owner, cluster, node }: Wanted,
  request: NodeRequest,
  { attempt, providerId }: { readonly attempt: number; readonly providerId: string },
): Promise<CreateOutcome> {
  parts.log.warn('surplus machine', { ...idsOf(request), attempt, providerId });
  const gone = await cloud.deleteMachine({ ...machineRef(cluster, node), providerId }, owner);
  const now = await ownedNode(parts.store, request, request.executionArn);
  if (now.attempt !== attempt) throw new Superseded(`node ${request.number} is at attempt ${now.attempt}`);
  return {
    ...pending('the surplus machine to go', gone.done ? 1 : gone.retryAfterSeconds),
    attempt,
  };
}

/**
 * A node that stopped being wanted, or changed hands, while its machine was made. The fence marks the cluster first and
 * its nodes one after the other: the cluster's own word counts before theirs.
 */
async function goIfUnwanted(
  parts: DriveParts,
  { cloud, owner, cluster }: Wanted,
  request: NodeRequest,
  attempt: number,
): Promise<void> {
  const { clusterId, number, executionArn } = request;
  const now = await parts.store.nodes.get(clusterId, number);
  const isGoing =
    now?.desired === 'absent' || (await parts.store.clusters.get(clusterId))?.desired !== 'present';
  if (!isGoing && now?.operation?.executionArn === executionArn && now.attempt === attempt) return;
  // A live successor at the same attempt continues it with this very machine; at a later one it began by sweeping.
  if (isGoing && now?.attempt === attempt) {
    parts.log.warn('machine came too late', { ...idsOf(request), attempt });
    await takeDown(cloud, owner, machineRef(cluster, now));
  }
  throw new Superseded(`node ${number} has changed hands or is no longer wanted`);
}
