import type { NetworkSecurityGroup, VirtualNetwork } from '@azure/arm-network';
import type { Network, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { found, invalidRequest, unlessBusy } from './failures.ts';
import { outboundRules, securityRules } from './firewall.ts';
import {
  firewallName,
  groupName,
  isAnothers,
  isOwned,
  networkName,
  ownerTags,
  subnetName,
  type Tags,
} from './naming.ts';
import { firewallDifferences, isIn, networkDifferences, roles } from './network-differences.ts';
import { pending } from './progress.ts';

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
 *
 * What lost the owner's tags gets them back, for in the cluster's own group, and under these names, it can be nobody
 * else's; what carries another owner's tags is in the way.
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
  if (group?.properties?.provisioningState === 'Deleting')
    return pending(`resource group ${name} to be deleted before it can be made again`, 10);
  refuseAnothers(spec, 'resource group', name, group?.tags);
  if (group !== undefined && !isIn(group, spec.location.region))
    throw invalidRequest(
      'InvalidResourceGroupLocation',
      `resource group ${name} stands in ${group.location}, not in ${spec.location.region}`,
    );
  if (!isOwned(group?.tags, spec.owner))
    await clients.resources.resourceGroups.createOrUpdate(name, {
      location: group?.location ?? spec.location.region,
      tags: { ...group?.tags, ...ownerTags(spec.owner) },
    });
  return undefined;
}

function refuseAnothers(spec: NetworkSpec, kind: string, name: string, tags: Tags | undefined): void {
  if (isAnothers(tags, spec.owner))
    throw invalidRequest('NotOwned', `${kind} ${name} is in the way: it carries another owner's tags`);
}

const isChanging = (seen: { provisioningState?: string } | undefined): boolean =>
  seen?.provisioningState === 'Updating' || seen?.provisioningState === 'Deleting';

/** @returns the network once it stands as asked for. */
async function ensureVirtualNetwork(
  clients: Clients,
  spec: NetworkSpec,
  candidate: NetworkSpec['candidates'][number],
): Promise<VirtualNetwork | undefined> {
  const group = groupName(spec.owner.clusterId);
  const { virtualNetworks } = clients.network;
  const seen = await found(virtualNetworks.get(group, networkName));
  refuseAnothers(spec, 'virtual network', networkName, seen?.tags);
  if (isChanging(seen)) return undefined;
  if (networkDifferences(seen, spec).length === 0) return seen;

  const {
    networkSecurityGroup: _firewall,
    routeTable: _routes,
    natGateway: _gateway,
    addressPrefixes: _list,
    ...kept
  } = seen?.subnets?.find(({ name }) => name === subnetName) ?? {};
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
  refuseAnothers(spec, 'security group', name, seen?.tags);
  if (isChanging(seen)) return undefined;
  if (firewallDifferences(seen, spec, role).length === 0) return seen;

  await unlessBusy(
    networkSecurityGroups.beginCreateOrUpdate(group, name, {
      location: spec.location.region,
      tags: { ...seen?.tags, ...ownerTags(spec.owner) },
      // Outbound is open, and what people restrict there is theirs.
      securityRules: [...wanted, ...outboundRules(wanted, seen?.securityRules ?? [])],
    }),
  );
  return undefined;
}
