import type { protos } from '@google-cloud/compute';
import type { Location, Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, Flaw, Machine, OwnedResource, Stranger, Watched } from '../contract.ts';
import { balancerDifferences } from './balancer-differences.ts';
import { balancerParts, membersOf, partsNamed, type BalancerParts } from './balancer-look.ts';
import { balancerResources } from './balancer-removal.ts';
import type { Clients } from './clients.ts';
import { all, lastOf, onePageAtATime, pageSize } from './lists.ts';
import { expectationOf, isIn, machineFlaws } from './machine-flaws.ts';
import { machineOf, stateOf, type IInstance } from './machine-view.ts';
import { baseName, isMarkedBy, isOwnedBy, labelKeys, namePrefix } from './names.ts';
import {
  networkDifferences,
  type INetwork as SeenINetwork,
  type ISubnetwork as SeenISubnetwork,
  type SeenNetwork,
} from './network-differences.ts';
import { rulesIn } from './network.ts';
import { leadsToInternet } from './routes.ts';

type IDisk = protos.google.cloud.compute.v1.IDisk;
type INetwork = protos.google.cloud.compute.v1.INetwork;
type ISubnetwork = protos.google.cloud.compute.v1.ISubnetwork;

/** Every machine of the project, in all zones: a stranger carries no label to ask for. */
export async function allInstances(clients: Clients): Promise<IInstance[]> {
  const scopes = await all(
    clients.instances.aggregatedListAsync({ project: clients.project, maxResults: pageSize }, onePageAtATime),
  );
  return scopes.flatMap(([, scope]) => scope.instances ?? []);
}

/** Every disk that any cluster of any installation made. */
export async function labelledDisks(clients: Clients): Promise<IDisk[]> {
  const scopes = await all(
    clients.disks.aggregatedListAsync(
      { project: clients.project, filter: `labels.${labelKeys.clusterId}:*`, maxResults: pageSize },
      onePageAtATime,
    ),
  );
  return scopes.flatMap(([, scope]) => scope.disks ?? []);
}

/**
 * Machines, subnets, peerings and instance groups in this network that are not the owner's. The network cannot go without them, and they
 * are not ours to remove. A subnet of our name is not ours in another region, or when it was seen without our marks.
 */
export function strangersIn(
  network: INetwork,
  owner: Owner,
  seen: {
    readonly instances: readonly IInstance[];
    readonly region: string;
    /** The subnet of our name in that region, if it was seen. */
    readonly subnetwork: ISubnetwork | undefined;
    /** All in this network. A load balancer of somebody's stands in it with the group that it sends traffic to. */
    readonly groups: BalancerParts['groups'];
  },
): readonly Stranger[] {
  const name = network.name ?? '';
  const isOurs = (link: string): boolean =>
    link.endsWith(`/regions/${seen.region}/subnetworks/${name}`) &&
    (seen.subnetwork === undefined || isMarkedBy(seen.subnetwork, owner));
  return [
    ...seen.instances
      .filter((instance) => isIn(instance, name) && !isOwnedBy(instance.labels, owner))
      .map((instance) => ({
        kind: 'machine',
        id: instance.name ?? '',
        name: instance.name ?? '',
        inside: name,
      })),
    ...(network.subnetworks ?? [])
      .filter((link) => !isOurs(link))
      .map((link) => ({ kind: 'subnetwork', id: link, name: lastOf(link), inside: name })),
    ...seen.groups
      .filter((group) => group.name !== name || !isMarkedBy(group, owner))
      .map((group) => ({
        kind: 'instance-group',
        id: pathIn(group),
        name: group.name ?? '',
        inside: name,
      })),
    ...(network.peerings ?? []).map((peering) => ({
      kind: 'peering',
      id: peering.name ?? '',
      name: lastOf(peering.network),
      inside: name,
    })),
  ];
}

type Named = { readonly name?: string | null; readonly selfLink?: string | null };

const pathIn = ({ selfLink }: Named): string => (selfLink ?? '').replace(/^.*(?=projects\/)/, '');

const owned = (kind: string, resource: Named): OwnedResource => ({
  kind,
  id: pathIn(resource),
  name: resource.name ?? '',
});

/** What the lists said of the whole project and region. */
interface Seen {
  readonly instances: readonly IInstance[];
  readonly disks: readonly IDisk[];
  readonly networks: readonly SeenINetwork[];
  readonly subnetworks: readonly SeenISubnetwork[];
  readonly firewalls: SeenNetwork['firewalls'];
  readonly routes: SeenNetwork['routes'];
  readonly balancers: BalancerParts;
}

/** A few lists of the whole project, however many clusters are asked for. */
export async function observe(
  clients: Clients,
  owners: readonly Watched[],
  location: Location,
): Promise<readonly ClusterObservation[]> {
  const { project } = clients;
  if (owners.length === 0) return [];
  const only = owners.length === 1 ? owners[0] : undefined;
  const pattern = `${only === undefined ? namePrefix : baseName(only.clusterId)}.*`;
  const request = { project, filter: `name eq "${pattern}"`, maxResults: pageSize };
  const [instances, disks, networks, subnetworks, rules, balancers] = await Promise.all([
    allInstances(clients),
    labelledDisks(clients),
    all(clients.networks.listAsync(request, onePageAtATime)),
    all(clients.subnetworks.listAsync({ ...request, region: location.region }, onePageAtATime)),
    rulesIn(clients, pattern),
    balancerParts(clients, location.region, pattern),
  ]);
  const seen: Seen = {
    instances,
    disks,
    networks: networks as SeenINetwork[],
    subnetworks: subnetworks as SeenISubnetwork[],
    ...rules,
    balancers,
  };
  return await Promise.all(
    owners.map(async (owner) => {
      const { flaws, ...rest } = observationOf(owner, seen, { project, region: location.region });
      return { ...rest, flaws: [...flaws, ...(await balancerFlaws(clients, owner, seen))] };
    }),
  );
}

/** Who is behind a load balancer is asked only where it is compared: of each group by a call of its own. */
async function balancerFlaws(clients: Clients, owner: Watched, seen: Seen): Promise<readonly Flaw[]> {
  const spec = owner.expected?.loadBalancer;
  if (spec === undefined || spec === 'none') return [];
  const named = partsNamed(seen.balancers, owner);
  const group = named.groups.find(({ name }) => name === baseName(owner.clusterId));
  const members = group === undefined ? [] : await membersOf(clients, group);
  return balancerDifferences(spec, clients.project, { ...named, members, instances: seen.instances }).flatMap(
    ({ flaws }) => flaws.map((flaw) => ({ of: 'load-balancer', ...flaw }) as const),
  );
}

function observationOf(
  owner: Watched,
  seen: Seen,
  { project, region }: { readonly project: string; readonly region: string },
): ClusterObservation {
  const name = baseName(owner.clusterId);
  const inside = (resource: { network?: string | null }): boolean => lastOf(resource.network) === name;
  const own: SeenNetwork = {
    network: seen.networks.find((one) => one.name === name),
    subnetwork: seen.subnetworks.find((one) => one.name === name),
    firewalls: seen.firewalls.filter(inside),
    routes: seen.routes.filter(inside),
  };
  const machines = machinesOf(owner, seen.instances);
  const networkFlaws =
    owner.expected === undefined
      ? []
      : networkDifferences(owner.expected.network, project, own).flatMap(({ flaws }) => flaws);
  return {
    clusterId: owner.clusterId,
    machines: machines.map(({ machine }) => machine),
    resources: [
      ...resourcesOf(owner, own, seen),
      ...balancerResources(seen.balancers, owner).map((part) => ({
        ...part,
        ...(owner.expected?.loadBalancer === 'none' ? { isSpare: true as const } : {}),
      })),
    ],
    strangers:
      own.network === undefined || !isMarkedBy(own.network, owner)
        ? []
        : strangersIn(own.network, owner, {
            instances: seen.instances,
            region,
            subnetwork: own.subnetwork,
            groups: partsNamed(seen.balancers, owner).groups,
          }),
    flaws: [
      ...networkFlaws.map((flaw) => ({ of: 'network', ...flaw }) as const),
      ...machines.flatMap(({ flaws }) => flaws),
    ],
  };
}

/** The owner's by their labels, and those that were expected and have lost them. */
function machinesOf(
  owner: Watched,
  instances: readonly IInstance[],
): { readonly machine: Machine; readonly flaws: readonly Flaw[] }[] {
  const where = { owner, networkName: baseName(owner.clusterId) };
  return instances.flatMap((instance) => {
    const expected = expectationOf(instance, owner.expected?.machines ?? [], where);
    const machine = machineOf(instance);
    if (expected !== undefined)
      return [
        {
          machine: { ...machine, nodeId: expected.nodeId },
          // One that goes is nobody's to repair.
          flaws: stateOf(instance) === 'stopping' ? [] : machineFlaws(instance, expected, owner),
        },
      ];
    return isOwnedBy(instance.labels, owner) ? [{ machine, flaws: [] }] : [];
  });
}

function resourcesOf(owner: Owner, own: SeenNetwork, seen: Seen): OwnedResource[] {
  const isOurs = (resource: { description?: string | null }): boolean => isMarkedBy(resource, owner);
  // A network makes its first way to the internet itself, and without marks.
  const isOurWay = (route: SeenNetwork['routes'][number]): boolean =>
    isOurs(route) || (own.network !== undefined && isOurs(own.network) && leadsToInternet(route));
  return [
    ...seen.networks.filter(isOurs).map((one) => owned('network', one)),
    ...seen.subnetworks.filter(isOurs).map((one) => owned('subnetwork', one)),
    ...own.firewalls.filter(isOurs).map((one) => owned('firewall', one)),
    ...own.routes.filter(isOurWay).map((one) => owned('route', one)),
    ...seen.disks
      .filter((disk) => isOwnedBy(disk.labels, owner))
      .map((disk) => ({ ...owned('disk', disk), ...(isSpare(disk) ? { isSpare: true as const } : {}) })),
  ];
}

/** Nothing uses it, and it is not on its way out already. Being made it looks the same: whoever removes it waits first. */
const isSpare = (disk: IDisk): boolean => (disk.users ?? []).length === 0 && disk.status !== 'DELETING';
