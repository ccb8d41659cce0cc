import * as z from 'zod/mini';
import { clusterDegraded } from '../../events/cluster-degraded.ts';
import { clusterDeletionRequested } from '../../events/cluster-deletion-requested.ts';
import { clusterFailed } from '../../events/cluster-failed.ts';
import { clusterReady } from '../../events/cluster-ready.ts';
import { driftFound } from '../../events/drift-found.ts';
import { findingClosed } from '../../events/finding-closed.ts';
import { findingOpened } from '../../events/finding-opened.ts';
import { nodeRequested } from '../../events/node-requested.ts';
import { nodeRetirementRequested } from '../../events/node-retirement-requested.ts';
import { nodeUpgradeBegun } from '../../events/node-upgrade-begun.ts';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import { upgradeFinished } from '../../events/upgrade-finished.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster, Restore } from '../../shared/domain/cluster.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import type { ClusterId, Instant, NodeId } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import { planReplacement } from '../../shared/planning/plan-replacement.ts';
import { planFollowers } from '../../shared/planning/plan-restore.ts';
import { reconcile, type Action, type StatusChange } from '../../shared/planning/reconcile.ts';
import { tellFindings } from '../../shared/planning/tell-findings.ts';
import { marketNeeded, workloadNeeded } from '../../shared/planning/watch-workload.ts';
import type { Bus } from '../../shared/runtime/bus.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { readMarket } from '../../shared/runtime/market.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import type { States } from '../../shared/runtime/states.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { planWanted } from './plan-wanted.ts';

const about = z.object({ clusterId: z.uuid() });
/** From the tick and the observers `{ clusterId }`; from the bus a whole event about a cluster. */
export const reconcileMessage = z.union([z.object({ detail: about }), about]);

interface Parts {
  readonly store: Pick<
    Store,
    | 'clusters'
    | 'mesh'
    | 'nodes'
    | 'parts'
    | 'dns'
    | 'observations'
    | 'workloads'
    | 'pki'
    | 'offerings'
    | 'coolOffs'
  >;
  readonly bus: Bus;
  readonly states: Pick<States, 'liveness'>;
  /** Undefined where the installation has none. */
  readonly zone?: HostedZone | undefined;
  readonly clock: Clock;
  /** 0 ≤ value < 1. */
  readonly random: () => number;
  readonly newId: () => NodeId;
  readonly log: Log;
}

const reasonCharactersMax = 900;

/** Reads all that is known of one cluster, lets the planner decide, and carries the decision out. */
export const reconcileCluster =
  (parts: Parts) =>
  async (body: unknown): Promise<void> => {
    const message = parsePayload(reconcileMessage, body);
    const { clusterId } = 'detail' in message ? message.detail : message;
    const { store, clock, zone } = parts;
    const cluster = await store.clusters.get(clusterId);
    if (cluster === undefined || cluster.status === 'deleted') return;
    // Before the nodes: whoever enters it meanwhile moves its version, and what is decided of the old one is refused.
    const mesh = await store.mesh.get(clusterId);
    const now = clock.now();
    const [nodes, cloudParts, sightings, credential, known, workload, market, published] = await Promise.all([
      store.nodes.list(clusterId),
      store.parts.list(clusterId),
      store.observations.list(clusterId),
      store.pki.credential(clusterId),
      store.observations.findings(clusterId),
      // A cluster without policies costs no more than it did.
      workloadNeeded(cluster) && store.workloads.get(clusterId),
      marketNeeded(cluster) ? readMarket(store, cluster, now) : undefined,
      zone && store.dns.get(clusterId),
    ]);
    const decision = reconcile({
      cluster,
      nodes,
      parts: cloudParts,
      sightings,
      credential: credential ?? 'missing',
      known,
      mesh,
      workload,
      market,
      dns: zone && { zone, published },
      now,
      jitter: parts.random(),
    });

    const changed = await store.observations.replaceFindings(clusterId, decision.findings);
    if (cluster.desired === 'present')
      await tell(parts, tellFindings({ cluster, ...changed, parts: cloudParts, nodes }), clusterId);
    if (decision.status !== undefined) await changeStatus(parts, clusterId, decision.status, now);
    const standing = cloudParts.filter(({ network }) => network !== undefined).map(({ cloud }) => cloud);
    for (const action of decision.actions) await carryOut(parts, { cluster, nodes, standing, now }, action);
    // Conditional on what was read: whoever made the cluster due meanwhile is heard first.
    if (cluster.dueAt !== undefined && decision.dueAt !== undefined)
      await store.clusters.advanceDue(clusterId, cluster.dueAt, decision.dueAt);
  };

/** Of a cluster that is to go nothing is told: nothing of it has become right. */
async function tell(
  { bus }: Parts,
  { opened, closed }: ReturnType<typeof tellFindings>,
  clusterId: ClusterId,
): Promise<void> {
  await bus.sayAll(
    findingClosed,
    closed.map((finding) => ({ clusterId, ...finding })),
  );
  await bus.sayAll(
    findingOpened,
    opened.map((finding) => ({ clusterId, ...finding })),
  );
}

async function changeStatus(
  { store, bus, log }: Parts,
  clusterId: ClusterId,
  { from, to, reason, event }: StatusChange,
  now: Instant,
): Promise<void> {
  const isChanged = await store.clusters.changeStatus(clusterId, {
    from,
    to,
    ...(reason !== undefined && { reason }),
    now,
  });
  if (!isChanged) return;
  log.info('status changed', { clusterId, from, to, reason });
  const why = { clusterId, reason: reason ?? 'no reason was given' };
  if (event === 'ClusterReady') await bus.say(clusterReady, { clusterId });
  if (event === 'ClusterDegraded') await bus.say(clusterDegraded, why);
  if (event === 'ClusterFailed') await bus.say(clusterFailed, why);
}

interface Read {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  /** Where a network of the cluster stands. */
  readonly standing: readonly CloudName[];
  readonly now: Instant;
}

async function carryOut(parts: Parts, read: Read, action: Action): Promise<void> {
  const { store, bus, log } = parts;
  const { now } = read;
  const { id: clusterId } = read.cluster;
  switch (action.kind) {
    case 'say': {
      log.info(action.event, { clusterId, because: action.because });
      if (action.event === 'NodesPlanned')
        return bus.say(nodesPlanned, {
          clusterId,
          ...(read.cluster.pendingPlan && { reason: read.cluster.pendingPlan.reason }),
        });
      const definition = action.event === 'NodeRequested' ? nodeRequested : nodeRetirementRequested;
      return bus.say(definition, { clusterId, number: action.number });
    }
    case 'say-with-backoff': {
      const { fingerprint, notBefore, attempts, because } = action;
      if (!(await store.clusters.sayDrift(clusterId, { fingerprint, notBefore, attempts, now }))) return;
      log.info(action.event, { clusterId, fingerprint, attempts, because });
      return action.event === 'DriftFound'
        ? bus.say(driftFound, { clusterId, fingerprint, reason: because })
        : bus.say(clusterDeletionRequested, { clusterId });
    }
    case 'replace':
      return replace(parts, read, action);
    case 'plan':
      return planWanted(parts, read, action);
    case 'retire':
      log.warn('node is retired', { clusterId, number: action.number, because: action.because });
      return retire(parts, read, action);
    case 'plan-followers':
      return planMissing(parts, read, action.restore);
    case 'end-restore': {
      const { restore, failure, because } = action;
      const end = { ...(failure !== undefined && { failure: failure.slice(0, reasonCharactersMax) }), now };
      if (await store.clusters.endRestore(clusterId, restore, end))
        log[failure === undefined ? 'info' : 'error']('restore ended', {
          clusterId,
          snapshot: restore.snapshot,
          because,
        });
      return;
    }
    case 'upgrade':
      return upgrade(parts, clusterId, action, now);
    case 'mend-mesh': {
      const { members, versionRead, because } = action;
      if ((await store.mesh.replace(clusterId, { versionRead, members, now })) !== undefined)
        log.warn('mesh put right', { clusterId, because });
      return;
    }
    case 'check-operation':
      return releaseIfDead(parts, clusterId, action, now);
  }
}

/** The plan first: a node that is lost is let go only once another is planned in its place. */
async function replace(
  parts: Parts,
  { cluster, nodes, standing, now }: Read,
  { numbers, because, letGo }: Extract<Action, { kind: 'replace' }>,
): Promise<void> {
  const { store, bus, log, newId } = parts;
  const market = await readMarket(store, cluster, now);
  const plan = planReplacement({ cluster, nodes, numbers, standing, market, newId });
  const reason = because.slice(0, reasonCharactersMax);
  const isPlanned = await store.clusters.plan(cluster.id, {
    plan: { id: newId(), nodes: plan.nodes, reason },
    generationRead: cluster.generation,
    nextNumber: plan.nextNumber,
    now,
  });
  // Somebody else's plan was first: the next look decides anew.
  if (!isPlanned) return;
  log.warn('nodes are replaced', {
    clusterId: cluster.id,
    numbers,
    by: plan.nodes.map(({ number }) => number),
    because,
  });
  for (const number of letGo ? numbers : [])
    await retire(parts, { cluster, now }, { number, isLost: true, because: reason });
  await bus.say(nodesPlanned, { clusterId: cluster.id, reason });
}

/** A cluster that was restored gets the control planes that it is short of. */
async function planMissing(
  { store, bus, log, newId }: Parts,
  { cluster, nodes, now }: Read,
  restore: Restore,
): Promise<void> {
  const { plan, nextNumber } = planFollowers({ cluster: { ...cluster, restore }, nodes, newId });
  const isPlanned = await store.clusters.plan(cluster.id, {
    plan,
    generationRead: cluster.generation,
    nextNumber,
    now,
    followersOf: restore,
  });
  if (!isPlanned) return;
  log.info('control planes are planned', {
    clusterId: cluster.id,
    nodes: plan.nodes.map(({ number }) => number),
  });
  await bus.say(nodesPlanned, { clusterId: cluster.id });
}

/** Whoever changed the upgrade meanwhile, or was quicker, is heard first: nothing is said then. */
async function upgrade(
  { store, bus, log }: Parts,
  clusterId: ClusterId,
  { read, next, kubernetesVersion, snapshotDueAt, says, because }: Extract<Action, { kind: 'upgrade' }>,
  now: Instant,
): Promise<void> {
  const change = {
    ...(kubernetesVersion !== undefined && { kubernetesVersion }),
    ...(snapshotDueAt !== undefined && { snapshotDueAt }),
    now,
  };
  if ((await store.clusters.changeUpgrade(clusterId, read, next, change)) === undefined) return;
  const { to } = next;
  log[next.stopped === undefined ? 'info' : 'warn']('upgrade', { clusterId, to, because });
  if (says?.event === 'NodeUpgradeBegun')
    await bus.say(nodeUpgradeBegun, { clusterId, number: says.number, to });
  if (says?.event === 'UpgradeFinished') await bus.say(upgradeFinished, { clusterId, to });
}

/** Said by whoever let it go: what a crash leaves unsaid, the next look finds. */
async function retire(
  { store, bus }: Parts,
  { cluster: { id: clusterId }, now }: Pick<Read, 'cluster' | 'now'>,
  { number, isLost, isConsolidated, because }: Omit<Extract<Action, { kind: 'retire' }>, 'kind'>,
): Promise<void> {
  const isRetired = await store.nodes.retire(clusterId, number, {
    ...(isLost && { lostAt: now }),
    ...(isConsolidated === true && { consolidatedAt: now }),
  });
  if (!isRetired) return;
  await bus.say(nodeRetirementRequested, {
    clusterId,
    number,
    reason: because.slice(0, reasonCharactersMax),
  });
}

async function releaseIfDead(
  { store, states, log }: Parts,
  clusterId: ClusterId,
  { executionArn, number }: Extract<Action, { kind: 'check-operation' }>,
  now: Instant,
): Promise<void> {
  if ((await states.liveness(executionArn)) === 'running') return;
  const isReleased =
    number === undefined
      ? await store.clusters.release(clusterId, executionArn, now)
      : await store.nodes.release(clusterId, number, executionArn);
  if (!isReleased) return;
  log.warn('owner was dead', { clusterId, number, executionArn });
  await store.clusters.makeDue(clusterId, now);
}
