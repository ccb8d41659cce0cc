import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, OwnedResource, Stranger } from '../contract.ts';
import type { Clients } from './clients.ts';
import { found } from './failures.ts';
import { asMachine } from './machine-view.ts';
import { groupIn, groupName, isOwned, nameIn, type Tags } from './naming.ts';
import { allOf } from './pages.ts';

/** Groups are read one by one: so many at once. */
const groupsAtOnce = 4;

/** One resource of a group, of whatever kind, as the resource list tells it. */
export interface Listed {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly tags: Tags | undefined;
  readonly managedBy: string | undefined;
}

const machineType = 'microsoft.compute/virtualmachines';
const kinds: Readonly<Record<string, string>> = {
  [machineType]: 'machine',
  'microsoft.compute/disks': 'disk',
  'microsoft.network/virtualnetworks': 'network',
  'microsoft.network/networksecuritygroups': 'firewall',
  'microsoft.network/networkinterfaces': 'interface',
  'microsoft.network/publicipaddresses': 'address',
};
const kindOf = (type: string): string => kinds[type.toLowerCase()] ?? type;

/** Everything in a group, or `undefined` when there is no such group. */
export async function listGroup(clients: Clients, group: string): Promise<readonly Listed[] | undefined> {
  const listed = await found(allOf(clients.resources.resources.listByResourceGroup(group)));
  return listed?.map((row) => ({
    id: row.id ?? '',
    type: row.type ?? '',
    name: row.name ?? nameIn(row.id),
    tags: row.tags,
    managedBy: row.managedBy,
  }));
}

/** What tells whose a resource is when its own tags do not. */
interface Surroundings {
  /** At least the machines in the group. */
  readonly vms: readonly VirtualMachine[];
  /** Of the whole subscription: a network takes interfaces from every group. */
  readonly nics: readonly NetworkInterface[];
}

/**
 * Whatever does not carry both tags, but for what belongs to something that does: the system disk of an owned machine
 * (Azure makes it without tags, and it is tagged only once it is there), and children such as a machine's extensions,
 * which Azure Policy likes to add. A data disk that somebody attached holds somebody's data: it is a stranger.
 *
 * And interfaces of other groups in this group's network, with their machines: the network cannot go before them.
 */
export function strangersAmong(
  listed: readonly Listed[],
  owner: Owner,
  inside: string,
  { vms, nics }: Surroundings,
): Stranger[] {
  const ownedIds = new Set(
    listed.filter(({ tags }) => isOwned(tags, owner)).map(({ id }) => id.toLowerCase()),
  );
  const systemDiskOf = new Map(
    vms.map((vm) => [vm.id?.toLowerCase(), vm.storageProfile?.osDisk?.name?.toLowerCase()]),
  );
  const belongsToOurs = ({ type, id, name, managedBy }: Listed): boolean => {
    const holder = managedBy?.toLowerCase() ?? '';
    if (ownedIds.has(holder))
      return kindOf(type) !== 'disk' || systemDiskOf.get(holder) === name.toLowerCase();
    return type.split('/').length > 2 && ownedIds.has(id.toLowerCase().split('/').slice(0, -2).join('/'));
  };
  const within = listed
    .filter((row) => !isOwned(row.tags, owner) && !belongsToOurs(row))
    .map(({ id, type, name }) => {
      const kind = kindOf(type);
      // Machines go by their names, as everywhere; the rest by Azure's full ids.
      return { kind, id: kind === 'machine' ? name : id, name, inside };
    });
  const subnets = new RegExp(`/resourcegroups/${inside}/providers/microsoft.network/virtualnetworks/`, 'i');
  const plugged = nics
    .filter((nic) => groupIn(nic.id) !== inside.toLowerCase())
    .filter((nic) => nic.ipConfigurations?.some(({ subnet }) => subnets.test(subnet?.id ?? '')) === true)
    .map((nic) =>
      nic.virtualMachine?.id === undefined
        ? { kind: 'interface', id: nic.id ?? '', name: nic.name ?? '', inside }
        : { kind: 'machine', id: nic.virtualMachine.id, name: nameIn(nic.virtualMachine.id), inside },
    );
  return [...within, ...plugged];
}

/**
 * Five lists of the subscription, shared by all the clusters, and one list for each cluster's group: the resource list
 * names everything, the machines' lists know power and addresses.
 */
export async function observe(
  clients: Clients,
  owners: readonly Owner[],
): Promise<readonly ClusterObservation[]> {
  if (owners.length === 0) return [];
  const { resources, compute, network } = clients;
  const [groups, vms, statuses, nics, addresses] = await Promise.all([
    allOf(resources.resourceGroups.list()),
    allOf(compute.virtualMachines.listAll()),
    allOf(compute.virtualMachines.listAll({ statusOnly: 'true' })),
    allOf(network.networkInterfaces.listAll()),
    allOf(network.publicIPAddresses.listAll()),
  ]);
  const statusOf = byId(statuses);
  const nicOf = byId(nics);
  const addressOf = byId(addresses);
  const groupOf = new Map(groups.map((group) => [group.name?.toLowerCase() ?? '', group]));

  const observeOne = async (owner: Owner): Promise<ClusterObservation> => {
    const name = groupName(owner.clusterId);
    const group = groupOf.get(name);
    const listed = group === undefined ? undefined : await listGroup(clients, name);
    if (group === undefined || listed === undefined)
      return { clusterId: owner.clusterId, machines: [], resources: [], strangers: [], flaws: [] };

    const inGroup = vms.filter((vm) => groupIn(vm.id) === name);
    // The resource list lags behind a machine that was just made.
    const known = new Set(listed.map(({ id }) => id.toLowerCase()));
    const everything: Listed[] = [
      ...listed,
      ...inGroup
        .filter((vm) => !known.has(vm.id?.toLowerCase() ?? ''))
        .map((vm) => ({
          id: vm.id ?? '',
          type: machineType,
          name: vm.name ?? '',
          tags: vm.tags,
          managedBy: undefined,
        })),
    ];
    const machines = inGroup
      .filter((vm) => isOwned(vm.tags, owner))
      .map((vm) => {
        const instanceView = statusOf(vm.id)?.instanceView;
        const nic = nicOf(vm.networkProfile?.networkInterfaces?.[0]?.id);
        const address = addressOf(nic?.ipConfigurations?.[0]?.publicIPAddress?.id);
        return asMachine(
          { ...vm, ...(instanceView === undefined ? {} : { instanceView }) },
          { nic, address },
        );
      });
    const own: OwnedResource[] = everything
      .filter(({ type, tags }) => kindOf(type) !== 'machine' && isOwned(tags, owner))
      .map(({ id, type, name }) => ({ kind: kindOf(type), id, name }));
    if (isOwned(group.tags, owner)) own.unshift({ kind: 'group', id: group.id ?? '', name });
    return {
      clusterId: owner.clusterId,
      machines: machines.toSorted(byName),
      resources: own.toSorted(byName),
      strangers: strangersAmong(everything, owner, name, { vms: inGroup, nics }).toSorted(byName),
      flaws: [],
    };
  };

  const observations: ClusterObservation[] = [];
  for (let from = 0; from < owners.length; from += groupsAtOnce)
    observations.push(...(await Promise.all(owners.slice(from, from + groupsAtOnce).map(observeOne))));
  return observations;
}

const byName = (a: { name: string }, b: { name: string }): number =>
  a.name < b.name ? -1 : Number(a.name > b.name);

const byId = <T extends { id?: string }>(
  items: readonly T[],
): ((id: string | undefined) => T | undefined) => {
  const found = new Map(items.map((item) => [item.id?.toLowerCase() ?? '', item]));
  return (id) => (id === undefined ? undefined : found.get(id.toLowerCase()));
};
