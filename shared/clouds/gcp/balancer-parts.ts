import type { protos } from '@google-cloud/compute';
import type { HealthCheck, LoadBalancerSpec } from '../../domain/load-balancer.ts';
import { baseName, markedDescription } from './names.ts';

/*
 * A regional external passthrough Network Load Balancer is five kinds of things, each named by the cluster's UUID and marked
 * in its description: a reserved address, a health check, an unmanaged group of instances in the cluster's zone, a backend
 * service that sends what comes to those of the group that are healthy, and a forwarding rule for each port, which all share
 * the address. Packets reach a machine as their client sent them, so that a listener's two ports are one: the guest agent of
 * Google's images takes packets for the balancer's address in.
 */

type Compute = typeof protos.google.cloud.compute.v1;
export type IAddress = InstanceType<Compute['Address']>;
export type IHealthCheck = InstanceType<Compute['HealthCheck']>;
export type IInstanceGroup = InstanceType<Compute['InstanceGroup']>;
export type IBackendService = InstanceType<Compute['BackendService']>;
export type IForwardingRule = InstanceType<Compute['ForwardingRule']>;

/** How long connections of a member that left may live on. */
const drainingSeconds = 60;

/** Where a cluster's parts stand: paths below `compute/v1/`. */
export interface BalancerPlace {
  readonly project: string;
  readonly region: string;
  readonly zone: string;
  readonly name: string;
}

export const placeOf = (
  spec: Pick<LoadBalancerSpec, 'owner' | 'location'>,
  project: string,
): BalancerPlace => ({ project, ...spec.location, name: baseName(spec.owner.clusterId) });

const regional = ({ project, region, name }: BalancerPlace, kind: string): string =>
  `projects/${project}/regions/${region}/${kind}/${name}`;
export const addressPath = (place: BalancerPlace): string => regional(place, 'addresses');
export const healthCheckPath = (place: BalancerPlace): string => regional(place, 'healthChecks');
export const backendServicePath = (place: BalancerPlace): string => regional(place, 'backendServices');
export const groupPath = ({ project, zone, name }: BalancerPlace): string =>
  `projects/${project}/zones/${zone}/instanceGroups/${name}`;
export const instancePath = ({ project, zone }: BalancerPlace, instance: string): string =>
  `projects/${project}/zones/${zone}/instances/${instance}`;

/** `overcast-<cluster id>-443`. */
export const ruleName = ({ name }: Pick<BalancerPlace, 'name'>, port: number): string => `${name}-${port}`;

/** The API says `80-80` of one port. */
const portRange = (port: number): string => `${port}-${port}`;

export const wantedAddress = (spec: LoadBalancerSpec, { name }: BalancerPlace) => ({
  name,
  description: markedDescription(spec.owner, `${spec.clusterName}: where its load balancer is reached`),
  addressType: 'EXTERNAL',
  networkTier: 'PREMIUM',
});

export const wantedGroup = (spec: LoadBalancerSpec, { name }: BalancerPlace) => ({
  name,
  description: markedDescription(spec.owner, `${spec.clusterName}: workers behind its load balancer`),
  network: spec.network.parts['network'] ?? '',
});

export const wantedHealthCheck = (spec: LoadBalancerSpec, { name }: BalancerPlace) => ({
  name,
  description: markedDescription(spec.owner, `${spec.clusterName}: whether a worker serves ingress`),
  ...checkFields(spec.healthCheck),
});

const checkFields = (check: HealthCheck) => ({
  type: 'HTTP',
  checkIntervalSec: check.intervalSeconds,
  timeoutSec: check.timeoutSeconds,
  healthyThreshold: check.healthyAfter,
  unhealthyThreshold: check.unhealthyAfter,
  httpHealthCheck: {
    port: check.port,
    portSpecification: 'USE_FIXED_PORT',
    requestPath: check.path,
  },
});

export const wantedBackendService = (spec: LoadBalancerSpec, place: BalancerPlace) => ({
  name: place.name,
  description: markedDescription(spec.owner, `${spec.clusterName}: its load balancer`),
  loadBalancingScheme: 'EXTERNAL',
  protocol: 'TCP',
  sessionAffinity: 'NONE',
  healthChecks: [healthCheckPath(place)],
  backends: [{ group: groupPath(place), balancingMode: 'CONNECTION' }],
  connectionDraining: { drainingTimeoutSec: drainingSeconds },
});

export const wantedRule = (spec: LoadBalancerSpec, place: BalancerPlace, port: number) => ({
  name: ruleName(place, port),
  description: markedDescription(spec.owner, `${spec.clusterName}: port ${port} of its load balancer`),
  IPAddress: addressPath(place),
  IPProtocol: 'TCP',
  portRange: portRange(port),
  loadBalancingScheme: 'EXTERNAL',
  networkTier: 'PREMIUM',
  backendService: backendServicePath(place),
});
