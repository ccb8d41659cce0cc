import type { CloudName } from '../domain/cloud.ts';
import type { CloudParts, Cluster } from '../domain/cluster.ts';
import {
  ingressHealth,
  ingressPorts,
  type HealthCheck,
  type LoadBalancer,
  type LoadBalancerSpec,
  type Member,
} from '../domain/load-balancer.ts';
import type { Network } from '../domain/network.ts';
import { nodeName, type Node } from '../domain/node.ts';
import { locationOf } from '../domain/regions.ts';

/** Within what all four clouds take: AWS from 5 s and two answers, DigitalOcean from 3 s, Azure from 5 s. */
const healthCheck: HealthCheck = {
  ...ingressHealth,
  intervalSeconds: 10,
  timeoutSeconds: 5,
  unhealthyAfter: 2,
  healthyAfter: 2,
};

/** Only where there are workers that are to stay: the others would serve nothing and cost as much. */
export const wantsLoadBalancer = (
  cluster: Pick<Cluster, 'ingress' | 'desired'>,
  nodes: readonly Node[],
  cloud: CloudName,
): boolean =>
  cluster.desired === 'present' &&
  cluster.ingress?.loadBalancers === true &&
  nodes.some(
    (node) =>
      node.cloud === cloud && node.role === 'worker' && node.desired === 'present' && node.phase !== 'failed',
  );

/**
 * Who is to be behind a cloud's load balancer: workers that have joined the cluster and are to stay. Whether one of them takes
 * traffic is the health check's to say.
 */
export const loadBalancerMembers = (
  cluster: Pick<Cluster, 'name'>,
  nodes: readonly Node[],
  cloud: CloudName,
): readonly Member[] =>
  nodes
    .filter((node) => node.cloud === cloud && serves(node))
    .flatMap(({ id, number, providerId, createRequest, offering }) => {
      const { region, zone } = createRequest?.offering ?? offering;
      const name = nodeName(cluster.name, number);
      return providerId === undefined ? [] : [{ providerId, nodeId: id, name, location: { region, zone } }];
    });

const serves = ({ role, desired, joinedAt, phase, failure }: Node): boolean =>
  role === 'worker' &&
  desired === 'present' &&
  joinedAt !== undefined &&
  phase !== 'failed' &&
  failure === undefined;

/**
 * What a look at a cloud is to hold its load balancer against, as the cloud contract's `Watched.expected` has it: nothing
 * while one that is wanted was never recorded, since it is still being built.
 */
export const expectedLoadBalancer = (options: {
  cluster: Cluster;
  nodes: readonly Node[];
  stands: CloudParts;
  installation: string;
}): { readonly loadBalancer?: LoadBalancerSpec | 'none' } => {
  const { cluster, nodes, stands } = options;
  const { cloud, network, loadBalancer: known } = stands;
  if (!wantsLoadBalancer(cluster, nodes, cloud)) return { loadBalancer: 'none' };
  if (network === undefined || known === undefined) return {};
  return { loadBalancer: planLoadBalancer({ ...options, cloud, network, known }) };
};

/** One cloud's load balancer. Equal clusters have equal specs, so that repairing changes nothing. */
export const planLoadBalancer = (options: {
  cluster: Pick<Cluster, 'id' | 'name' | 'region'>;
  cloud: CloudName;
  installation: string;
  network: Network;
  nodes: readonly Node[];
  /** As it was recorded when it first stood. */
  known?: LoadBalancer | undefined;
}): LoadBalancerSpec => {
  const { cluster, cloud, installation, network, nodes, known } = options;
  return {
    owner: { installation, clusterId: cluster.id },
    clusterName: cluster.name,
    location: locationOf(cluster.region, cloud),
    network,
    listeners: ingressPorts.map((port) => ({ port, targetPort: port })),
    healthCheck,
    members: loadBalancerMembers(cluster, nodes, cloud),
    ...(known === undefined ? {} : { known: known.parts }),
  };
};
