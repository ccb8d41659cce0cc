import type { Disk, VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface, PublicIPAddress } from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { Machine, MachineRef, MachineRequest, Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { failedLater, found, invalidRequest, unlessBusy, unlessGone } from './failures.ts';
import { asMachine } from './machine-view.ts';
import { virtualMachine } from './machine-model.ts';
import {
  carries,
  groupIn,
  groupName,
  isOwned,
  machineTags,
  nameIn,
  nodeIdIn,
  sameId,
  tokenIn,
  type Tags,
} from './naming.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

const createSeconds = 5;
const deleteSeconds = 5;
const leftoverSeconds = 2;

/**
 * One PUT makes the machine with its interface, address and disk; its name is the idempotency key, its token's tag
 * tells a repeat from another attempt.
 */
export async function createMachine(clients: Clients, request: MachineRequest): Promise<Progress<Machine>> {
  const group = groupName(request.owner.clusterId);
  const { virtualMachines } = clients.compute;
  const vm = await found(virtualMachines.get(group, request.name, { expand: 'instanceView' }));
  if (vm === undefined) {
    await unlessBusy(
      virtualMachines.createOrUpdate(group, request.name, virtualMachine(request)).submitted(),
    );
    return pending(`virtual machine ${request.name} to be created`, createSeconds);
  }
  if (!isOwned(vm.tags, request.owner))
    throw invalidRequest('NotOwned', `virtual machine ${request.name} is somebody else's`);
  if (vm.provisioningState === 'Deleting')
    return pending(`an earlier virtual machine ${request.name} to be deleted`, deleteSeconds);
  if (tokenIn(vm.tags) !== request.token)
    throw invalidRequest('OtherAttempt', `virtual machine ${request.name} was made by another attempt`);

  const attached = await partsOf(clients, vm);
  await tagParts(clients, group, attached, machineTags(request.owner, request.nodeId, request.token));
  if (vm.provisioningState === 'Failed') {
    // The failed machine stays on Azure, and costs nothing but its name; interface, address and disk go with it.
    await unlessGone(virtualMachines.delete(group, request.name, { forceDeletion: true }).submitted());
    const { code, message } = failureOf(vm);
    throw failedLater(code, message);
  }
  const machine = asMachine(vm, attached);
  if (machine.state !== 'running' || machine.publicAddress === '' || machine.privateAddress === '')
    return pending(`virtual machine ${request.name} to run`, createSeconds);
  return { done: true, value: machine };
}

/** `ProvisioningState/failed/AllocationFailed` and its message, from the instance view. */
function failureOf(vm: VirtualMachine): { code: string; message: string } {
  const status = vm.instanceView?.statuses?.find(({ code }) =>
    /^ProvisioningState\/failed/i.test(code ?? ''),
  );
  return {
    code: status?.code?.split('/')[2] ?? '',
    message: status?.message ?? `virtual machine ${vm.name ?? ''} failed, and Azure does not say why`,
  };
}

/** What was made for a machine; any of it may not be there yet. */
interface Parts {
  readonly nic: NetworkInterface | undefined;
  readonly address: PublicIPAddress | undefined;
  readonly disk: Disk | undefined;
}

async function partsOf(clients: Clients, vm: VirtualMachine): Promise<Parts> {
  const nicId = vm.networkProfile?.networkInterfaces?.[0]?.id;
  const diskName = vm.storageProfile?.osDisk?.name;
  const [{ nic, address }, disk] = await Promise.all([
    nicId === undefined ? { nic: undefined, address: undefined } : interfaceAt(clients, nicId),
    diskName === undefined ? undefined : found(clients.compute.disks.get(groupIn(vm.id), diskName)),
  ]);
  return { nic, address, disk: sameId(disk?.managedBy, vm.id) ? disk : undefined };
}

async function interfaceAt(clients: Clients, nicId: string): Promise<Omit<Parts, 'disk'>> {
  const nic = await found(clients.network.networkInterfaces.get(groupIn(nicId), nameIn(nicId)));
  const addressId = nic?.ipConfigurations?.[0]?.publicIPAddress?.id;
  const address =
    addressId === undefined
      ? undefined
      : await found(clients.network.publicIPAddresses.get(groupIn(addressId), nameIn(addressId)));
  return { nic, address };
}

/** The disk that a machine is made with does not take its tags; interface and address are asked for with theirs. */
async function tagParts(
  clients: Clients,
  group: string,
  { nic, address, disk }: Parts,
  wanted: Tags,
): Promise<void> {
  const { network, compute } = clients;
  const lacking = (part: { tags?: Tags; name?: string } | undefined): part is { tags?: Tags; name: string } =>
    part?.name !== undefined && !carries(part.tags, wanted);
  await Promise.all([
    lacking(nic) &&
      unlessGone(network.networkInterfaces.updateTags(group, nic.name, { tags: { ...nic.tags, ...wanted } })),
    lacking(address) &&
      unlessGone(
        network.publicIPAddresses.updateTags(group, address.name, { tags: { ...address.tags, ...wanted } }),
      ),
    lacking(disk) &&
      unlessGone(compute.disks.update(group, disk.name, { tags: { ...disk.tags, ...wanted } }).submitted()),
  ]);
}

/** The machine first: what was made with it goes with it. What stayed behind is found by the node's tag. */
export async function deleteMachine(
  clients: Clients,
  ref: MachineRef,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const group = groupName(owner.clusterId);
  const name = ref.providerId ?? ref.name;
  const { virtualMachines } = clients.compute;
  const seen = await found(virtualMachines.get(group, name));
  // Names repeat: a later node's machine, or without an id one that was never ours, is not the one that is meant.
  const isAnother =
    seen !== undefined &&
    (isOwned(seen.tags, owner)
      ? nodeIdIn(seen.tags) !== '' && nodeIdIn(seen.tags) !== ref.nodeId
      : ref.providerId === undefined);
  const vm = isAnother ? undefined : seen;
  if (vm !== undefined) {
    if (!isOwned(vm.tags, owner))
      throw invalidRequest('NotOwned', `virtual machine ${name} does not carry this cluster's tags`);
    if (vm.provisioningState !== 'Deleting')
      await unlessGone(virtualMachines.delete(group, name, { forceDeletion: true }).submitted());
    return pending(`virtual machine ${name} to be deleted`, deleteSeconds);
  }
  const left = await deleteLeftovers(
    clients,
    group,
    (tags) => isOwned(tags, owner) && nodeIdIn(tags) === ref.nodeId,
  );
  return left.length === 0
    ? { done: true, value: 'gone' }
    : pending(`${left.join(', ')} to be deleted`, leftoverSeconds);
}

/** @returns the names of what is still there. */
async function deleteLeftovers(
  clients: Clients,
  group: string,
  isOurs: (tags: Tags | undefined) => boolean,
): Promise<readonly string[]> {
  const { network, compute } = clients;
  const listed = await found(
    Promise.all([
      allOf(network.networkInterfaces.list(group)),
      allOf(network.publicIPAddresses.list(group)),
      allOf(compute.disks.listByResourceGroup(group)),
    ]),
  );
  if (listed === undefined) return [];
  const [nics, addresses, disks] = listed;
  const named = <T extends { readonly name?: string; readonly tags?: Tags }>(
    parts: readonly T[],
  ): { part: T; name: string }[] =>
    parts.flatMap((part) =>
      part.name !== undefined && isOurs(part.tags) ? [{ part, name: part.name }] : [],
    );
  const [ourNics, ourAddresses, ourDisks] = [named(nics), named(addresses), named(disks)];
  await Promise.all([
    ...ourNics.map(({ name }) => unlessGone(network.networkInterfaces.beginDelete(group, name))),
    // An address can go only when its interface has gone: at the next look.
    ...ourAddresses
      .filter(({ part }) => part.ipConfiguration === undefined)
      .map(({ name }) => unlessGone(network.publicIPAddresses.beginDelete(group, name))),
    ...ourDisks
      .filter(({ part }) => part.managedBy === undefined)
      .map(({ name }) => unlessGone(compute.disks.delete(group, name).submitted())),
  ]);
  return [...ourNics, ...ourAddresses, ...ourDisks].map(({ name }) => name);
}
