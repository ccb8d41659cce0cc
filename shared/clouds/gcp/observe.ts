import type { protos } from '@google-cloud/compute';
import type { Location, Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, OwnedResource, Stranger } from '../contract.ts';
import type { Clients } from './clients.ts';
import { all, lastOf, onePageAtATime, pageSize } from './lists.ts';
import { machineOf, type IInstance } from './machine-view.ts';
import { baseName, isMarkedBy, isOwnedBy, labelKeys, namePrefix } from './names.ts';

type Compute = protos.google.cloud.compute.v1.IDisk;
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
export async function labelledDisks(clients: Clients): Promise<Compute[]> {
  const scopes = await all(
    clients.disks.aggregatedListAsync(
      { project: clients.project, filter: `labels.${labelKeys.clusterId}:*`, maxResults: pageSize },
      onePageAtATime,
    ),
  );
  return scopes.flatMap(([, scope]) => scope.disks ?? []);
}

/**
 * Machines, subnets and peerings in this network that are not the owner's. The network cannot go without them, and they
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
  },
): readonly Stranger[] {
  const name = network.name ?? '';
  const inside = (instance: IInstance): boolean =>
    (instance.networkInterfaces ?? []).some((nic) => lastOf(nic.network) === name);
  const isOurs = (link: string): boolean =>
    link.endsWith(`/regions/${seen.region}/subnetworks/${name}`) &&
    (seen.subnetwork === undefined || isMarkedBy(seen.subnetwork, owner));
  return [
    ...seen.instances
      .filter((instance) => inside(instance) && !isOwnedBy(instance.labels, owner))
      .map((instance) => ({
        kind: 'machine',
        id: instance.name ?? '',
        name: instance.name ?? '',
        inside: name,
      })),
    ...(network.subnetworks ?? [])
      .filter((link) => !isOurs(link))
      .map((link) => ({ kind: 'subnetwork', id: link, name: lastOf(link), inside: name })),
    ...(network.peerings ?? []).map((peering) => ({
      kind: 'peering',
      id: peering.name ?? '',
      name: lastOf(peering.network),
      inside: name,
    })),
  ];
}

type Named = { readonly name?: string | null; readonly selfLink?: string | null };

const owned = (kind: string, resource: Named): OwnedResource => ({
  kind,
  id: (resource.selfLink ?? '').replace(/^.*(?=projects\/)/, ''),
  name: resource.name ?? '',
});

/** A few lists of the whole project, however many clusters are asked for. */
export async function observe(
  clients: Clients,
  owners: readonly Owner[],
  location: Location,
): Promise<readonly ClusterObservation[]> {
  const { project } = clients;
  if (owners.length === 0) return [];
  const only = owners.length === 1 ? owners[0] : undefined;
  const prefix = only === undefined ? namePrefix : baseName(only.clusterId);
  const request = { project, filter: `name eq "${prefix}.*"`, maxResults: pageSize };
  const [instances, disks, networks, subnetworks, firewalls, routes] = await Promise.all([
    allInstances(clients),
    labelledDisks(clients),
    all(clients.networks.listAsync(request, onePageAtATime)),
    all(clients.subnetworks.listAsync({ ...request, region: location.region }, onePageAtATime)),
    all(clients.firewalls.listAsync(request, onePageAtATime)),
    all(clients.routes.listAsync(request, onePageAtATime)),
  ]);
  return owners.map((owner) => {
    const marked = (kind: string, resources: readonly (Named & { description?: string | null })[]) =>
      resources.filter((resource) => isMarkedBy(resource, owner)).map((resource) => owned(kind, resource));
    return {
      clusterId: owner.clusterId,
      machines: instances.filter((one) => isOwnedBy(one.labels, owner)).map(machineOf),
      resources: [
        ...marked('network', networks),
        ...marked('subnetwork', subnetworks),
        ...marked('firewall', firewalls),
        ...marked('route', routes),
        ...disks.filter((disk) => isOwnedBy(disk.labels, owner)).map((disk) => owned('disk', disk)),
      ],
      strangers: networks
        .filter((network) => isMarkedBy(network, owner))
        .flatMap((network) =>
          strangersIn(network, owner, {
            instances,
            region: location.region,
            subnetwork: subnetworks.find((one) => one.name === network.name),
          }),
        ),
      flaws: [],
    };
  });
}
