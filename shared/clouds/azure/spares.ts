import type { VirtualMachine } from '@azure/arm-compute';
import type {
  NetworkInterface,
  NetworkSecurityGroup,
  PublicIPAddress,
  VirtualNetwork,
} from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { OwnedResource, Progress } from '../contract.ts';
import { balancerAddressName, balancerName } from './balancer-model.ts';
import type { Clients } from './clients.ts';
import { found, invalidRequest, unlessGone } from './failures.ts';
import { removeBalancer } from './load-balancer.ts';
import {
  firewallName,
  groupIn,
  groupName,
  isOwned,
  nameIn,
  networkName,
  tokenIn,
  type Tags,
} from './naming.ts';
import { roles } from './network-differences.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

/*
 * What is owned and used by nothing. Only kinds that the driver makes are ever spare; whatever else carries the
 * owner's tags goes with the group. Azure itself refuses to delete any of these while it is in use.
 */

const spareSeconds = 2;
const machineSeconds = 5;

/** As the disk's own look has it, or the resource list, which knows one user alone. */
interface HeldDisk {
  readonly managedBy?: string | undefined;
  readonly managedByExtended?: readonly string[] | undefined;
}

const isFreeDisk = ({ managedBy, managedByExtended }: HeldDisk): boolean =>
  managedBy === undefined && (managedByExtended ?? []).length === 0;

const isFreeNic = ({ virtualMachine, privateEndpoint }: NetworkInterface): boolean =>
  virtualMachine === undefined && privateEndpoint === undefined;

const isFreeAddress = ({ ipConfiguration, natGateway, linkedPublicIPAddress }: PublicIPAddress): boolean =>
  [ipConfiguration, natGateway, linkedPublicIPAddress].every((user) => user === undefined);

/** `…/networkInterfaces/N/ipConfigurations/C` → `…/networkInterfaces/N`; empty when something else uses the address. */
const nicUsing = ({ ipConfiguration }: PublicIPAddress): string =>
  /^.+\/networkInterfaces\/[^/]+(?=\/ipConfigurations\/)/i.exec(ipConfiguration?.id ?? '')?.[0] ?? '';

const isFreeNetwork = ({ name, subnets, virtualNetworkPeerings }: VirtualNetwork): boolean =>
  name?.toLowerCase() !== networkName &&
  (virtualNetworkPeerings ?? []).length === 0 &&
  (subnets ?? []).every((subnet) =>
    [
      subnet.ipConfigurations,
      subnet.privateEndpoints,
      subnet.resourceNavigationLinks,
      subnet.serviceAssociationLinks,
    ].every((users) => (users ?? []).length === 0),
  );

const isFreeFirewall = ({ name, networkInterfaces, subnets }: NetworkSecurityGroup): boolean =>
  !roles.some((role) => firewallName(role) === name?.toLowerCase()) &&
  [networkInterfaces, subnets].every((users) => (users ?? []).length === 0);

/** Azure makes a machine's parts before it plugs them in. */
const isForMachineInMaking = (tags: Tags | undefined, vms: readonly VirtualMachine[]): boolean =>
  vms.some((vm) => vm.provisioningState === 'Creating' && tokenIn(vm.tags) === tokenIn(tags));

/** What a group's resources are in the subscription's lists; each looks a resource up by its id, in any case. */
export interface Known {
  readonly disk: (id: string) => HeldDisk | undefined;
  readonly nic: (id: string) => NetworkInterface | undefined;
  readonly address: (id: string) => PublicIPAddress | undefined;
  readonly network: (id: string) => VirtualNetwork | undefined;
  readonly firewall: (id: string) => NetworkSecurityGroup | undefined;
  readonly vms: readonly VirtualMachine[];
}

/** Whether an owned resource is used by nothing; one that the lists do not know is not. */
export function isSpare(
  { kind, id, tags }: { kind: string; id: string; tags: Tags | undefined },
  owner: Owner,
  known: Known,
): boolean {
  const holds = <T>(part: T | undefined, isFree: (part: T) => boolean): boolean =>
    part !== undefined && isFree(part);
  const isSpareNic = (nic: NetworkInterface | undefined): boolean =>
    holds(nic, isFreeNic) && isOwned(nic?.tags, owner);
  if (isForMachineInMaking(tags, known.vms)) return false;
  switch (kind) {
    case 'disk':
      return holds(known.disk(id), isFreeDisk);
    case 'interface':
      return isSpareNic(known.nic(id));
    case 'address':
      return holds(
        known.address(id),
        (address) => isFreeAddress(address) || isSpareNic(known.nic(nicUsing(address))),
      );
    case 'network':
      return holds(known.network(id), isFreeNetwork);
    case 'firewall':
      return holds(known.firewall(id), isFreeFirewall);
    default:
      return false;
  }
}

const gone = { done: true, value: 'gone' } as const;

/** Looks, refuses what is not the owner's or is in use, deletes, and says done when a look finds nothing. */
export async function removeSpare(
  clients: Clients,
  resource: OwnedResource,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const group = groupName(owner.clusterId);
  if (resource.kind === 'machine') return removeMachine(clients, group, resource.id, owner);
  if (groupIn(resource.id) !== group)
    throw invalidRequest('NotOwned', `${resource.kind} ${resource.name} is not in the cluster's group`);
  const vms = (await found(allOf(clients.compute.virtualMachines.list(group)))) ?? [];
  const at: Place = { clients, group, name: nameIn(resource.id), owner, vms };
  switch (resource.kind) {
    case 'disk':
      return removeDisk(at);
    case 'interface':
      return removeNic(at);
    case 'address':
      return at.name === balancerAddressName ? removeBalancerAddress(at) : removeAddress(at);
    case 'network':
      return removeNetwork(at);
    case 'firewall':
      return removeFirewall(at);
    case 'load-balancer':
      return removeLoadBalancer(at);
    default:
      throw invalidRequest('NotSpare', `a ${resource.kind} is never spare`);
  }
}

interface Place {
  readonly clients: Clients;
  readonly group: string;
  readonly name: string;
  readonly owner: Owner;
  readonly vms: readonly VirtualMachine[];
}

async function removeFree<T extends { readonly tags?: Tags }>(
  { name, owner, vms }: Place,
  kind: string,
  work: {
    readonly look: Promise<T>;
    readonly isFree: (seen: T) => boolean;
    readonly remove: (seen: T) => Promise<unknown>;
  },
): Promise<Progress<'gone'>> {
  const seen = await found(work.look);
  if (seen === undefined) return gone;
  if (!isOwned(seen.tags, owner))
    throw invalidRequest('NotOwned', `${kind} ${name} does not carry this cluster's tags`);
  if (!work.isFree(seen) || isForMachineInMaking(seen.tags, vms))
    throw invalidRequest('InUse', `${kind} ${name} is in use`);
  await unlessGone(work.remove(seen));
  return pending(`${kind} ${name} to be deleted`, spareSeconds);
}

const removeDisk = (place: Place): Promise<Progress<'gone'>> => {
  const { disks } = place.clients.compute;
  return removeFree(place, 'disk', {
    look: disks.get(place.group, place.name),
    isFree: isFreeDisk,
    remove: () => disks.delete(place.group, place.name).submitted(),
  });
};

const removeNic = (place: Place): Promise<Progress<'gone'>> => {
  const { networkInterfaces } = place.clients.network;
  return removeFree(place, 'interface', {
    look: networkInterfaces.get(place.group, place.name),
    isFree: isFreeNic,
    remove: () => networkInterfaces.beginDelete(place.group, place.name),
  });
};

/** Of the load balancers only the cluster's own is ever spare: whoever says so knows that nobody wants it. */
const removeLoadBalancer = async (place: Place): Promise<Progress<'gone'>> => {
  const { clients, group, name, owner } = place;
  const seen = await found(clients.network.loadBalancers.get(group, name));
  if (seen === undefined) return gone;
  if (name !== balancerName || !isOwned(seen.tags, owner))
    throw invalidRequest('NotOwned', `load balancer ${name} is not this cluster's own`);
  await removeBalancer(clients, owner);
  return pending(`load balancer ${name} to be deleted`, spareSeconds);
};

/** The load balancer's goes after it. */
const removeBalancerAddress = async (place: Place): Promise<Progress<'gone'>> => {
  const { publicIPAddresses } = place.clients.network;
  const address = await found(publicIPAddresses.get(place.group, place.name));
  if (isOwned(address?.tags, place.owner) && (await removeBalancer(place.clients, place.owner)))
    return pending(`the load balancer at ${place.name} to be deleted`, spareSeconds);
  return removeFree(place, 'address', {
    look: publicIPAddresses.get(place.group, place.name),
    isFree: isFreeAddress,
    remove: () => publicIPAddresses.beginDelete(place.group, place.name),
  });
};

/** An interface that is spare itself goes before its address, which Azure does not delete while it is on one. */
const removeAddress = async (place: Place): Promise<Progress<'gone'>> => {
  const { publicIPAddresses, networkInterfaces } = place.clients.network;
  const look = publicIPAddresses.get(place.group, place.name);
  const nicId = nicUsing((await found(look)) ?? {});
  const nic = nicId === '' ? undefined : await found(networkInterfaces.get(groupIn(nicId), nameIn(nicId)));
  const isLast =
    nic !== undefined &&
    groupIn(nicId) === place.group &&
    isFreeNic(nic) &&
    isOwned(nic.tags, place.owner) &&
    !isForMachineInMaking(nic.tags, place.vms);
  return removeFree(place, 'address', {
    look,
    isFree: (address) => isFreeAddress(address) || isLast,
    remove: (address) =>
      isFreeAddress(address)
        ? publicIPAddresses.beginDelete(place.group, place.name)
        : networkInterfaces.beginDelete(place.group, nameIn(nicId)),
  });
};

const removeNetwork = (place: Place): Promise<Progress<'gone'>> => {
  const { virtualNetworks } = place.clients.network;
  return removeFree(place, 'network', {
    look: virtualNetworks.get(place.group, place.name),
    isFree: isFreeNetwork,
    remove: () => virtualNetworks.beginDelete(place.group, place.name),
  });
};

const removeFirewall = (place: Place): Promise<Progress<'gone'>> => {
  const { networkSecurityGroups } = place.clients.network;
  return removeFree(place, 'firewall', {
    look: networkSecurityGroups.get(place.group, place.name),
    isFree: isFreeFirewall,
    remove: () => networkSecurityGroups.beginDelete(place.group, place.name),
  });
};

/** Interface, address and disk were made to go with it; one that somebody took off it before is spare by itself. */
async function removeMachine(
  clients: Clients,
  group: string,
  name: string,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const { virtualMachines } = clients.compute;
  if (name.includes('/'))
    throw invalidRequest('NotOwned', `virtual machine ${name} is not in the cluster's group`);
  const vm = await found(virtualMachines.get(group, name));
  if (vm === undefined) return gone;
  if (!isOwned(vm.tags, owner))
    throw invalidRequest('NotOwned', `virtual machine ${name} does not carry this cluster's tags`);
  if (vm.provisioningState !== 'Deleting')
    await unlessGone(virtualMachines.delete(group, name, { forceDeletion: true }).submitted());
  return pending(`virtual machine ${name} to be deleted`, machineSeconds);
}
