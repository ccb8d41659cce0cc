import type {
  CloudView,
  ClusterDetails,
  NamesView,
  NodeView,
  SnapshotView,
} from '../../shared/domain/api-types.ts';
import type { CloudParts, Cluster } from '../../shared/domain/cluster.ts';
import { clusterView } from '../../shared/domain/cluster-view.ts';
import type { Finding } from '../../shared/domain/finding.ts';
import type { Snapshot } from '../../shared/domain/snapshot.ts';
import { nodeName, type Node } from '../../shared/domain/node.ts';
import { versionOf } from '../../shared/planning/upgrading.ts';

/** What the world may see of an item: named field by field, so that a new field is private until somebody shows it. */
export const nodeView = (cluster: Cluster, node: Node): NodeView => ({
  id: node.id,
  number: node.number,
  name: nodeName(cluster.name, node.number),
  role: node.role,
  cloud: node.cloud,
  zone: node.offering.zone,
  instanceType: node.offering.instanceType,
  kubernetesVersion: versionOf(node, cluster),
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
  ...(node.drainHeldUp === undefined || node.phase === 'deleted'
    ? {}
    : {
        drainHeldUp: {
          since: node.drainHeldUp.since,
          because: node.drainHeldUp.because,
          pods: node.drainHeldUp.pods,
        },
      }),
  createdAt: node.createdAt,
  ...(node.readyAt === undefined ? {} : { readyAt: node.readyAt }),
});

export const snapshotView = ({ id, takenAt, number, sizeBytes }: Snapshot): SnapshotView => ({
  id,
  takenAt,
  number,
  ...(sizeBytes === undefined ? {} : { sizeBytes }),
});

const loadBalancerView = (
  part: CloudParts | undefined,
): Pick<CloudView, 'loadBalancer' | 'loadBalancerFailure'> => {
  const { loadBalancer, loadBalancerFailure } = part ?? {};
  return {
    ...(loadBalancer === undefined
      ? {}
      : {
          loadBalancer: {
            ...(loadBalancer.dnsName === undefined ? {} : { dnsName: loadBalancer.dnsName }),
            addresses: loadBalancer.addresses,
          },
        }),
    ...(loadBalancerFailure === undefined ? {} : { loadBalancerFailure }),
  };
};

const cloudView = (cluster: Cluster, parts: readonly CloudParts[]): readonly CloudView[] =>
  cluster.clouds.map(({ cloud }) => {
    const part = parts.find((each) => each.cloud === cloud);
    return {
      cloud,
      ...(part?.network === undefined ? {} : { network: part.network.range }),
      ...(part?.failure === undefined ? {} : { failure: part.failure }),
      ...loadBalancerView(part),
    };
  });

export const clusterDetails = (
  cluster: Cluster,
  rest: {
    nodes: readonly NodeView[];
    parts: readonly CloudParts[];
    names: NamesView;
    findings: readonly Finding[];
  },
): ClusterDetails => ({
  ...clusterView(cluster),
  nodes: rest.nodes,
  cloudParts: cloudView(cluster, rest.parts),
  names: rest.names,
  findings: rest.findings,
});
