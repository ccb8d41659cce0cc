import type { VirtualMachine } from '@azure/arm-compute';
import type { Owner } from '../../domain/cloud.ts';
import type { Machine, MachineRef, MachineRequest, Progress } from '../contract.ts';
import type { Clients } from './clients.ts';
import { failedLater, found, invalidRequest, unlessBusy, unlessGone } from './failures.ts';
import { asMachine } from './machine-view.ts';
import { partNameOf, virtualMachine } from './machine-model.ts';
import { partsOf, tagParts } from './machine-parts.ts';
import { groupName, isOwned, machineTags, nodeIdIn, tokenIn, type Tags } from './naming.ts';
import { allOf } from './pages.ts';
import { pending } from './progress.ts';

const createSeconds = 5;
const deleteSeconds = 5;
const leftoverSeconds = 2;

/** What Azure says to a PUT of a machine that stands and was made with other bytes. */
const standsOtherwise = 'PropertyChangeNotAllowed';

/**
 * One PUT makes the machine with its interface, address and disk; its name is the idempotency key, its token's tag
 * tells a repeat from another attempt. A repeat need not be the same bytes: a platform that was deployed anew in the
 * meantime gives other user-data, and the attempt's machine is the one that stands.
 */
export async function createMachine(clients: Clients, request: MachineRequest): Promise<Progress<Machine>> {
  const group = groupName(request.owner.clusterId);
  const { virtualMachines } = clients.compute;
  const vm = await found(virtualMachines.get(group, request.name, { expand: 'instanceView' }));
  if (vm === undefined) {
    await unlessBusy(
      virtualMachines.createOrUpdate(group, request.name, virtualMachine(request)).submitted(),
      standsOtherwise,
    );
    return pending(`virtual machine ${request.name} to be created`, createSeconds);
  }
  if (!isOwned(vm.tags, request.owner))
    throw invalidRequest('NotOwned', `virtual machine ${request.name} is somebody else's`);
  if (vm.provisioningState === 'Deleting')
    return pending(`an earlier virtual machine ${request.name} to be deleted`, deleteSeconds);
  if (!isOfAttempt(vm, request))
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

/** By its tag; where somebody took that, by the name its disk was made with. */
const isOfAttempt = (vm: VirtualMachine, request: MachineRequest): boolean =>
  tokenIn(vm.tags) === ''
    ? vm.storageProfile?.osDisk?.name === partNameOf(request)
    : tokenIn(vm.tags) === request.token;

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
