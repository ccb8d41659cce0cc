import type { Cluster, ClusterStatus, CloudParts } from '../domain/cluster.ts';
import type { Finding } from '../domain/finding.ts';
import { plusSeconds, secondsBetween, type Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import { clusterStatus, generationFingerprint } from './cluster-status.ts';
import { findDrift } from './find-drift.ts';

/** Each is one thing for reconcile-cluster to do, in order, and why. */
export type Action =
  | {
      readonly kind: 'say';
      readonly event: 'NodesPlanned';
      readonly because: string;
    }
  | {
      readonly kind: 'say';
      readonly event: 'NodeRequested' | 'NodeRetirementRequested';
      readonly number: number;
      readonly because: string;
    }
  | {
      /** To be said only when `clusters.sayDrift` with these values wins. */
      readonly kind: 'say-with-backoff';
      readonly event: 'DriftFound' | 'ClusterDeletionRequested';
      readonly fingerprint: string;
      readonly attempts: number;
      readonly notBefore: Instant;
      readonly because: string;
    }
  | {
      /** Look whether this execution still runs; a dead one's ownership is released. Without a number: the cluster's. */
      readonly kind: 'check-operation';
      readonly executionArn: string;
      readonly number?: number;
      readonly because: string;
    };

export interface StatusChange {
  readonly from: ClusterStatus;
  /** Equal to `from` when only the reason changed. */
  readonly to: ClusterStatus;
  readonly reason?: string;
  /** To be said once the change is written; absent when only the reason changed. */
  readonly event?: 'ClusterReady' | 'ClusterDegraded' | 'ClusterFailed';
}

export interface Reconciliation {
  readonly status?: StatusChange;
  readonly findings: readonly Finding[];
  readonly actions: readonly Action[];
  /** When the cluster is to be looked at again; absent when it is deleted. */
  readonly dueAt?: Instant;
}

interface View {
  readonly cluster: Cluster;
  readonly nodes: readonly Node[];
  readonly parts: readonly CloudParts[];
  readonly findings: readonly Finding[];
  readonly now: Instant;
}

/** Events are said before the tick looks: within this time an event may still be on its way. */
const eventGraceSeconds = 60;
/** An operation this old may have lost its owner without anyone hearing of it. */
const operationCheckSeconds = 120;
const backoffMinutesMax = 60;

/**
 * What to do for one cluster, from everything that is known of it. The only decider: pure, so that equal inputs decide
 * alike, and about no object that a live operation owns.
 *
 * @param jitter 0 ≤ jitter < 1: spreads quiet clusters over the minutes.
 */
export function reconcile(options: {
  cluster: Cluster;
  nodes: readonly Node[];
  parts: readonly CloudParts[];
  sightings: readonly Sighting[];
  /** As `findDrift` takes it. */
  credential?: Parameters<typeof findDrift>[0]['credential'];
  now: Instant;
  jitter: number;
}): Reconciliation {
  const { cluster, nodes, parts, now } = options;
  if (cluster.status === 'deleted') return { findings: [], actions: [] };
  const findings = cluster.desired === 'absent' ? [] : findDrift(options);
  const view: View = { cluster, nodes, parts, findings, now };
  const status = statusChange(view);
  return {
    ...(status && { status }),
    findings,
    actions: strategies.flatMap(({ decide }) => decide(view)),
    dueAt: nextDue({ changing: isChanging(view), now, jitter: options.jitter }),
  };
}

/** In the order in which they matter; each says nothing when there is nothing for it to do. */
export const strategies: readonly {
  readonly name: string;
  readonly reason: string;
  readonly decide: (view: View) => readonly Action[];
}[] = [
  {
    name: 'check operations',
    reason: 'an owner that died without a word blocks everything else',
    decide: ({ cluster, nodes, now }) =>
      [
        ...(cluster.operation ? [{ operation: cluster.operation }] : []),
        ...nodes.flatMap(({ operation, number }) => (operation ? [{ operation, number }] : [])),
      ]
        .filter(({ operation }) => secondsBetween(operation.startedAt, now) > operationCheckSeconds)
        .map(({ operation, ...of }) => ({
          kind: 'check-operation' as const,
          executionArn: operation.executionArn,
          ...of,
          because: `${operation.kind} has been running since ${operation.startedAt}`,
        })),
  },
  {
    name: 'deletion',
    reason: 'a cluster that is asked to go is gone, and nothing else is done for it',
    decide: ({ cluster, now }) => {
      const { deletionRequestedAt, operation } = cluster;
      if (deletionRequestedAt === undefined || operation?.kind === 'CleanupCluster') return [];
      if (secondsBetween(deletionRequestedAt, now) < eventGraceSeconds) return [];
      return withBackoff(cluster, now, {
        event: 'ClusterDeletionRequested',
        fingerprint: `deletion:${deletionRequestedAt}`,
        because: `its deletion was asked for at ${deletionRequestedAt} and nothing is doing it`,
      });
    },
  },
  {
    name: 'pending plan',
    reason: 'planned nodes are no nodes yet',
    decide: ({ cluster, now }) => {
      if (isGoing(cluster) || cluster.pendingPlan === undefined) return [];
      const justClaimed =
        cluster.operation !== undefined &&
        secondsBetween(cluster.operation.startedAt, now) < eventGraceSeconds;
      if (justClaimed) return [];
      return [
        { kind: 'say', event: 'NodesPlanned', because: `a plan is pending: ${cluster.pendingPlan.reason}` },
      ];
    },
  },
  {
    name: 'drift',
    reason: 'create and repair are the same run, and it goes on until the cluster is as it was asked for',
    decide: ({ cluster, findings, parts, now }) => {
      if (isGoing(cluster) || cluster.operation !== undefined) return [];
      const isNew = cluster.generation === 1 && secondsBetween(cluster.createdAt, now) < eventGraceSeconds;
      if (isNew) return [];
      const drift = driftOf(cluster, findings, parts);
      return drift === undefined ? [] : withBackoff(cluster, now, { event: 'DriftFound', ...drift });
    },
  },
  {
    name: 'planned nodes',
    reason: 'a node whose network stands can be built',
    decide: ({ cluster, nodes, parts, now }) =>
      isGoing(cluster)
        ? []
        : nodes
            .filter(
              (node) =>
                isIdle(node, 'present') &&
                node.phase === 'planned' &&
                secondsBetween(node.createdAt, now) > eventGraceSeconds &&
                parts.some(({ cloud, network }) => cloud === node.cloud && network !== undefined),
            )
            .map(({ number }) => ({
              kind: 'say' as const,
              event: 'NodeRequested' as const,
              number,
              because: `node ${number} is planned, its network stands, and nothing is building it`,
            })),
  },
  {
    name: 'stuck nodes',
    reason: 'a run that ended half-way is taken up again where it stood',
    decide: ({ cluster, nodes, now }) =>
      isGoing(cluster)
        ? []
        : nodes
            .filter(
              (node) =>
                isIdle(node, 'present') &&
                (node.phase === 'creating' || node.phase === 'booting' || node.phase === 'joining') &&
                node.joinedAt === undefined &&
                secondsBetween(node.createRequest?.requestedAt ?? node.createdAt, now) > eventGraceSeconds,
            )
            .map(({ number, phase }) => ({
              kind: 'say' as const,
              event: 'NodeRequested' as const,
              number,
              because: `node ${number} is ${phase} and nothing is building it`,
            })),
  },
  {
    name: 'retirement',
    reason: 'a node that is not wanted costs money',
    decide: ({ cluster, nodes, now }) =>
      isGoing(cluster)
        ? []
        : nodes
            .filter((node) => isIdle(node, 'absent') && node.phase !== 'deleted')
            .filter(({ retireNotBefore }) => retireNotBefore === undefined || retireNotBefore <= now)
            .map(({ number }) => ({
              kind: 'say' as const,
              event: 'NodeRetirementRequested' as const,
              number,
              because: `node ${number} is to go and nothing is retiring it`,
            })),
  },
];

/** Fast while something changes, slow and spread out while nothing does. */
export function nextDue(options: { changing: boolean; now: Instant; jitter: number }): Instant {
  const [changingSeconds, quietSecondsMin, quietSecondsMax] = [15, 120, 300];
  return plusSeconds(
    options.now,
    options.changing
      ? changingSeconds
      : quietSecondsMin + options.jitter * (quietSecondsMax - quietSecondsMin),
  );
}

/** Asked to go, or going: its clean-up alone decides about its nodes. */
const isGoing = (cluster: Cluster): boolean =>
  cluster.desired === 'absent' || cluster.deletionRequestedAt !== undefined;

const isIdle = (node: Node, desired: Node['desired']): boolean =>
  node.desired === desired && node.operation === undefined;

const isChanging = ({ cluster, nodes }: View): boolean =>
  isGoing(cluster) ||
  cluster.operation !== undefined ||
  cluster.pendingPlan !== undefined ||
  cluster.status === 'creating' ||
  nodes.some(
    ({ desired, phase }) =>
      phase !== 'deleted' && (desired === 'absent' || (phase !== 'ready' && phase !== 'failed')),
  );

function statusChange({ cluster, nodes, parts, findings }: View): StatusChange | undefined {
  // Deleting and deleted are written by the clean-up itself; a refused deletion has left its reason for people to read.
  if (cluster.desired === 'absent') return undefined;
  const { status: to, reason } = clusterStatus({ cluster, nodes, parts, findings });
  const from = cluster.status;
  if (from === to && (reason === cluster.statusReason || (reason === undefined && to === 'ready'))) {
    return undefined;
  }
  const event =
    from === to
      ? undefined
      : ({ ready: 'ClusterReady', degraded: 'ClusterDegraded', failed: 'ClusterFailed' } as const)[
          to as 'ready' | 'degraded' | 'failed'
        ];
  return { from, to, ...(reason !== undefined && { reason }), ...(event !== undefined && { event }) };
}

/** What a run of ProvisionCluster would mend; undefined when there is nothing. */
function driftOf(
  cluster: Cluster,
  findings: readonly Finding[],
  parts: readonly CloudParts[],
): { fingerprint: string; because: string } | undefined {
  if (cluster.provisionedGeneration < cluster.generation) {
    return {
      fingerprint: generationFingerprint(cluster),
      because: `generation ${cluster.generation} was asked for and ${cluster.provisionedGeneration} is there`,
    };
  }
  const lost = findings.find(({ kind }) => kind === 'network-missing' || kind === 'cloud-failed');
  if (lost !== undefined)
    return { fingerprint: `${lost.cloud ?? ''}:${lost.fingerprint}`, because: lost.message };
  const without = cluster.clouds.find(
    ({ cloud }) => !parts.some((part) => part.cloud === cloud && part.network !== undefined),
  );
  if (without !== undefined)
    return {
      fingerprint: `${without.cloud}:network-absent`,
      because: `${without.cloud}: no network stands`,
    };
  const due = findings.find(({ kind }) => kind === 'credential-due');
  return due && { fingerprint: due.fingerprint, because: due.message };
}

/** The same thing again waits twice as long each time, 1 to 60 minutes; something else, or after a long quiet, starts anew. */
function withBackoff(
  cluster: Cluster,
  now: Instant,
  said: { event: 'DriftFound' | 'ClusterDeletionRequested'; fingerprint: string; because: string },
): readonly Action[] {
  const isSame = cluster.repairFingerprint === said.fingerprint;
  const sinceOver =
    cluster.repairNotBefore === undefined ? Infinity : secondsBetween(cluster.repairNotBefore, now);
  if (isSame && sinceOver < 0) return [];
  const isRepeat = isSame && sinceOver < backoffMinutesMax * 60;
  const attempts = isRepeat ? (cluster.repairAttempts ?? 0) + 1 : 1;
  const minutes = Math.min(backoffMinutesMax, 2 ** (attempts - 1));
  return [{ kind: 'say-with-backoff', ...said, attempts, notBefore: plusSeconds(now, minutes * 60) }];
}
