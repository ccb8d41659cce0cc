import type { Disk, VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface, PublicIPAddress } from '@azure/arm-network';
import type { Clients } from './clients.ts';
import { found, unlessGone } from './failures.ts';
import { carries, groupIn, nameIn, sameId, type Tags } from './naming.ts';

/** What was made for a machine; any of it may not be there yet. */
export interface Parts {
  readonly nic: NetworkInterface | undefined;
  readonly address: PublicIPAddress | undefined;
  readonly disk: Disk | undefined;
}

export async function partsOf(clients: Clients, vm: VirtualMachine): Promise<Parts> {
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
export async function tagParts(
  clients: Clients,
  group: string,
  { nic, address, disk }: Partial<Parts>,
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
