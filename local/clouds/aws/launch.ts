import { randomBytes, randomInt } from 'node:crypto';
import { instanceType, type SimulatedType } from '../catalogue.ts';
import type { StrangerRequest, WorldMachine } from '../world.ts';
import { image } from './images.ts';
import { freeAddress } from './subnets.ts';
import { newId } from './wire.ts';
import type { Instance, NetworkInterface, State, Subnet, Tags, Volume } from './state.ts';

export interface Wiring {
  readonly subnet: Subnet;
  readonly groupIds: readonly string[];
  readonly publicAddress: boolean;
  readonly deleteOnTermination: boolean;
  readonly description: string;
}

export type Disk = Pick<Volume, 'sizeGib' | 'type' | 'encrypted'> & {
  readonly device: string;
  readonly deleteOnTermination: boolean;
};

export const rootDevice = '/dev/sda1';

/** A request in which everything was checked. */
export interface LaunchPlan {
  readonly region: string;
  readonly reservationId: string;
  readonly born: { readonly hiddenUntil?: number };
  readonly imageId: string;
  readonly architecture: Instance['architecture'];
  readonly type: SimulatedType;
  readonly spot: boolean;
  readonly wiring: Wiring;
  readonly disks: readonly Disk[];
  readonly metadata: Instance['metadata'];
  readonly userData: string;
  readonly clientToken?: string;
  /** By resource type. */
  readonly tags: (type: string) => Tags;
}

function publicAddress(state: State): string {
  const used = new Set(state.interfaces.values().map((nic) => nic.publicAddress));
  for (;;) {
    const address = `52.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}`;
    if (!used.has(address)) return address;
  }
}

export const macAddress = (): string =>
  ['02', ...[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');

/** Makes one instance with its interface and disks, and lets the world boot it. @throws InsufficientFreeAddressesInSubnet */
export function launch(state: State, plan: LaunchPlan): Instance {
  const { region, born, wiring } = plan;
  const { subnet } = wiring;
  const id = newId('i');
  const nic: NetworkInterface = {
    id: newId('eni'),
    region,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    zone: subnet.zone,
    description: wiring.description,
    groupIds: wiring.groupIds,
    privateAddress: freeAddress(state, subnet),
    ...(wiring.publicAddress ? { publicAddress: publicAddress(state) } : {}),
    macAddress: macAddress(),
    attachment: {
      id: newId('eni-attach'),
      instanceId: id,
      deleteOnTermination: wiring.deleteOnTermination,
    },
    ...born,
  };
  state.interfaces.set(nic.id, nic);
  state.tag(nic.id, plan.tags('network-interface'));
  const volumes = plan.disks.map(({ device, deleteOnTermination, ...disk }) => {
    const volume: Volume = {
      id: newId('vol'),
      region,
      zone: subnet.zone,
      ...disk,
      createdAt: state.world.now(),
      attachment: { instanceId: id, device, deleteOnTermination },
      ...born,
    };
    state.volumes.set(volume.id, volume);
    state.tag(volume.id, plan.tags('volume'));
    return { id: volume.id, device, deleteOnTermination };
  });
  const instance: Instance = {
    id,
    region,
    reservationId: plan.reservationId,
    imageId: plan.imageId,
    architecture: plan.architecture,
    instanceType: plan.type.name,
    ...(plan.spot ? { spotRequestId: newId('sir') } : {}),
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    zone: subnet.zone,
    groupIds: wiring.groupIds,
    interfaceId: nic.id,
    volumes,
    metadata: plan.metadata,
    ...(plan.clientToken === undefined ? {} : { clientToken: plan.clientToken }),
    ...born,
  };
  state.instances.set(id, instance);
  state.tag(id, plan.tags('instance'));
  state.world.launch({
    cloud: 'aws',
    id,
    name: plan.tags('instance')['Name'] ?? '',
    region,
    zone: subnet.zone,
    instanceType: plan.type.name,
    vcpus: plan.type.vcpus,
    spot: plan.spot,
    networkId: subnet.vpcId,
    privateAddress: nic.privateAddress,
    publicAddress: nic.publicAddress ?? '',
    userData: plan.userData,
  });
  return instance;
}

/** Somebody else's machine in a VPC, in whatever subnet there is: it carries a name and nothing of ours. */
export function placeStranger(state: State, { networkId, name }: StrangerRequest): WorldMachine | undefined {
  const subnet = state.subnets.values().find(({ vpcId }) => vpcId === networkId);
  const type = instanceType('aws', 't3.medium');
  if (subnet === undefined || type === undefined) return undefined;
  const instance = launch(state, {
    region: subnet.region,
    reservationId: newId('r'),
    born: {},
    imageId: image('ami-0123456789abcdef0').id,
    architecture: 'x86_64',
    type,
    spot: false,
    wiring: {
      subnet,
      groupIds: state.securityGroups
        .values()
        .filter((group) => group.vpcId === networkId && group.name === 'default')
        .map((group) => group.id),
      publicAddress: false,
      deleteOnTermination: true,
      description: '',
    },
    disks: [{ device: rootDevice, sizeGib: 8, type: 'gp3', encrypted: false, deleteOnTermination: true }],
    metadata: { httpTokens: 'optional', httpEndpoint: 'enabled', hopLimit: 1 },
    userData: '',
    tags: (resource): Tags => (resource === 'instance' ? { Name: name } : {}),
  });
  return state.world.machine('aws', instance.id);
}
