import type { StrangerRequest, WorldMachine } from '../world.ts';
import { freePrivateAddress } from './addresses.ts';
import { types } from './arm.ts';
import type { Body, VmProperties } from './bodies.ts';
import { firstAddressesOf, makeDisk } from './machine-parts.ts';
import { worldIdFor, writeMachine } from './machines.ts';
import { prefixOf, subnetId, subnetsOf } from './networks.ts';
import { idOf, type Store } from './store.ts';

/** Somebody else's machine in a network: no tags on it, nor on what was made for it. */
export function placeStranger(store: Store, { networkId, name }: StrangerRequest): WorldMachine | undefined {
  const network = store.get(networkId);
  const subnet = network === undefined ? undefined : subnetsOf(network)[0];
  if (network === undefined || network.type !== types.network || subnet === undefined) return undefined;
  const { subscription, group, location } = network;
  const id = idOf({ subscription, group, type: types.vm, name });
  const at = subnetId(network, subnet.name ?? '');
  const nic = store.put({
    subscription,
    group,
    name: `${name}-nic`,
    type: types.nic,
    location,
    properties: {
      ipConfigurations: [
        {
          name: 'ipconfig1',
          properties: {
            primary: true,
            subnet: { id: at },
            privateIPAddress: freePrivateAddress(store, at, prefixOf(subnet)),
          },
        },
      ],
      virtualMachine: { id },
    },
    seconds: 0,
  });
  const body: Body<VmProperties> = {
    location,
    properties: {
      hardwareProfile: { vmSize: 'Standard_D2s_v5' },
      storageProfile: { osDisk: { createOption: 'FromImage', deleteOption: 'Delete' } },
    },
  };
  const disk = makeDisk(store, { id, location, subscription, group, name, body });
  const machine = store.world.launch({
    cloud: 'azure',
    id: worldIdFor(store, group, name),
    name,
    region: location,
    zone: '',
    instanceType: 'Standard_D2s_v5',
    vcpus: 2,
    spot: false,
    networkId: network.id,
    privateAddress: firstAddressesOf(store, nic).privateAddress,
    publicAddress: '',
    userData: '',
  });
  writeMachine(store, {
    target: { subscription, group, name, type: types.vm },
    body,
    machine,
    failure: undefined,
    diskId: disk.id,
    networkInterfaces: [{ id: nic.id, properties: { primary: true, deleteOption: 'Delete' } }],
    hidden: undefined,
  });
  return machine;
}
