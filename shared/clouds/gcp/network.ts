import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { isForLater, isNotFound, refusal } from './failures.ts';
import type { FirewallChange } from './firewall.ts';
import { all, found, onePageAtATime, pageSize } from './lists.ts';
import { baseName, markedDescription } from './names.ts';
import {
  candidateOf,
  networkDifferences,
  networkPath,
  subnetworkPath,
  type IFirewall,
  type INetwork,
  type IRoute,
  type ISubnetwork,
  type NetworkChange,
} from './network-differences.ts';
import { begun, freshFailure, networkOperations } from './operations.ts';

const retryAfterSeconds = 2;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/** All firewalls and routes in the networks whose names match, whoever made them. */
export async function rulesIn(
  clients: Clients,
  namePattern: string,
): Promise<{ firewalls: IFirewall[]; routes: IRoute[] }> {
  const request = {
    project: clients.project,
    filter: `network eq ".*/networks/${namePattern}"`,
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
  const [network, subnetwork, rules] = await Promise.all([
    found(clients.networks.get({ project, network: name })),
    found(clients.subnetworks.get({ project, region: location.region, subnetwork: name })),
    rulesIn(clients, name),
  ]);
  const differences = networkDifferences(spec, project, {
    network: network as INetwork | undefined,
    subnetwork: subnetwork as ISubnetwork | undefined,
    ...rules,
  });
  const changes = differences.flatMap((one) => ('change' in one ? [one.change] : []));
  if (changes.length > 0)
    return beginAll({
      clients,
      region: location.region,
      name,
      changes: changes.map((change) => () => carryOut(clients, spec, change)),
      waitingFor: `${changes.length} parts of network ${name} to be right`,
    });
  // Whatever can be mended is mended by now.
  for (const one of differences)
    if ('refusal' in one) throw refusal(one.refusal, one.flaws.map(({ message }) => message).join('; '));

  const candidate = candidateOf(spec, subnetwork as ISubnetwork | undefined);
  if (candidate === undefined) throw refusal('invalid', `nothing was asked for in network ${name}`);
  return {
    done: true,
    value: {
      cloud: 'gcp',
      location,
      range: candidate.network,
      subnetRange: candidate.subnet,
      parts: {
        network: networkPath(project, name),
        subnetwork: subnetworkPath(project, location.region, name),
      },
    },
  };
}

function carryOut(clients: Clients, spec: NetworkSpec, change: NetworkChange): Promise<void> {
  if (change.what === 'network') return changeNetwork(clients, spec, change.verb);
  if (change.what === 'subnetwork') return insertSubnetwork(clients, spec, change.range);
  if (change.what === 'firewall') return changeFirewall(clients, change.firewall);
  const { route } = change;
  return route.verb === 'insert' ? insertRoute(clients, spec) : deleteRoute(clients, route.name);
}

async function changeNetwork(
  clients: Clients,
  spec: NetworkSpec,
  verb: 'insert' | 'patch' | 'switchToCustomMode',
): Promise<void> {
  const { project, networks } = clients;
  const name = baseName(spec.owner.clusterId);
  const routingConfig = { routingMode: 'REGIONAL' };
  switch (verb) {
    case 'insert': {
      const description = markedDescription(spec.owner, spec.clusterName);
      const networkResource = { name, description, autoCreateSubnetworks: false, routingConfig };
      begun(await networks.insert({ project, networkResource }));
      return;
    }
    case 'patch':
      begun(await networks.patch({ project, network: name, networkResource: { routingConfig } }));
      return;
    case 'switchToCustomMode':
      begun(await networks.switchToCustomMode({ project, network: name }));
  }
}

async function insertSubnetwork(clients: Clients, spec: NetworkSpec, range: string): Promise<void> {
  const { project } = clients;
  const name = baseName(spec.owner.clusterId);
  begun(
    await clients.subnetworks.insert({
      project,
      region: spec.location.region,
      subnetworkResource: {
        name,
        description: markedDescription(spec.owner, spec.clusterName),
        network: networkPath(project, name),
        ipCidrRange: range,
      },
    }),
  );
}

/** GCE makes a default route with every network; somebody deleted it. */
async function insertRoute(clients: Clients, spec: NetworkSpec): Promise<void> {
  const { project } = clients;
  const name = baseName(spec.owner.clusterId);
  begun(
    await clients.routes.insert({
      project,
      routeResource: {
        name: `${name}-internet`,
        description: markedDescription(spec.owner, `${spec.clusterName}: the way to the internet`),
        network: networkPath(project, name),
        destRange: '0.0.0.0/0',
        priority: 1000,
        nextHopGateway: `projects/${project}/global/gateways/default-internet-gateway`,
      },
    }),
  );
}

async function deleteRoute(clients: Clients, route: string): Promise<void> {
  begun(await clients.routes.delete({ project: clients.project, route }));
}

async function changeFirewall(clients: Clients, change: FirewallChange): Promise<void> {
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
