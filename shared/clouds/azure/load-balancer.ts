import type { NetworkInterface } from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../domain/load-balancer.ts';
import type { Progress } from '../contract.ts';
import { balancerDifferences } from './balancer-differences.ts';
import {
  balancerAddressName,
  balancerId,
  balancerName,
  isInPool,
  poolIdOf,
  wantedAddress,
  wantedBalancer,
  withPool,
} from './balancer-model.ts';
import type { Clients } from './clients.ts';
import { found, invalidRequest, unlessGone } from './failures.ts';
import { isRunning, withStatus } from './machine-view.ts';
import { groupIn, groupName, isOwned, nameIn, sameId } from './naming.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

const settleSeconds = 2;

/** Builds or repairs a cluster's load balancer: its address, then itself, and then who is behind it. */
export async function ensureLoadBalancer(
  clients: Clients,
  spec: LoadBalancerSpec,
): Promise<Progress<LoadBalancer>> {
  const { network, subscriptionId } = clients;
  const group = groupName(spec.owner.clusterId);
  const seen = await look(clients, group);
  const { balancer, address } = seen;
  const differences = balancerDifferences(spec, subscriptionId, seen);
  const claims = differences.filter(({ write }) => write === 'nobody');
  if (claims.length > 0) throw invalidRequest('NotOwned', claims.map(({ message }) => message).join('; '));
  const waiting = pending(`load balancer ${balancerName} in ${group} to be right`, settleSeconds);
  if ([balancer, address].some((part) => /^(Updating|Deleting)$/.test(part?.provisioningState ?? '')))
    return waiting;
  const writes = new Set(differences.map(({ write }) => write));
  if (writes.has('address')) {
    await unlessGone(
      network.publicIPAddresses.beginCreateOrUpdate(
        group,
        balancerAddressName,
        wantedAddress(spec, address?.tags),
      ),
    );
    return waiting;
  }
  if (writes.has('balancer')) {
    const wanted = wantedBalancer(spec, subscriptionId, { address: address?.id ?? '', seen: balancer });
    await unlessGone(network.loadBalancers.beginCreateOrUpdate(group, balancerName, wanted));
    return waiting;
  }
  const pool = poolIdOf(balancerId(subscriptionId, group));
  await Promise.all(
    differences.map(async ({ write }) => {
      if (typeof write === 'object') await writeMember(clients, { ...write, pool });
    }),
  );
  if (differences.length > 0) return waiting;
  return {
    done: true,
    value: {
      cloud: 'azure',
      addresses: [address?.ipAddress ?? ''],
      parts: { loadBalancer: balancer?.id ?? '', publicIPAddress: address?.id ?? '' },
    },
  };
}

async function look(clients: Clients, group: string) {
  const { network, compute } = clients;
  const [balancer, address, vms, statuses, nics] = await Promise.all([
    found(network.loadBalancers.get(group, balancerName)),
    found(network.publicIPAddresses.get(group, balancerAddressName)),
    found(allOf(compute.virtualMachines.list(group))),
    allOf(compute.virtualMachines.listAll({ statusOnly: 'true' })),
    found(allOf(network.networkInterfaces.list(group))),
  ]);
  return {
    balancer,
    address,
    vms: (vms ?? []).map((vm) =>
      withStatus(
        vm,
        statuses.find(({ id }) => sameId(id, vm.id)),
      ),
    ),
    nics: nics ?? [],
  };
}

/** Written as it was read: of two that change it at once, one looks again. */
async function writeMember(
  clients: Clients,
  { nic, pool, isIn }: { readonly nic: NetworkInterface; readonly pool: string; readonly isIn: boolean },
): Promise<void> {
  if (nic.provisioningState === 'Updating' || nic.provisioningState === 'Deleting') return;
  await unlessGone(
    clients.network.networkInterfaces.beginCreateOrUpdate(
      groupIn(nic.id),
      nic.name ?? '',
      withPool(nic, pool, isIn),
      { requestOptions: { customHeaders: { 'If-Match': nic.etag ?? '*' } } },
    ),
  );
}

const nicOf = async (clients: Clients, id: string | undefined): Promise<NetworkInterface | undefined> =>
  id === undefined ? undefined : found(clients.network.networkInterfaces.get(groupIn(id), nameIn(id)));

export async function joinLoadBalancer(
  clients: Clients,
  { providerId }: Member,
  owner: Owner,
): Promise<Progress<'joined'>> {
  const group = groupName(owner.clusterId);
  const { virtualMachines } = clients.compute;
  const [vm, balancer] = await Promise.all([
    found(virtualMachines.get(group, providerId, { expand: 'instanceView' })),
    found(clients.network.loadBalancers.get(group, balancerName)),
  ]);
  if (vm !== undefined && !isOwned(vm.tags, owner))
    throw invalidRequest('NotOwned', `virtual machine ${providerId} does not carry this cluster's tags`);
  const nic = await nicOf(clients, vm?.networkProfile?.networkInterfaces?.[0]?.id);
  const pool = poolIdOf(balancerId(clients.subscriptionId, group));
  const isThere = balancer?.backendAddressPools?.some(({ id }) => sameId(id, pool)) === true;
  if (
    vm === undefined ||
    nic === undefined ||
    !isThere ||
    !isOwned(balancer.tags, owner) ||
    !isRunning(vm) ||
    isInPool(nic, pool)
  )
    return { done: true, value: 'joined' };
  await writeMember(clients, { nic, pool, isIn: true });
  return pending(`virtual machine ${providerId} to be behind the load balancer`, settleSeconds);
}

/** An interface goes with its machine, and has left then. */
export async function leaveLoadBalancer(
  clients: Clients,
  { providerId }: Member,
  owner: Owner,
): Promise<Progress<'left'>> {
  const group = groupName(owner.clusterId);
  const pool = poolIdOf(balancerId(clients.subscriptionId, group));
  const vm = await found(clients.compute.virtualMachines.get(group, providerId));
  const nic = await nicOf(clients, vm?.networkProfile?.networkInterfaces?.[0]?.id);
  if (nic === undefined || !isOwned(vm?.tags, owner)) return { done: true, value: 'left' };
  // A change takes effect when it is done.
  if (!isInPool(nic, pool) && nic.provisioningState !== 'Updating') return { done: true, value: 'left' };
  if (isInPool(nic, pool)) await writeMember(clients, { nic, pool, isIn: false });
  return pending(`virtual machine ${providerId} to leave the load balancer`, settleSeconds);
}

/** Begins to take the owner's load balancer away: who is behind it first, and then itself. @returns whether it is there */
export async function removeBalancer(clients: Clients, owner: Owner): Promise<boolean> {
  const group = groupName(owner.clusterId);
  const { loadBalancers, networkInterfaces } = clients.network;
  const balancer = await found(loadBalancers.get(group, balancerName));
  if (balancer === undefined || !isOwned(balancer.tags, owner)) return false;
  const pool = poolIdOf(balancerId(clients.subscriptionId, group));
  const members = ((await found(allOf(networkInterfaces.list(group)))) ?? []).filter((nic) =>
    isInPool(nic, pool),
  );
  if (members.length > 0)
    await Promise.all(members.map((nic) => writeMember(clients, { nic, pool, isIn: false })));
  else if (balancer.provisioningState !== 'Deleting')
    await unlessGone(loadBalancers.beginDelete(group, balancerName));
  return true;
}
