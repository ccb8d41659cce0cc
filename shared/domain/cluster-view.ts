import type { ClusterView, RestoreView, UpgradeView } from './api-types.ts';
import type { Cluster, Restore } from './cluster.ts';
import { ingressDefault } from './load-balancer.ts';
import { canonicalPolicies } from './policy-change.ts';
import type { Upgrade } from './upgrade.ts';

/** What the world may see of a cluster: named field by field, so that a new field is private until somebody shows it. */
export const clusterView = (cluster: Cluster): ClusterView => ({
  id: cluster.id,
  name: cluster.name,
  region: cluster.region,
  clouds: cluster.clouds,
  configuration: cluster.configuration,
  vpn: cluster.vpn,
  kubernetesVersion: cluster.kubernetesVersion,
  podRange: cluster.podRange,
  ingress: cluster.ingress ?? ingressDefault,
  policies: canonicalPolicies(cluster.policies),
  status: cluster.status,
  ...(cluster.statusReason === undefined ? {} : { statusReason: cluster.statusReason }),
  createdAt: cluster.createdAt,
  createdBy: cluster.createdBy,
  ...(cluster.readyAt === undefined ? {} : { readyAt: cluster.readyAt }),
  ...(cluster.initialisedAt === undefined ? {} : { initialisedAt: cluster.initialisedAt }),
  ...(cluster.deletionRequestedAt === undefined ? {} : { deletionRequestedAt: cluster.deletionRequestedAt }),
  ...(cluster.deletionRefused === undefined ? {} : { deletionRefused: cluster.deletionRefused }),
  ...(cluster.operation === undefined
    ? {}
    : { operation: { kind: cluster.operation.kind, startedAt: cluster.operation.startedAt } }),
  ...(cluster.restore === undefined ? {} : { restore: restoreView(cluster.restore) }),
  ...(cluster.upgrade === undefined ? {} : { upgrade: upgradeView(cluster.upgrade) }),
});

const restoreView = ({
  snapshot,
  requestedAt,
  requestedBy,
  number,
  restoredAt,
  finishedAt,
  failure,
}: Restore): RestoreView => ({
  snapshot,
  requestedAt,
  requestedBy,
  number,
  ...(restoredAt === undefined ? {} : { restoredAt }),
  ...(finishedAt === undefined ? {} : { finishedAt }),
  ...(failure === undefined ? {} : { failure }),
});

const upgradeView = ({
  from,
  to,
  requestedAt,
  requestedBy,
  pauseSeconds,
  step,
  controlPlanesAt,
  pausedAt,
  stopped,
  finishedAt,
}: Upgrade): UpgradeView => ({
  from,
  to,
  requestedAt,
  requestedBy,
  ...(pauseSeconds === undefined ? {} : { pauseSeconds }),
  ...(step === undefined ? {} : { at: step.number }),
  ...(controlPlanesAt === undefined ? {} : { controlPlanesAt }),
  ...(pausedAt === undefined ? {} : { pausedAt }),
  ...(stopped === undefined ? {} : { stopped }),
  ...(finishedAt === undefined ? {} : { finishedAt }),
});
