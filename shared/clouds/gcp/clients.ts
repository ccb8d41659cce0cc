// Deep imports: the package's index loads a hundred clients, 29 MB when bundled and nearly three seconds of init.
// infra/bundling/gcp.ts keeps of their protocol descriptions what it names; a method used here must be named there.
import { AddressesClient } from '@google-cloud/compute/build/src/v1/addresses_client.js';
import { DisksClient } from '@google-cloud/compute/build/src/v1/disks_client.js';
import { FirewallsClient } from '@google-cloud/compute/build/src/v1/firewalls_client.js';
import { ForwardingRulesClient } from '@google-cloud/compute/build/src/v1/forwarding_rules_client.js';
import { GlobalOperationsClient } from '@google-cloud/compute/build/src/v1/global_operations_client.js';
import { InstanceGroupsClient } from '@google-cloud/compute/build/src/v1/instance_groups_client.js';
import { InstancesClient } from '@google-cloud/compute/build/src/v1/instances_client.js';
import { NetworksClient } from '@google-cloud/compute/build/src/v1/networks_client.js';
import { ProjectsClient } from '@google-cloud/compute/build/src/v1/projects_client.js';
import { RegionBackendServicesClient } from '@google-cloud/compute/build/src/v1/region_backend_services_client.js';
import { RegionHealthChecksClient } from '@google-cloud/compute/build/src/v1/region_health_checks_client.js';
import { RegionOperationsClient } from '@google-cloud/compute/build/src/v1/region_operations_client.js';
import { RoutesClient } from '@google-cloud/compute/build/src/v1/routes_client.js';
import { SubnetworksClient } from '@google-cloud/compute/build/src/v1/subnetworks_client.js';
import { ZoneOperationsClient } from '@google-cloud/compute/build/src/v1/zone_operations_client.js';
import { authorization, type GcpCredentials } from './credentials.ts';
import { transport } from './transport.ts';

export type ClientOptions = NonNullable<ConstructorParameters<typeof InstancesClient>[0]>;

export interface Clients {
  readonly project: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  readonly instances: InstancesClient;
  readonly disks: DisksClient;
  readonly networks: NetworksClient;
  readonly subnetworks: SubnetworksClient;
  readonly firewalls: FirewallsClient;
  readonly routes: RoutesClient;
  readonly addresses: AddressesClient;
  readonly healthChecks: RegionHealthChecksClient;
  readonly instanceGroups: InstanceGroupsClient;
  readonly backendServices: RegionBackendServicesClient;
  readonly forwardingRules: ForwardingRulesClient;
  readonly projects: ProjectsClient;
  readonly globalOperations: GlobalOperationsClient;
  readonly regionOperations: RegionOperationsClient;
  readonly zoneOperations: ZoneOperationsClient;
}

export function endpointOptions(endpoint: string | undefined): ClientOptions {
  if (endpoint === undefined) return {};
  const { hostname, port, protocol } = new URL(endpoint);
  const defaultPort = protocol === 'https:' ? 443 : 80;
  return {
    apiEndpoint: hostname,
    port: port === '' ? defaultPort : Number(port),
    protocol: protocol.replace(':', ''),
  };
}

export function clientsFor(credentials: GcpCredentials, now: () => number): Clients {
  const authClient = transport(authorization(credentials));
  // A fresh object for each: the clients write into it. REST mode; the shim is all of an auth client that it uses.
  const options = (): ClientOptions => ({
    ...endpointOptions(credentials.endpoint),
    fallback: true,
    authClient: authClient as unknown as NonNullable<ClientOptions['authClient']>,
  });
  return {
    project: credentials.projectId,
    now,
    instances: new InstancesClient(options()),
    disks: new DisksClient(options()),
    networks: new NetworksClient(options()),
    subnetworks: new SubnetworksClient(options()),
    firewalls: new FirewallsClient(options()),
    routes: new RoutesClient(options()),
    addresses: new AddressesClient(options()),
    healthChecks: new RegionHealthChecksClient(options()),
    instanceGroups: new InstanceGroupsClient(options()),
    backendServices: new RegionBackendServicesClient(options()),
    forwardingRules: new ForwardingRulesClient(options()),
    projects: new ProjectsClient(options()),
    globalOperations: new GlobalOperationsClient(options()),
    regionOperations: new RegionOperationsClient(options()),
    zoneOperations: new ZoneOperationsClient(options()),
  };
}
