import type {
  CloudView,
  ClusterDetails,
  ClusterView,
  NodeView,
  RestoreView,
  SnapshotView,
} from '../../shared/domain/api-types.ts';
import type { CloudParts, Cluster, Restore } from '../../shared/domain/cluster.ts';
import type { Finding } from '../../shared/domain/finding.ts';
import type { Snapshot } from '../../shared/domain/snapshot.ts';
import { nodeName, type Node } from '../../shared/domain/node.ts';

/** What the world may see of an item: named field by field, so that a new field is private until somebody shows it. */
export const clusterView = (cluster: Cluster): ClusterView => ({
  id: cluster.id,
  name: cluster.name,
  region: cluster.region,
  clouds: cluster.clouds,
  configuration: cluster.configuration,
  vpn: cluster.vpn,
  kubernetesVersion: cluster.kubernetesVersion,
  podRange: cluster.podRange,
  status: cluster.status,
  ...(cluster.statusReason === undefined ? {} : { statusReason: cluster.statusReason }),
  createdAt: cluster.createdAt,
  createdBy: cluster.createdBy,
  ...(cluster.readyAt === undefined ? {} : { readyAt: cluster.readyAt }),
  ...(cluster.initialisedAt === undefined ? {} : { initialisedAt: cluster.initialisedAt }),
  ...(cluster.deletionRequestedAt === undefined ? {} : { deletionRequestedAt: cluster.deletionRequestedAt }),
  ...(cluster.operation === undefined
    ? {}
    : { operation: { kind: cluster.operation.kind, startedAt: cluster.operation.startedAt } }),
  ...(cluster.restore === undefined ? {} : { restore: restoreView(cluster.restore) }),
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

export const nodeView = (cluster: Cluster, node: Node): NodeView => ({
  id: node.id,
  number: node.number,
  name: nodeName(cluster.name, node.number),
  role: node.role,
  cloud: node.cloud,
  instanceType: node.offering.instanceType,
  vcpus: node.offering.vcpus,
  memoryGib: node.offering.memoryGib,
  usdPerHour: node.offering.usdPerHour,
  lifecycle: node.lifecycle,
  phase: node.phase,
  desired: node.desired,
  overlayAddress: node.overlayAddress,
  ...(node.publicAddress === undefined ? {} : { publicAddress: node.publicAddress }),
  ...(node.privateAddress === undefined ? {} : { privateAddress: node.privateAddress }),
  ...(node.providerId === undefined ? {} : { providerId: node.providerId }),
  attempt: node.attempt,
  ...(node.failure === undefined ? {} : { failure: node.failure }),
  createdAt: node.createdAt,
  ...(node.readyAt === undefined ? {} : { readyAt: node.readyAt }),
});

export const snapshotView = ({ id, takenAt, number, sizeBytes }: Snapshot): SnapshotView => ({
  id,
  takenAt,
  number,
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
});

const cloudView = (cluster: Cluster, parts: readonly CloudParts[]): readonly CloudView[] =>
  cluster.clouds.map(({ cloud }) => {
    const part = parts.find((each) => each.cloud === cloud);
    return {
      cloud,
      ...(part?.network === undefined ? {} : { network: part.network.range }),
      ...(part?.failure === undefined ? {} : { failure: part.failure }),
    };
  });

export const clusterDetails = (
  cluster: Cluster,
  rest: { nodes: readonly NodeView[]; parts: readonly CloudParts[]; findings: readonly Finding[] },
): ClusterDetails => ({
  ...clusterView(cluster),
  nodes: rest.nodes,
  cloudParts: cloudView(cluster, rest.parts),
  findings: rest.findings,
});
