import type { NetworkSecurityGroup, VirtualNetwork } from '@azure/arm-network';
import type { Network, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { found, invalidRequest, unlessBusy } from './failures.ts';
import { sameRules, securityRules } from './firewall.ts';
import { firewallName, groupName, isOwned, networkName, ownerTags, subnetName } from './naming.ts';
import { pending } from './progress.ts';

const roles: readonly NodeRole[] = ['control-plane', 'worker'];
const settleSeconds = 2;

/** What the driver itself reads back from a network's parts. */
export const partNames = {
  group: 'resourceGroup',
  network: 'virtualNetwork',
  subnet: 'subnet',
  firewall: { 'control-plane': 'securityGroupControlPlane', worker: 'securityGroupWorker' },
} as const;

/**
 * Group, then virtual network and both security groups at once. Whatever stands is read first and written only where
 * it differs; its other settings, and tags that people added, are kept.
 */
export async function ensureNetwork(clients: Clients, spec: NetworkSpec): Promise<Progress<Network>> {
  const group = groupName(spec.owner.clusterId);
  const candidate = spec.candidates[0];
  if (candidate === undefined) throw invalidRequest('NoCandidate', 'no range was given for the network');

  const standing = await ensureGroup(clients, spec);
  if (standing !== undefined) return standing;

  const [network, ...firewalls] = await Promise.all([
    ensureVirtualNetwork(clients, spec, candidate),
    ...roles.map((role) => ensureFirewall(clients, spec, role, candidate.network)),
  ]);
  const subnet = network?.subnets?.find(({ name }) => name === subnetName);
  const [controlPlane, worker] = firewalls.map((firewall) => firewall?.id);
  if (
    network?.id === undefined ||
    subnet?.id === undefined ||
    controlPlane === undefined ||
    worker === undefined
  )
    return pending(`the network and firewalls in ${group}`, settleSeconds);
  return {
    done: true,
    value: {
      cloud: 'azure',
      location: spec.location,
      range: candidate.network,
      subnetRange: candidate.subnet,
      parts: {
        [partNames.group]: group,
        [partNames.network]: network.id,
        [partNames.subnet]: subnet.id,
        [partNames.firewall['control-plane']]: controlPlane,
        [partNames.firewall.worker]: worker,
      },
    },
  };
}

/** @returns what to wait for, or nothing when the group stands. */
async function ensureGroup(clients: Clients, spec: NetworkSpec) {
  const name = groupName(spec.owner.clusterId);
  const group = await found(clients.resources.resourceGroups.get(name));
  if (group === undefined) {
    await clients.resources.resourceGroups.createOrUpdate(name, {
      location: spec.location.region,
      tags: ownerTags(spec.owner),
    });
    return undefined;
  }
  if (group.properties?.provisioningState === 'Deleting')
    return pending(`resource group ${name} to be deleted before it can be made again`, 10);
  refuseStrangers(spec, 'resource group', name, group.tags);
  if (group.location.toLowerCase() !== spec.location.region.toLowerCase())
    throw invalidRequest(
      'InvalidResourceGroupLocation',
      `resource group ${name} stands in ${group.location}, not in ${spec.location.region}`,
    );
  return undefined;
}

function refuseStrangers(
  spec: NetworkSpec,
  kind: string,
  name: string,
  tags: Record<string, string> | undefined,
): void {
  if (!isOwned(tags, spec.owner))
    throw invalidRequest('NotOwned', `${kind} ${name} is in the way: it does not carry this cluster's tags`);
}

/** @returns the network once it stands as asked for. */
async function ensureVirtualNetwork(
  clients: Clients,
  spec: NetworkSpec,
  candidate: NetworkSpec['candidates'][number],
): Promise<VirtualNetwork | undefined> {
  const group = groupName(spec.owner.clusterId);
  const { virtualNetworks } = clients.network;
  const seen = await found(virtualNetworks.get(group, networkName));
  if (seen !== undefined) refuseStrangers(spec, 'virtual network', networkName, seen.tags);
  if (seen?.provisioningState === 'Updating' || seen?.provisioningState === 'Deleting') return undefined;

  const subnet = seen?.subnets?.find(({ name }) => name === subnetName);
  const ranges = seen?.addressSpace?.addressPrefixes ?? [];
  const right =
    seen?.provisioningState === 'Succeeded' &&
    ranges.length === 1 &&
    ranges[0] === candidate.network &&
    (subnet?.addressPrefix ?? subnet?.addressPrefixes?.[0]) === candidate.subnet &&
    // Either would close or reroute what the firewalls of the roles permit.
    subnet?.networkSecurityGroup === undefined &&
    subnet?.routeTable === undefined;
  if (right) return seen;

  const {
    networkSecurityGroup: _firewall,
    routeTable: _routes,
    addressPrefixes: _list,
    ...kept
  } = subnet ?? {};
  const others = seen?.subnets?.filter(({ name }) => name !== subnetName) ?? [];
  await unlessBusy(
    virtualNetworks.beginCreateOrUpdate(group, networkName, {
      ...seen,
      location: spec.location.region,
      tags: { ...seen?.tags, ...ownerTags(spec.owner) },
      addressSpace: { addressPrefixes: [candidate.network] },
      subnets: [{ ...kept, name: subnetName, addressPrefix: candidate.subnet }, ...others],
    }),
  );
  return undefined;
}

/** @returns the security group once it stands as asked for. */
async function ensureFirewall(
  clients: Clients,
  spec: NetworkSpec,
  role: NodeRole,
  networkRange: string,
): Promise<NetworkSecurityGroup | undefined> {
  const group = groupName(spec.owner.clusterId);
  const name = firewallName(role);
  const { networkSecurityGroups } = clients.network;
  const wanted = securityRules(spec.firewall[role], networkRange);
  const seen = await found(networkSecurityGroups.get(group, name));
  if (seen !== undefined) refuseStrangers(spec, 'security group', name, seen.tags);
  if (seen?.provisioningState === 'Updating' || seen?.provisioningState === 'Deleting') return undefined;
  if (seen?.provisioningState === 'Succeeded' && sameInbound(wanted, seen)) return seen;

  await unlessBusy(
    networkSecurityGroups.beginCreateOrUpdate(group, name, {
      location: spec.location.region,
      tags: { ...seen?.tags, ...ownerTags(spec.owner) },
      // Outbound is open, and what people restrict there is theirs.
      securityRules: [...wanted, ...outboundOf(seen)],
    }),
  );
  return undefined;
}

const outboundOf = (seen: NetworkSecurityGroup | undefined) =>
  (seen?.securityRules ?? []).filter(({ direction }) => direction === 'Outbound');

const sameInbound = (wanted: ReturnType<typeof securityRules>, seen: NetworkSecurityGroup): boolean =>
  sameRules(
    wanted,
    (seen.securityRules ?? []).filter(({ direction }) => direction !== 'Outbound'),
  );
