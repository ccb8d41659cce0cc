import { clusterRestored } from '../../events/cluster-restored.ts';
import { nodeFailed } from '../../events/node-failed.ts';
import { nodeJoined } from '../../events/node-joined.ts';
import { nodeReady } from '../../events/node-ready.ts';
import { spotInterruption } from '../../events/spot-interruption.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { secondsBetween, type Instant } from '../../shared/domain/ids.ts';
import type { Mesh } from '../../shared/domain/mesh.ts';
import type { Vpn } from '../../shared/domain/network.ts';
import { phaseRank, type Node } from '../../shared/domain/node.ts';
import type { SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import {
  holdsInitClaim,
  holdsJoinLease,
  nextInstruction,
  syncSeconds,
  type Need,
} from '../../shared/planning/next-instruction.ts';
import { forgetInstruction } from '../../shared/planning/forget-member.ts';
import { holdsRestoreClaim, isRestoring } from '../../shared/planning/restoring.ts';
import { neighbours, wireguardPeers, withMember } from '../../shared/planning/wireguard-peers.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { isSessionOf, NodeCallRefused, type NodeCall } from '../../shared/runtime/node-http.ts';
import type { PresignUrl } from '../../shared/runtime/presigned-url.ts';
import { redactText } from '../../shared/runtime/redaction.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { leaseSnapshot, recordSnapshot, withUploadUrl } from './snapshots.ts';
import { recordUnschedulable } from './unschedulable.ts';
import { recordUpgraded } from './upgrades.ts';

export interface AnswerDependencies {
  readonly store: Pick<Store, 'clusters' | 'nodes' | 'mesh' | 'snapshots' | 'syncView'>;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Signs for the bucket of etcd snapshots; absent: none are taken. */
  readonly presign?: PresignUrl;
}

/** While the mesh moves or somebody waits to join, control planes must be seen alive; else a sync writes nothing. */
const lastSeenSeconds = { moving: 10, quiet: 300 } as const;
const movingSeconds = 600;
const meshTriesMax = 8;
const decisionsMax = 4;

interface View {
  readonly cluster: Cluster;
  readonly node: Node;
  readonly mesh: Mesh;
  readonly sync: SyncRequest;
  readonly now: Instant;
}

/**
 * One sync: what the agent says is recorded where it is new, then it is told what to do next. Every write is conditional
 * on the session and repeats without effect, so an agent may send the same sync as often as it likes.
 *
 * @throws NodeCallRefused 401: the session is not this node's, or the node is no more; 409: the key is not its own; 503:
 *   too many claim at once.
 */
export const answerSync =
  (dependencies: AnswerDependencies) =>
  async (call: NodeCall<SyncRequest>): Promise<SyncReply> => {
    const { store, clock } = dependencies;
    const { clusterId, number } = call;
    const seen = await store.syncView(clusterId, number);
    if (seen.cluster === undefined || !isSessionOf(seen.node, call.bearer))
      throw new NodeCallRefused(401, 'the session is not valid for this node');
    const view: View = {
      cluster: seen.cluster,
      node: seen.node,
      mesh: seen.mesh,
      sync: withoutSecrets(call.body),
      now: clock.now(),
    };

    refuseForeignKey(dependencies, view, view.mesh);
    await recordFacts(dependencies, view);
    const mesh = await enterMesh(dependencies, view);
    const after = await recordProgress(dependencies, view);
    const forgotten = await recordForgotten(dependencies, { ...view, ...after });
    const saved = await recordSnapshot(dependencies, { ...view, ...after, cluster: forgotten });
    const cluster = await recordUpgraded(dependencies, { ...view, ...after, cluster: saved });
    await recordUnschedulable(dependencies, { ...view, mesh });
    return decide(dependencies, { ...view, ...after, cluster, mesh });
  };

/** A machine's words may hold what its commands were given: no secret gets from there into table, events and logs. */
function withoutSecrets(given: SyncRequest): SyncRequest {
  const output = given.result?.output;
  const sync: SyncRequest =
    given.result === undefined || output === undefined
      ? given
      : { ...given, result: { ...given.result, output: redactText(printable(output)) } };
  if (sync.failure === undefined) return sync;
  const { reason, log } = sync.failure;
  return {
    ...sync,
    failure: {
      reason: redactText(printable(reason).replaceAll(/\s+/g, ' ').trim()) || 'no reason given',
      ...(log === undefined ? {} : { log: redactText(printable(log)) }),
    },
  };
}

/** People read it in a terminal, which must not be moved, cleared or renamed by a machine. */
// oxlint-disable-next-line no-control-regex -- control characters are what it is about
const printable = (text: string): string => text.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '');

/**
 * A machine makes one key and keeps it. Under another node's key it would take that node's place in everybody's
 * WireGuard: two peers with one key are one peer.
 */
function refuseForeignKey({ log }: AnswerDependencies, { node, sync }: View, mesh: Mesh): void {
  const key = sync.wireguardPublicKey;
  const holder = mesh.members.find((member) => member.publicKey === key && member.number !== node.number);
  const isFirst = node.wireguardPublicKey === undefined || node.wireguardPublicKey === key;
  if (holder === undefined && isFirst) return;
  log.error('a machine came with a WireGuard key that is not its own', {
    clusterId: node.clusterId,
    number: node.number,
    holder: holder?.number,
    alarm: true,
  });
  throw new NodeCallRefused(409, 'wireguardPublicKey: is not this machine’s');
}

/** Which peers are silent, where it is not as it was: ages change with every sync, and nobody needs them in the table. */
function silenceIn(node: Node, { handshakes }: SyncRequest): { silentPeers?: readonly string[] } {
  if (handshakes === undefined) return {};
  const silentPeers = [...new Set(handshakes.silent.map(({ overlayAddress }) => overlayAddress))].sort();
  return silentPeers.join() === (node.silentPeers ?? []).join() ? {} : { silentPeers };
}

/** Addresses, key, acknowledged mesh version; the time only as often as somebody needs it. */
async function recordFacts({ store }: AnswerDependencies, view: View): Promise<void> {
  const { cluster, node, mesh, sync, now } = view;
  const isMoving =
    (mesh.changedAt !== undefined && secondsBetween(mesh.changedAt, now) < movingSeconds) ||
    (cluster.joinerUntil !== undefined && cluster.joinerUntil > now);
  const interval = isMoving && node.role === 'control-plane' ? lastSeenSeconds.moving : lastSeenSeconds.quiet;
  const changes = {
    ...(sync.addresses.public !== '' && sync.addresses.public !== node.publicAddress
      ? { publicAddress: sync.addresses.public }
      : {}),
    ...(sync.addresses.private !== '' && sync.addresses.private !== node.privateAddress
      ? { privateAddress: sync.addresses.private }
      : {}),
    ...(sync.wireguardPublicKey === node.wireguardPublicKey
      ? {}
      : { wireguardPublicKey: sync.wireguardPublicKey }),
    ...(sync.meshVersion === (node.meshVersion ?? 0) ? {} : { meshVersion: sync.meshVersion }),
    ...silenceIn(node, sync),
    ...(sync.phase === 'left' && node.leftAt === undefined ? { leftAt: now } : {}),
  };
  const isDue = node.lastSeenAt === undefined || secondsBetween(node.lastSeenAt, now) >= interval;
  if (Object.keys(changes).length === 0 && !isDue) return;
  await store.nodes.recordSync(node.clusterId, node.number, {
    sessionHash: node.sessionHash ?? '',
    ...changes,
    lastSeenAt: now,
  });
}

/** A node that stays and is not in the mesh as it is now enters it; several may at once, so the version is compared. */
async function enterMesh(dependencies: AnswerDependencies, view: View): Promise<Mesh> {
  const { store } = dependencies;
  const { node, sync, now } = view;
  let { mesh } = view;
  if (node.desired === 'absent' || sync.phase === 'left' || sync.phase === 'failed') return mesh;
  if (sync.addresses.public === '' || sync.addresses.private === '') return mesh;
  for (let tries = 0; tries < meshTriesMax; tries += 1) {
    const members = withMember(mesh, {
      number: node.number,
      role: node.role,
      cloud: node.cloud,
      overlayAddress: node.overlayAddress,
      publicKey: sync.wireguardPublicKey,
      publicAddress: sync.addresses.public,
      privateAddress: sync.addresses.private,
    });
    if (members === undefined) return mesh;
    const replaced = await store.mesh.replace(node.clusterId, { versionRead: mesh.version, members, now });
    if (replaced !== undefined) return replaced;
    mesh = await store.mesh.get(node.clusterId);
    refuseForeignKey(dependencies, view, mesh);
  }
  // Many enter at once: the next sync, three seconds from now, tries again.
  return mesh;
}

/** Results, failures and phases; state first, its event after it. */
async function recordProgress(
  { store, bus, log }: AnswerDependencies,
  view: View,
): Promise<{ cluster: Cluster; node: Node }> {
  const { sync, now } = view;
  const { clusterId, number, attempt } = view.node;
  let { cluster, node } = view;

  if (sync.failure !== undefined && node.failure === undefined) {
    log.warn('the machine cannot become a node', { clusterId, number, attempt, reason: sync.failure.reason });
    node = (await store.nodes.recordFailure(clusterId, number, { attempt, failure: sync.failure })) ?? node;
    await bus.say(nodeFailed, { clusterId, number, attempt, reason: sync.failure.reason });
    if (holdsJoinLease(cluster, node)) await store.clusters.releaseJoin(clusterId, number, attempt);
    return { cluster, node };
  }
  if (isNews(sync.interruption, node)) {
    const { kind } = sync.interruption;
    await bus.say(spotInterruption, { clusterId, number, attempt, kind });
    await store.nodes.recordSync(clusterId, number, {
      sessionHash: node.sessionHash ?? '',
      interruption: kind,
    });
  }

  const hasJoined = sync.phase === 'joined' || sync.phase === 'ready';
  if (sync.phase === 'joining' && phaseRank(node.phase) < phaseRank('joining'))
    await report(store, view, 'joining');
  // A machine that was given up comes too late, however well it did in the end: it is being taken down.
  if (!hasJoined || node.failure !== undefined) return { cluster, node };
  const isNew = node.joinedAt === undefined;
  if (isNew) {
    const joined = await store.nodes.markJoined(clusterId, number, { attempt, now });
    if (joined === undefined) return { cluster, node };
    node = joined;
    log.info('joined', { clusterId, number, attempt });
  }
  // An API server that answers is the end of init: whoever is ready on the claim has initialised. Only a machine whose
  // joining was recorded may say so, since after this nobody is ever told to init again.
  if (holdsInitClaim(cluster, node) && cluster.initialisedAt === undefined) {
    cluster = (await store.clusters.markInitialised(clusterId, { number, attempt }, now)) ?? cluster;
    log.info('the control plane is initialised', { clusterId, number, attempt });
  }
  if (isRestoring(cluster) && holdsRestoreClaim(cluster, node)) {
    const { snapshot } = cluster.restore;
    const restored = await store.clusters.markRestored(clusterId, cluster.restore, now);
    if (restored !== undefined) {
      log.info('the cluster is restored', { clusterId, number, attempt, snapshot });
      await bus.say(clusterRestored, { clusterId, number, snapshot });
    }
    cluster = restored ?? cluster;
  }
  if (isNew) await bus.say(nodeJoined, { clusterId, number, attempt });
  if (holdsJoinLease(cluster, node)) await store.clusters.releaseJoin(clusterId, number, attempt);
  if (sync.phase === 'ready' && phaseRank(node.phase) < phaseRank('ready')) {
    const isFirst = await report(store, view, 'ready');
    if (isFirst) {
      log.info('ready', { clusterId, number, attempt });
      await bus.say(nodeReady, { clusterId, number });
    }
  }
  return { cluster, node };
}

/** What a control plane says of the member that it was to strike off: done, or to be tried again. The node comes first. */
async function recordForgotten(
  { store, log }: AnswerDependencies,
  { cluster, node, sync, now }: View,
): Promise<Cluster> {
  const { forgetting } = cluster;
  if (forgetting === undefined || node.role !== 'control-plane' || node.joinedAt === undefined)
    return cluster;
  if (sync.result?.instructionId !== forgetInstruction(forgetting).id) return cluster;
  const { number, attempt } = forgetting;
  if (sync.result.ok) {
    await store.nodes.forgetMember(cluster.id, number, { attempt, now });
    await store.clusters.doneForgetting(cluster.id, forgetting);
    log.info('member forgotten', { clusterId: cluster.id, number, attempt, by: node.number });
  } else {
    await store.clusters.tryForgettingAgain(cluster.id, forgetting);
    log.warn('member not forgotten', { clusterId: cluster.id, number, attempt, by: node.number });
  }
  return (await store.clusters.get(cluster.id)) ?? cluster;
}

/** Agents repeat it with every sync. It is said once, and once more when a warning has become a termination. */
const isNews = (
  reported: SyncRequest['interruption'],
  { interruption: known }: Node,
): reported is NonNullable<SyncRequest['interruption']> =>
  reported !== undefined && known !== 'terminate' && known !== reported.kind;

const report = (
  store: AnswerDependencies['store'],
  { node, now }: View,
  phase: 'joining' | 'ready',
): Promise<boolean> =>
  store.nodes.reportPhase(node.clusterId, node.number, {
    attempt: node.attempt,
    sessionHash: node.sessionHash ?? '',
    phase,
    now,
  });

/** Decides; where a claim or lease is needed first, writes it and decides again with what is then true. */
async function decide(dependencies: AnswerDependencies, view: View): Promise<SyncReply> {
  const { store, log, presign } = dependencies;
  const { sync, mesh, node } = view;
  const isSettled = node.phase === 'ready' && node.desired === 'present' && sync.interruption === undefined;
  let { cluster } = view;
  for (let decisions = 0; decisions < decisionsMax; decisions += 1) {
    // After the cluster: of nodes that were read before a claim was made, its holder could look as if it were gone.
    const nodes = isSettled && cluster.forgetting === undefined ? [] : await store.nodes.list(node.clusterId);
    const latest = nodes.find((each) => each.number === node.number);
    // Replaced while its call was under way: what it would claim, nobody would hold.
    if (latest !== undefined && latest.sessionHash !== node.sessionHash)
      throw new NodeCallRefused(401, 'the session is not valid for this node any more');
    const takesSnapshots = presign !== undefined;
    const decision = nextInstruction({ cluster, node, nodes, mesh, sync, now: view.now, takesSnapshots });
    if ('instruction' in decision) {
      if (decision.instruction.kind !== 'run' && decision.instruction.kind !== 'wait')
        log.info('instructed', {
          clusterId: node.clusterId,
          number: node.number,
          instruction: decision.instruction.id,
        });
      return {
        ...decision,
        ...(presign !== undefined &&
          decision.instruction.kind === 'snapshot' && {
            instruction: await withUploadUrl(presign, cluster, decision.instruction),
          }),
        meshVersion: mesh.version,
        ...(sync.meshVersion === mesh.version ? {} : waysTo({ vpn: cluster.vpn, mesh, number: node.number })),
      };
    }
    await take(dependencies, node, decision.need);
    cluster = (await store.clusters.get(node.clusterId)) ?? cluster;
  }
  throw new NodeCallRefused(503, 'others claim at the same time: ask again', syncSeconds.bootstrap);
}

/** Whom the node encrypts to, and whom of its own network it reaches without. */
function waysTo(from: {
  readonly vpn: Vpn;
  readonly mesh: Mesh;
  readonly number: number;
}): Pick<SyncReply, 'peers' | 'neighbours'> {
  const plain = neighbours(from);
  return { peers: wireguardPeers(from), ...(plain !== undefined && { neighbours: plain }) };
}

/** Won or lost, the cluster is read again: whoever won stands there. */
async function take(
  dependencies: AnswerDependencies,
  { clusterId, number, attempt }: Node,
  need: Need,
): Promise<void> {
  const { store } = dependencies;
  const holder = { number, attempt };
  if (need.write === 'lease-snapshot') await leaseSnapshot(dependencies, clusterId, need);
  else if (need.write === 'drop-forgetting') await store.clusters.doneForgetting(clusterId, need.forgetting);
  else if (need.write === 'claim-restore')
    await store.clusters.claimRestore(clusterId, need.restore, attempt);
  else if (need.write === 'expect-joiner') await store.clusters.expectJoiner(clusterId, need.until);
  else if (need.write === 'claim-init') await store.clusters.claimInit(clusterId, holder, need.observedGone);
  else await store.clusters.leaseJoin(clusterId, holder, need.observedGone);
}
