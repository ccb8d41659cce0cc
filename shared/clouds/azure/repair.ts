import type { NetworkInterface } from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { Network } from '../../domain/network.ts';
import type { ExpectedMachine, Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { found, invalidRequest, unlessGone } from './failures.ts';
import { isExpected, machineDifferences, type MachineDifference } from './machine-differences.ts';
import { partsOf, tagParts } from './machine-parts.ts';
import { groupIn, groupName, machineTags, nodeTags, tokenIn, type Tags } from './naming.ts';
import { partNames } from './network.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

const repairSeconds = 2;

/** Writes what differs, and says done only when a look finds nothing that does. */
export async function repairMachine(
  clients: Clients,
  machine: ExpectedMachine,
  network: Network,
  owner: Owner,
): Promise<Progress<'right'>> {
  const group = groupName(owner.clusterId);
  const { virtualMachines } = clients.compute;
  const vm = await found(virtualMachines.get(group, machine.providerId));
  if (vm === undefined) {
    await refuseElsewhere(clients, machine, group);
    return { done: true, value: 'right' };
  }
  const { nic, address, disk } = await partsOf(clients, vm);
  if (!isExpected({ vm, nic }, machine, owner))
    throw invalidRequest('NotExpected', `virtual machine ${machine.providerId} is not the one that was made`);
  const differences = machineDifferences({ vm, nic, address, disk }, machine, owner);
  if (differences.length === 0) return { done: true, value: 'right' };

  const token = [vm, nic, address, disk].map((part) => tokenIn(part?.tags)).find((one) => one !== '');
  const tags =
    token === undefined ? nodeTags(owner, machine.nodeId) : machineTags(owner, machine.nodeId, token);
  const at = new Set(differences.map((difference) => difference.at));
  const isOutside = differences.some(({ subject }) => subject === 'firewall');
  await Promise.all([
    at.has('vm') &&
      unlessGone(
        virtualMachines.update(group, machine.providerId, { tags: { ...vm.tags, ...tags } }).submitted(),
      ),
    isOutside && moveIn(clients, group, { nic, tags, firewall: firewallOf(network, machine) }),
    tagParts(
      clients,
      group,
      {
        nic: at.has('nic') && !isOutside ? nic : undefined,
        address: at.has('address') ? address : undefined,
        disk: at.has('disk') ? disk : undefined,
      },
      tags,
    ),
  ]);
  return pending(`${describe(differences)} to be put right`, repairSeconds);
}

const describe = (differences: readonly MachineDifference[]): string =>
  differences.map(({ message }) => message).join('; ');

const firewallOf = (network: Network, { role }: ExpectedMachine): string => {
  const id = network.parts[partNames.firewall[role]];
  if (id === undefined) throw invalidRequest('NetworkIncomplete', `the network has no ${role} firewall`);
  return id;
};

/** An interface's security group is part of the whole interface, which is written as it was read. */
async function moveIn(
  clients: Clients,
  group: string,
  { nic, tags, firewall }: { nic: NetworkInterface | undefined; tags: Tags; firewall: string },
): Promise<void> {
  if (nic?.name === undefined || nic.provisioningState === 'Updating') return;
  await unlessGone(
    clients.network.networkInterfaces.beginCreateOrUpdate(
      group,
      nic.name,
      {
        ...nic,
        tags: { ...nic.tags, ...tags },
        networkSecurityGroup: { id: firewall },
      },
      {
        // Whoever takes it out of the load balancer meanwhile is not to be undone.
        requestOptions: { customHeaders: { 'If-Match': nic.etag ?? '*' } },
      },
    ),
  );
}

/** A machine is named by its group and name: one of this name in another group was moved there, or is somebody else's. */
async function refuseElsewhere(
  clients: Clients,
  { providerId }: ExpectedMachine,
  group: string,
): Promise<void> {
  const elsewhere = (await allOf(clients.compute.virtualMachines.listAll())).find(
    ({ name }) => name?.toLowerCase() === providerId.toLowerCase(),
  );
  if (elsewhere !== undefined && groupIn(elsewhere.id) !== group)
    throw invalidRequest(
      'NotExpected',
      `virtual machine ${providerId} stands in group ${groupIn(elsewhere.id)}, not in ${group}`,
    );
}
