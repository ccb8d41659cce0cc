import { clusterRequested } from './cluster-requested.ts';
import { findingOpened } from './finding-opened.ts';
import { findingClosed } from './finding-closed.ts';
import { driftFound } from './drift-found.ts';
import { clusterDeletionRequested } from './cluster-deletion-requested.ts';
import { clusterDeletionBlocked } from './cluster-deletion-blocked.ts';
import { clusterRestoreRequested } from './cluster-restore-requested.ts';
import { clusterRestored } from './cluster-restored.ts';
import { nodesPlanned } from './nodes-planned.ts';
import { nodeRequested } from './node-requested.ts';
import { nodeRetirementRequested } from './node-retirement-requested.ts';
import { nodeJoined } from './node-joined.ts';
import { nodeReady } from './node-ready.ts';
import { nodeFailed } from './node-failed.ts';
import { nodeDrainHeldUp } from './node-drain-held-up.ts';
import { nodeRetired } from './node-retired.ts';
import { spotInterruption } from './spot-interruption.ts';
import { etcdSnapshotTaken } from './etcd-snapshot-taken.ts';
import { etcdSnapshotFailed } from './etcd-snapshot-failed.ts';
import { podsUnschedulable } from './pods-unschedulable.ts';
import { ingressChanged } from './ingress-changed.ts';
import { policyChanged } from './policy-changed.ts';
import { upgradeRequested } from './upgrade-requested.ts';
import { nodeUpgradeBegun } from './node-upgrade-begun.ts';
import { nodeUpgraded } from './node-upgraded.ts';
import { upgradePaused } from './upgrade-paused.ts';
import { upgradeResumed } from './upgrade-resumed.ts';
import { upgradeFinished } from './upgrade-finished.ts';
import { operationSettled } from './operation-settled.ts';
import { reconcileTick } from './reconcile-tick.ts';
import { clusterReady } from './cluster-ready.ts';
import { clusterDegraded } from './cluster-degraded.ts';
import { clusterFailed } from './cluster-failed.ts';
import { clusterDeleted } from './cluster-deleted.ts';

/** Every event, for the rules, the timeline and the tests. Handlers import the one they take. */
export const allEvents = [
  clusterRequested,
  findingOpened,
  findingClosed,
  driftFound,
  clusterDeletionRequested,
  clusterDeletionBlocked,
  clusterRestoreRequested,
  clusterRestored,
  nodesPlanned,
  nodeRequested,
  nodeRetirementRequested,
  nodeJoined,
  nodeReady,
  nodeFailed,
  nodeDrainHeldUp,
  nodeRetired,
  spotInterruption,
  etcdSnapshotTaken,
  etcdSnapshotFailed,
  podsUnschedulable,
  ingressChanged,
  policyChanged,
  upgradeRequested,
  nodeUpgradeBegun,
  nodeUpgraded,
  upgradePaused,
  upgradeResumed,
  upgradeFinished,
  operationSettled,
  reconcileTick,
  clusterReady,
  clusterDegraded,
  clusterFailed,
  clusterDeleted,
] as const;
