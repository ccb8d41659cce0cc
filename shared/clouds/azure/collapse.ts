import type { Owner } from '../../domain/cloud.ts';
import type { Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { found, unlessGone } from './failures.ts';
import { removeBalancer } from './load-balancer.ts';
import { groupName, isOwned } from './naming.ts';
import { listGroup, strangersAmong, withMachines } from './observe.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

const groupSeconds = 10;
const blockedSeconds = 30;
/** Machines are not shut down first: whoever collapses a cluster wants it gone. */
const forceDeletionTypes = 'Microsoft.Compute/virtualMachines';

/**
 * Deleting the group takes everything in it, all at once; nothing of a cluster is ever outside. So the group is read
 * right before, and one resource without the owner's tags stops it: then only machines and the load balancer go, one by one.
 */
export async function collapse(clients: Clients, owner: Owner): Promise<Progress<'nothing left'>> {
  const name = groupName(owner.clusterId);
  const { resourceGroups } = clients.resources;
  const group = await found(resourceGroups.get(name));
  if (group === undefined) return { done: true, value: 'nothing left' };
  const waiting = pending(`resource group ${name} to be deleted`, groupSeconds);
  if (group.properties?.provisioningState === 'Deleting') return waiting;
  if (!isOwned(group.tags, owner))
    return {
      ...pending(`resource group ${name}, which does not carry this cluster's tags`, blockedSeconds),
      blockedBy: [{ kind: 'group', id: group.id ?? '', name, inside: name }],
    };

  const seen = await everythingIn(clients, name);
  if (seen === undefined) return { done: true, value: 'nothing left' };
  const { listed } = seen;
  const strangers = strangersAmong(listed, owner, name, seen);
  if (strangers.length === 0) {
    await unlessGone(resourceGroups.beginDelete(name, { forceDeletionTypes }));
    return waiting;
  }
  await removeBalancer(clients, owner);
  await Promise.all(
    listed
      .filter(
        ({ type, tags }) =>
          type.toLowerCase() === 'microsoft.compute/virtualmachines' && isOwned(tags, owner),
      )
      .map((vm) =>
        unlessGone(
          clients.compute.virtualMachines.delete(name, vm.name, { forceDeletion: true }).submitted(),
        ),
      ),
  );
  return {
    ...pending(`${strangers.length} resources in ${name} that are not this cluster's`, blockedSeconds),
    blockedBy: strangers,
  };
}

/** The resource list lags; the machines' own list does not, and a machine is the stranger that matters most. */
async function everythingIn(clients: Clients, name: string) {
  const [listed, vms, nics] = await Promise.all([
    listGroup(clients, name),
    found(allOf(clients.compute.virtualMachines.list(name))),
    allOf(clients.network.networkInterfaces.listAll()),
  ]);
  if (listed === undefined) return undefined;
  return { listed: withMachines(listed, vms ?? []), vms: vms ?? [], nics };
}
