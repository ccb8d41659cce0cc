import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import type { GenericResourceExpanded, ResourceGroup } from '@azure/arm-resources';
import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, Flaw, Machine, OwnedResource, Stranger, Watched } from '../contract.ts';
import { balancerDifferences } from './balancer-differences.ts';
import { balancerAddressName, balancerName } from './balancer-model.ts';
import type { Clients } from './clients.ts';
import { found } from './failures.ts';
import { isExpected, machineDifferences } from './machine-differences.ts';
import { asMachine, withStatus } from './machine-view.ts';
import {
  firewallName,
  groupIn,
  groupName,
  isOwned,
  nameIn,
  networkName,
  sameId,
  type Tags,
} from './naming.ts';
import { differencesOf } from './network-differences.ts';
import { allOf } from './pages.ts';
import { isSpare, type Known } from './spares.ts';

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
  'microsoft.network/loadbalancers': 'load-balancer',
};
const kindOf = (type: string): string => kinds[type.toLowerCase()] ?? type;

/** Everything in a group, or `undefined` when there is no such group. */
export async function listGroup(clients: Clients, group: string): Promise<readonly Listed[] | undefined> {
  const listed = await found(allOf(clients.resources.resources.listByResourceGroup(group)));
  return listed?.map(asListed);
}

const asListed = (row: GenericResourceExpanded): Listed => ({
  id: row.id ?? '',
  type: row.type ?? '',
  name: row.name ?? nameIn(row.id),
  tags: row.tags,
  managedBy: row.managedBy,
});

/** The resource list lags behind machines that were just made; their own list does not. */
export function withMachines(listed: readonly Listed[], vms: readonly VirtualMachine[]): readonly Listed[] {
  const known = new Set(listed.map(({ id }) => id.toLowerCase()));
  const unlisted = vms
    .filter((vm) => !known.has(vm.id?.toLowerCase() ?? ''))
    .map((vm): Listed => ({
      id: vm.id ?? '',
      type: machineType,
      name: vm.name ?? '',
      tags: vm.tags,
      managedBy: undefined,
    }));
  return [...listed, ...unlisted];
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
 * Nine lists of the subscription, shared by all the clusters: the resource list names everything, the others know
 * power, addresses, users and rules.
 */
export async function observe(
  clients: Clients,
  owners: readonly Watched[],
): Promise<readonly ClusterObservation[]> {
  if (owners.length === 0) return [];
  const seen = await lists(clients);
  return owners.map((owner) => observeOne(owner, seen, clients.subscriptionId));
}

type Lists = Awaited<ReturnType<typeof lists>>;

async function lists({ resources, compute, network }: Clients) {
  const [groups, everything, vms, statuses, nics, addresses, networks, firewalls, balancers] =
    await Promise.all([
      allOf(resources.resourceGroups.list()),
      allOf(resources.resources.list()),
      allOf(compute.virtualMachines.listAll()),
      allOf(compute.virtualMachines.listAll({ statusOnly: 'true' })),
      allOf(network.networkInterfaces.listAll()),
      allOf(network.publicIPAddresses.listAll()),
      allOf(network.virtualNetworks.listAll()),
      allOf(network.networkSecurityGroups.listAll()),
      allOf(network.loadBalancers.listAll()),
    ]);
  return {
    groupOf: byKey(groups, ({ name }) => name),
    listedIn: grouped(everything.map(asListed)),
    vmsIn: grouped(vms),
    nics,
    statusOf: byId(statuses),
    nicOf: byId(nics),
    addressOf: byId(addresses),
    networkOf: byId(networks),
    firewallOf: byId(firewalls),
    networksIn: grouped(networks),
    firewallsIn: grouped(firewalls),
    nicsIn: grouped(nics),
    addressesIn: grouped(addresses),
    balancersIn: grouped(balancers),
  };
}

function observeOne(owner: Watched, seen: Lists, subscriptionId: string): ClusterObservation {
  const name = groupName(owner.clusterId);
  const group = seen.groupOf(name);
  const vms = seen.vmsIn(name);
  const listed = withMachines(seen.listedIn(name), vms);
  const known: Known = {
    disk: byId(listed),
    nic: seen.nicOf,
    address: seen.addressOf,
    network: seen.networkOf,
    firewall: seen.firewallOf,
    vms,
  };
  const own = listed
    .filter(({ type, tags }) => kindOf(type) !== 'machine' && isOwned(tags, owner))
    .map(({ id, type, name, tags }): OwnedResource => {
      const kind = kindOf(type);
      return {
        kind,
        id,
        name,
        ...((
          isOfBalancer({ kind, name })
            ? owner.expected?.loadBalancer === 'none'
            : isSpare({ kind, id, tags }, owner, known)
        )
          ? { isSpare: true }
          : {}),
      };
    });
  if (isOwned(group?.tags, owner)) own.unshift({ kind: 'group', id: group?.id ?? '', name });
  const machines = vms.flatMap((vm) => observeMachine(vm, owner, { seen, listed }));
  return {
    clusterId: owner.clusterId,
    machines: machines.map(({ machine }) => machine).toSorted(byName),
    resources: own.toSorted(byName),
    strangers: strangersAmong(listed, owner, name, { vms, nics: seen.nics }).toSorted(byName),
    flaws: [
      ...networkFlaws(owner, group, seen),
      ...machines.flatMap(({ flaws }) => flaws),
      ...balancerFlaws(owner, seen, subscriptionId),
    ],
  };
}

/** Its address stands before it does, and after: only who wants none knows that it is spare. */
const isOfBalancer = ({ kind, name }: { readonly kind: string; readonly name: string }): boolean =>
  (kind === 'load-balancer' && name === balancerName) || (kind === 'address' && name === balancerAddressName);

function balancerFlaws(owner: Watched, seen: Lists, subscriptionId: string): readonly Flaw[] {
  const spec = owner.expected?.loadBalancer;
  if (spec === undefined || spec === 'none') return [];
  const group = groupName(owner.clusterId);
  return balancerDifferences(spec, subscriptionId, {
    balancer: seen.balancersIn(group).find(({ name }) => name === balancerName),
    address: seen.addressesIn(group).find(({ name }) => name === balancerAddressName),
    vms: seen.vmsIn(group).map((vm) => withStatus(vm, seen.statusOf(vm.id))),
    nics: seen.nicsIn(group),
  }).map(({ subject, message }) => ({ of: 'load-balancer', subject, message }));
}

function networkFlaws(owner: Watched, group: ResourceGroup | undefined, seen: Lists): readonly Flaw[] {
  if (owner.expected === undefined) return [];
  const name = groupName(owner.clusterId);
  const named = <T extends { name?: string }>(parts: readonly T[], wanted: string): T | undefined =>
    parts.find((part) => part.name?.toLowerCase() === wanted);
  const firewalls = seen.firewallsIn(name);
  return differencesOf(
    {
      group,
      network: named(seen.networksIn(name), networkName),
      firewalls: {
        'control-plane': named(firewalls, firewallName('control-plane')),
        worker: named(firewalls, firewallName('worker')),
      },
    },
    owner.expected.network,
  ).map(({ subject, message }) => ({ of: 'network', subject, message }));
}

/** @returns nothing for a machine that neither carries the owner's tags nor is one that is expected. */
function observeMachine(
  vm: VirtualMachine,
  owner: Watched,
  { seen, listed }: { seen: Lists; listed: readonly Listed[] },
): readonly { machine: Machine; flaws: readonly Flaw[] }[] {
  const nic = seen.nicOf(vm.networkProfile?.networkInterfaces?.[0]?.id);
  const address = seen.addressOf(nic?.ipConfigurations?.[0]?.publicIPAddress?.id);
  const expected = owner.expected?.machines.find((machine) => isExpected({ vm, nic }, machine, owner));
  if (expected === undefined && !isOwned(vm.tags, owner)) return [];
  const machine = asMachine(withStatus(vm, seen.statusOf(vm.id)), { nic, address });
  if (expected === undefined) return [{ machine, flaws: [] }];
  const disk = listed.find(
    ({ type, name, managedBy }) =>
      kindOf(type) === 'disk' && sameId(managedBy, vm.id) && name === vm.storageProfile?.osDisk?.name,
  );
  const flaws = machineDifferences({ vm, nic, address, disk }, expected, owner).map(
    ({ subject, message }): Flaw => ({ of: 'machine', subject, message, providerId: machine.providerId }),
  );
  return [{ machine: { ...machine, nodeId: expected.nodeId }, flaws }];
}

const byName = (a: { name: string }, b: { name: string }): number =>
  a.name < b.name ? -1 : Number(a.name > b.name);

const byKey = <T>(
  items: readonly T[],
  key: (item: T) => string | undefined,
): ((wanted: string | undefined) => T | undefined) => {
  const found = new Map(items.map((item) => [key(item)?.toLowerCase() ?? '', item]));
  return (wanted) => (wanted === undefined ? undefined : found.get(wanted.toLowerCase()));
};

const byId = <T extends { readonly id?: string }>(items: readonly T[]) => byKey(items, ({ id }) => id);

/** What is in each group. */
const grouped = <T extends { readonly id?: string }>(
  items: readonly T[],
): ((group: string) => readonly T[]) => {
  const groups = Map.groupBy(items, ({ id }) => groupIn(id));
  return (group) => groups.get(group) ?? [];
};
