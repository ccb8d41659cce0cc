import type { Cluster, ClusterStatus, CloudParts } from '../domain/cluster.ts';
import { isConfirmed, type Finding } from '../domain/finding.ts';
import { plusSeconds, type Instant } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import { isHeldUp, type Node } from '../domain/node.ts';
import type { Sighting } from '../domain/observation.ts';
import type { Market } from '../domain/offering.ts';
import type { WorkloadSighting } from '../domain/workload.ts';
import { clusterStatus } from './cluster-status.ts';
import type { DnsView } from './find-dns.ts';
import { findDrift, freshOf } from './find-drift.ts';
import { findLosses } from './find-losses.ts';
import { findPods } from './find-pods.ts';
import { findStopped } from './find-stopped.ts';
import { planForPods } from './plan-for-pods.ts';
import { isUpgradeMoving } from './plan-upgrade.ts';
import { buyForPods } from './reconcile/buy-for-pods.ts';
import { buyMinimum } from './reconcile/buy-minimum.ts';
import { checkOperations } from './reconcile/check-operations.ts';
import { consolidateNodes, isTakingOver } from './reconcile/consolidate-nodes.ts';
import { deleteCluster } from './reconcile/delete-cluster.ts';
import { mendMesh } from './reconcile/mend-mesh.ts';
import { isMendable, repairDrift } from './reconcile/repair-drift.ts';
import { replaceInterrupted } from './reconcile/replace-interrupted.ts';
import { replaceLost } from './reconcile/replace-lost.ts';
import { requestPlanned, requestStuck } from './reconcile/request-nodes.ts';
import { restoreCluster } from './reconcile/restore-cluster.ts';
import { nextEmptyAt, retireEmpty } from './reconcile/retire-empty.ts';
import { retireFailed } from './reconcile/retire-failed.ts';
import { retireNodes } from './reconcile/retire-nodes.ts';
import { returnToSpot } from './reconcile/return-to-spot.ts';
import { sayPlan } from './reconcile/say-plan.ts';
import { upgradeCluster } from './reconcile/upgrade-cluster.ts';
import { isGoing, type Action, type Strategy, type View } from './reconcile/view.ts';

export type { Action } from './reconcile/view.ts';

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
  /** What the cluster's API last showed, where a policy needs it. */
  workload?: WorkloadSighting | undefined;
  /** What is sold, where a policy may buy. */
  market?: Market | undefined;
  /** The findings of the last sweep. */
  known?: readonly Finding[];
  /** Read before the nodes. */
  mesh?: Mesh;
  /** Where the installation has a hosted zone. */
  dns?: DnsView | undefined;
  now: Instant;
  jitter: number;
}): Reconciliation {
  const { cluster, nodes, parts, known = [], now } = options;
  if (cluster.status === 'deleted') return { findings: [], actions: [] };
  const { workload, market } = options;
  const pods = planForPods({ ...options, sighting: workload, market });
  const findings =
    cluster.desired === 'absent'
      ? []
      : [...findDrift(options), ...findPods({ ...options, pods }), ...findStopped(cluster)];
  const losses = findLosses({
    nodes,
    fresh: freshOf(options.sightings, now),
    known,
    acceptedAt: cluster.lossesAcceptedAt,
    initialisedAt: cluster.initialisedAt,
    now,
  });
  const view: View = {
    cluster,
    nodes,
    parts,
    findings: findings.filter(isConfirmed),
    losses,
    mesh: options.mesh,
    dns: options.dns,
    workload,
    market,
    pods,
    now,
  };
  const status = statusChange({ cluster, nodes, parts, findings });
  return {
    ...(status && { status }),
    findings,
    actions: withOnePlan(decideBy(view)),
    dueAt: soonest(nextDue({ changing: isChanging(view), now, jitter: options.jitter }), nextEmptyAt(view)),
  };
}

/** In the order in which they matter; each says nothing when there is nothing for it to do. */
export const strategies: readonly Strategy[] = [
  checkOperations,
  deleteCluster,
  sayPlan,
  restoreCluster,
  repairDrift,
  replaceInterrupted,
  replaceLost,
  buyMinimum,
  retireFailed,
  buyForPods,
  returnToSpot,
  upgradeCluster,
  retireEmpty,
  requestPlanned,
  requestStuck,
  retireNodes,
  mendMesh,
  consolidateNodes,
];

function decideBy(view: View): readonly Action[] {
  const actions: Action[] = [];
  for (const { decide, onlyInQuiet } of strategies)
    if (onlyInQuiet !== true || actions.length === 0) actions.push(...decide(view));
  return actions;
}

/** One plan at a time: the first that is asked for, since strategies stand in the order in which they matter. */
function withOnePlan(actions: readonly Action[]): readonly Action[] {
  const first = actions.find(isPlan);
  return actions.filter((action) => !isPlan(action) || action === first);
}

const isPlan = ({ kind }: Action): boolean =>
  kind === 'replace' || kind === 'plan' || kind === 'plan-followers';

const soonest = (due: Instant, other: Instant | undefined): Instant =>
  other !== undefined && other < due ? other : due;

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

/** What is tried without success so often is no longer watched closely; its backoff says when it is tried again. */
const closeWatchAttemptsMax = 3;

const isChanging = ({ cluster, nodes, findings, losses, now }: View): boolean =>
  isGoing(cluster) ||
  cluster.operation !== undefined ||
  cluster.pendingPlan !== undefined ||
  cluster.status === 'creating' ||
  cluster.status === 'restoring' ||
  isUpgradeMoving({ cluster, nodes, losses, now }) ||
  nodes.some(
    (node) =>
      node.phase !== 'deleted' &&
      !isHeldUp(node, now) &&
      (node.desired === 'absent' || (node.phase !== 'ready' && node.phase !== 'failed')),
  ) ||
  nodes.some(({ desired, interruption }) => desired === 'present' && interruption === 'terminate') ||
  isTakingOver(nodes, now) ||
  (findings.some(isMendable) && (cluster.repairAttempts ?? 0) <= closeWatchAttemptsMax) ||
  // The next look tells whether it is really gone.
  losses.losses.some(({ kind, isConfirmed }) => kind === 'gone' && !isConfirmed);

function statusChange({
  cluster,
  nodes,
  parts,
  findings,
}: Parameters<typeof clusterStatus>[0]): StatusChange | undefined {
  // Deleting and deleted are written by the clean-up itself.
  if (cluster.desired === 'absent') return undefined;
  const { status: to, reason } = clusterStatus({ cluster, nodes, parts, findings });
  const from = cluster.status;
  if (from === to && reason === cluster.statusReason) return undefined;
  const event =
    from === to
      ? undefined
      : ({ ready: 'ClusterReady', degraded: 'ClusterDegraded', failed: 'ClusterFailed' } as const)[
          to as 'ready' | 'degraded' | 'failed'
        ];
  return { from, to, ...(reason !== undefined && { reason }), ...(event !== undefined && { event }) };
}
