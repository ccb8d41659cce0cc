import type { protos } from '@google-cloud/compute';
import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { isForLater, isNotFound, refusal } from './failures.ts';
import { firewallChanges, wantedFirewalls, type FirewallChange } from './firewall.ts';
import { all, found, onePageAtATime, pageSize } from './lists.ts';
import { baseName, isMarkedBy, markedDescription } from './names.ts';
import { begun, freshFailure, networkOperations } from './operations.ts';

type Compute = typeof protos.google.cloud.compute.v1;
type IFirewall = InstanceType<Compute['Firewall']>;
type IRoute = InstanceType<Compute['Route']>;

const retryAfterSeconds = 2;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/** Paths below `compute/v1/`, which the API takes wherever it wants a resource's URL. */
export const networkPath = (project: string, name: string): string =>
  `projects/${project}/global/networks/${name}`;
export const subnetworkPath = (project: string, region: string, name: string): string =>
  `projects/${project}/regions/${region}/subnetworks/${name}`;

/** All firewalls and routes in one network, whoever made them. */
export async function rulesOf(
  clients: Clients,
  networkName: string,
): Promise<{ firewalls: IFirewall[]; routes: IRoute[] }> {
  const request = {
    project: clients.project,
    filter: `network eq ".*/networks/${networkName}"`,
    maxResults: pageSize,
  };
  const [firewalls, routes] = await Promise.all([
    all(clients.firewalls.listAsync(request, onePageAtATime)),
    all(clients.routes.listAsync(request, onePageAtATime)),
  ]);
  return { firewalls: firewalls as IFirewall[], routes: routes as IRoute[] };
}

/** A custom-mode network with one subnet, the way to the internet, and one firewall per role and kind of source. */
export async function ensureNetwork(clients: Clients, spec: NetworkSpec): Promise<Progress<Network>> {
  const { project } = clients;
  const { owner, location } = spec;
  const name = baseName(owner.clusterId);
  const path = networkPath(project, name);
  const [network, subnetwork, rules] = await Promise.all([
    found(clients.networks.get({ project, network: name })),
    found(clients.subnetworks.get({ project, region: location.region, subnetwork: name })),
    rulesOf(clients, name),
  ]);
  const begin = (changes: readonly (() => Promise<unknown>)[], waitingFor: string) =>
    beginAll({ clients, region: location.region, name, changes, waitingFor });

  if (network === undefined)
    return begin([() => insertNetwork(clients, spec, name)], `network ${name} to be made`);
  if (!isMarkedBy(network, owner))
    throw refusal('alreadyExists', `network ${name} is there and does not carry the cluster's marks`);

  const candidate = spec.candidates.find(
    (one) => subnetwork === undefined || one.subnet === subnetwork.ipCidrRange,
  );
  if (candidate === undefined)
    throw refusal(
      'invalid',
      `subnet ${name} has ${subnetwork?.ipCidrRange ?? 'no range'}, which nobody asked for`,
    );

  const changes = firewallChanges(wantedFirewalls(spec, path), rules.firewalls).map(
    (change) => () => carryOut(clients, change),
  );
  if (subnetwork === undefined)
    changes.push(() => insertSubnetwork(clients, spec, { name, path, range: candidate.subnet }));
  if (!rules.routes.some(leadsToInternet)) changes.push(() => insertRoute(clients, spec, { name, path }));
  if (changes.length > 0) return begin(changes, `${changes.length} parts of network ${name} to be right`);

  return {
    done: true,
    value: {
      cloud: 'gcp',
      location,
      range: candidate.network,
      subnetRange: candidate.subnet,
      parts: { network: path, subnetwork: subnetworkPath(project, location.region, name) },
    },
  };
}

const leadsToInternet = (route: IRoute): boolean =>
  route.destRange === '0.0.0.0/0' && (route.nextHopGateway ?? '').endsWith('/default-internet-gateway');

const insertNetwork = async (clients: Clients, spec: NetworkSpec, name: string): Promise<void> => {
  begun(
    await clients.networks.insert({
      project: clients.project,
      networkResource: {
        name,
        description: markedDescription(spec.owner, spec.clusterName),
        autoCreateSubnetworks: false,
        routingConfig: { routingMode: 'REGIONAL' },
      },
    }),
  );
};

const insertSubnetwork = async (
  clients: Clients,
  spec: NetworkSpec,
  { name, path, range }: { name: string; path: string; range: string },
): Promise<void> => {
  begun(
    await clients.subnetworks.insert({
      project: clients.project,
      region: spec.location.region,
      subnetworkResource: {
        name,
        description: markedDescription(spec.owner, spec.clusterName),
        network: path,
        ipCidrRange: range,
      },
    }),
  );
};

/** GCE makes a default route with every network; somebody deleted it. */
const insertRoute = async (
  clients: Clients,
  spec: NetworkSpec,
  { name, path }: { name: string; path: string },
): Promise<void> => {
  begun(
    await clients.routes.insert({
      project: clients.project,
      routeResource: {
        name: `${name}-internet`,
        description: markedDescription(spec.owner, `${spec.clusterName}: the way to the internet`),
        network: path,
        destRange: '0.0.0.0/0',
        priority: 1000,
        nextHopGateway: `projects/${clients.project}/global/gateways/default-internet-gateway`,
      },
    }),
  );
};

async function carryOut(clients: Clients, change: FirewallChange): Promise<void> {
  const { project, firewalls } = clients;
  switch (change.verb) {
    case 'insert':
      begun(await firewalls.insert({ project, firewallResource: change.firewall.resource }));
      return;
    case 'update':
      begun(
        await firewalls.update({
          project,
          firewall: change.firewall.name,
          firewallResource: change.firewall.resource,
        }),
      );
      return;
    case 'delete':
      begun(await firewalls.delete({ project, firewall: change.name }));
  }
}

/**
 * Begins all changes at once; the next call looks what became of them. One that was begun already, by a call whose
 * reply was lost or one running beside this, is left to finish. Before anything is begun, what was begun just now and
 * failed is reported: such an insert leaves nothing but its operation.
 */
async function beginAll(options: {
  clients: Clients;
  region: string;
  name: string;
  changes: readonly (() => Promise<unknown>)[];
  waitingFor: string;
}): Promise<Progress<never>> {
  const { clients, region, name, changes, waitingFor } = options;
  const failure = freshFailure(await networkOperations(clients, region, name), clients.now());
  if (failure !== undefined) throw failure;
  const outcomes = await Promise.allSettled(changes.map((change) => change()));
  for (const outcome of outcomes)
    if (outcome.status === 'rejected' && !isForLater(outcome.reason) && !isNotFound(outcome.reason))
      throw outcome.reason;
  return waiting(waitingFor);
}
