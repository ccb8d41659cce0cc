import { randomUUID } from 'node:crypto';
import { freePrivateAddress, freePublicAddress } from './addresses.ts';
import { ArmError, types } from './arm.ts';
import type { AddressProperties, Body, NicConfiguration, NicProperties, VmProperties } from './bodies.ts';
import { releaseAddresses, subnetAt } from './interfaces.ts';
import { idOf, mustBeProvisioned, type Resource, type Store } from './store.ts';

const partSeconds = 1;

/** Whose parts are made: the machine's id and place. */
export interface Place {
  readonly id: string;
  readonly location: string;
  readonly subscription: string;
  readonly group: string;
}

export interface Made {
  readonly networkInterfaces: readonly {
    id: string;
    properties: { primary: boolean; deleteOption: string };
  }[];
  readonly first: { networkId: string; privateAddress: string; publicAddress: string };
}

/** Checks every reference of a machine before anything is made; `make` then makes or takes its interfaces. */
export function attachments(store: Store, properties: VmProperties, vm: Place): { make: () => Made } {
  const diskName = properties.storageProfile?.osDisk?.name;
  if (diskName !== undefined && store.get(idOf({ ...vm, type: types.disk, name: diskName })) !== undefined)
    throw new ArmError(
      409,
      'ConflictingUserInput',
      `Disk '${diskName}' already exists in resource group ${vm.group.toUpperCase()}. Only CreateOption.Attach is supported.`,
    );
  const made = properties.networkProfile?.networkInterfaceConfigurations ?? [];
  for (const { properties: wanted } of made) {
    if (wanted?.networkSecurityGroup !== undefined)
      mustBeProvisioned(store, store.referenced(wanted.networkSecurityGroup.id, vm.id), vm.id);
    for (const address of wanted?.ipConfigurations ?? []) subnetAt(store, address.properties?.subnet?.id, vm);
  }
  const taken = (properties.networkProfile?.networkInterfaces ?? []).map((one) => {
    const nic = store.referenced(one.id, vm.id);
    mustBeProvisioned(store, nic, vm.id);
    const user = (nic.properties as NicProperties).virtualMachine?.id;
    if (user !== undefined)
      throw new ArmError(
        409,
        'NicInUse',
        `Network Interface ${nic.id} is used by existing resource ${user}.`,
      );
    return { nic, deleteOption: one.properties?.deleteOption ?? 'Detach' };
  });
  return {
    make: () => {
      const attached = [
        ...made.map((configuration) => ({
          nic: makeNic(store, configuration, vm),
          deleteOption: configuration.properties?.deleteOption ?? 'Detach',
        })),
        ...taken.map(({ nic, deleteOption }) => ({
          nic: store.change(nic, { properties: { ...nic.properties, virtualMachine: { id: vm.id } } }),
          deleteOption,
        })),
      ];
      return {
        networkInterfaces: attached.map(({ nic, deleteOption }, i) => ({
          id: nic.id,
          properties: { primary: i === 0, deleteOption },
        })),
        first: firstAddressesOf(store, attached[0]?.nic),
      };
    },
  };
}

export function firstAddressesOf(store: Store, nic: Resource | undefined): Made['first'] {
  const configuration = (nic?.properties as NicProperties | undefined)?.ipConfigurations[0]?.properties;
  const address = configuration?.publicIPAddress?.id;
  const network = configuration?.subnet?.id?.replace(/\/subnets\/[^/]+$/i, '') ?? '';
  return {
    networkId: store.get(network)?.id ?? network,
    privateAddress: configuration?.privateIPAddress ?? '',
    publicAddress: address === undefined ? '' : addressOf(store.get(address)),
  };
}

const addressOf = (address: Resource | undefined): string => {
  const { ipAddress = '' }: AddressProperties = address?.properties ?? {};
  return ipAddress;
};

/** Azure gives what it makes with a machine names of its own. */
function makeNic(store: Store, configuration: NicConfiguration, vm: Place): Resource {
  const { location, subscription, group } = vm;
  const suffix = randomUUID().slice(0, 8);
  const name = `${configuration.name ?? ''}-${suffix}`;
  const id = idOf({ subscription, group, type: types.nic, name });
  const ipConfigurations = (configuration.properties?.ipConfigurations ?? []).map((wanted) => {
    const subnet = subnetAt(store, wanted.properties?.subnet?.id, vm);
    const made = wanted.properties?.publicIPAddressConfiguration;
    const address =
      made === undefined
        ? undefined
        : store.put({
            subscription,
            group,
            name: `${made.name ?? ''}-${suffix}`,
            type: types.address,
            location,
            sku: made.sku ?? { name: 'Basic', tier: 'Regional' },
            properties: {
              publicIPAddressVersion: 'IPv4',
              publicIPAllocationMethod: 'Static',
              ...made.properties,
              ipAddress: freePublicAddress(store),
              ipConfiguration: { id: `${id}/ipConfigurations/${wanted.name ?? ''}` },
            },
            seconds: partSeconds,
            ...(made.tags === undefined ? {} : { tags: made.tags }),
          });
    return {
      name: wanted.name ?? '',
      properties: {
        primary: true,
        privateIPAllocationMethod: 'Dynamic',
        privateIPAddress: freePrivateAddress(store, subnet.id, subnet.prefix),
        subnet: { id: subnet.id },
        ...(address === undefined ? {} : { publicIPAddress: { id: address.id } }),
      },
    };
  });
  const { networkSecurityGroup } = configuration.properties ?? {};
  return store.put({
    subscription,
    group,
    name,
    type: types.nic,
    location,
    properties: {
      ipConfigurations,
      virtualMachine: { id: vm.id },
      ...(networkSecurityGroup === undefined ? {} : { networkSecurityGroup }),
    },
    seconds: partSeconds,
    ...(configuration.tags === undefined ? {} : { tags: configuration.tags }),
  });
}

/** The disk is a resource of its own, and does not take the machine's tags. */
export function makeDisk(store: Store, vm: Place & { name: string; body: Body<VmProperties> }): Resource {
  const osDisk = vm.body.properties?.storageProfile?.osDisk;
  const { zones } = vm.body;
  return store.put({
    subscription: vm.subscription,
    group: vm.group,
    name: osDisk?.name ?? `${vm.name}_OsDisk_1_${randomUUID().replaceAll('-', '')}`,
    type: types.disk,
    location: vm.location,
    sku: { name: osDisk?.managedDisk?.storageAccountType ?? 'Premium_LRS', tier: 'Premium' },
    managedBy: vm.id,
    properties: {
      osType: 'Linux',
      diskSizeGB: osDisk?.diskSizeGB ?? 30,
      creationData: { createOption: 'FromImage' },
    },
    seconds: partSeconds,
    ...(zones === undefined ? {} : { zones }),
  });
}

/** A machine has gone: what was made to go with it goes, the rest is free. */
export function disposeMachine(store: Store, vm: Resource): void {
  store.remove(vm.id);
  const { networkProfile, storageProfile } = vm.properties as VmProperties;
  for (const { id, properties } of networkProfile?.networkInterfaces ?? []) {
    const nic = id === undefined ? undefined : store.get(id);
    if (nic === undefined) continue;
    if (properties?.deleteOption === 'Delete') {
      store.remove(nic.id);
      releaseAddresses(store, nic);
    } else {
      const { virtualMachine: _vm, ...rest } = nic.properties as NicProperties;
      store.change(nic, { properties: rest });
    }
  }
  const diskId = storageProfile?.osDisk?.managedDisk?.id;
  const disk = diskId === undefined ? undefined : store.get(diskId);
  if (disk === undefined) return;
  store.remove(disk.id);
  if (storageProfile?.osDisk?.deleteOption === 'Delete') return;
  const { managedBy: _vm, ...free } = disk;
  store.put({ ...free, seconds: 0 });
}
