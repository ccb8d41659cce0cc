import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { freePrivateAddress, freePublicAddress } from './addresses.ts';
import { following, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type { AddressProperties, Body, IpConfiguration, NicProperties } from './bodies.ts';
import { checkPool } from './balancers.ts';
import { prefixOf, subnetsOf } from './networks.ts';
import { checkShape } from './shapes.ts';
import { idOf, mustBeProvisioned, type Resource, type Store } from './store.ts';

const putSeconds = 1;

const invalid = (code: string, message: string): ArmError => new ArmError(400, code, message);

type Named = Target & { name: string; group: string };

/** The network and prefix that a subnet's id leads to. @throws ArmError `InvalidResourceReference` */
export function subnetAt(
  store: Store,
  id: string | undefined,
  by: { id: string; location: string },
): { network: Resource; id: string; prefix: string } {
  const match = /^(.+)\/subnets\/([^/]+)$/i.exec(id ?? '');
  const network = match?.[1] === undefined ? undefined : store.get(match[1]);
  const subnet =
    network === undefined
      ? undefined
      : subnetsOf(network).find(({ name }) => name?.toLowerCase() === match?.[2]?.toLowerCase());
  if (network === undefined || subnet === undefined || network.location !== by.location)
    throw invalid(
      'InvalidResourceReference',
      `Resource ${id ?? '(none)'} referenced by resource ${by.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
    );
  mustBeProvisioned(store, network, by.id);
  return { network, id: `${network.id}/subnets/${subnet.name ?? ''}`, prefix: prefixOf(subnet) };
}

export function putAddress(
  store: Store,
  request: SimulatedRequest,
  target: Named,
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.address, body);
  const { location, tags, zones, sku, properties = {} } = body as Body<AddressProperties>;
  if (before === undefined && store.world.takeFault('azure', 'createBalancer', { effects: ['quota'] }))
    throw invalid(
      'PublicIPCountLimitReached',
      `Cannot create more than 20 public IP addresses for this subscription in this region.`,
    );
  const method = properties.publicIPAllocationMethod ?? 'Dynamic';
  if (sku?.['name'] === 'Standard' && method !== 'Static')
    throw invalid(
      'StandardSkuPublicIPAddressesMustBeStatic',
      `Standard sku publicIp ${target.name} must have AllocationMethod set to Static.`,
    );
  const { subscription, group, name } = target;
  const was: AddressProperties | undefined = before?.properties;
  const address = store.put({
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.address,
    location: location ?? '',
    sku: sku ?? { name: 'Basic', tier: 'Regional' },
    properties: {
      publicIPAddressVersion: 'IPv4',
      idleTimeoutInMinutes: 4,
      ...properties,
      publicIPAllocationMethod: method,
      ipAddress: was?.ipAddress ?? freePublicAddress(store),
      ...(was?.ipConfiguration === undefined ? {} : { ipConfiguration: was.ipConfiguration }),
    },
    seconds: putSeconds,
    ...(tags === undefined ? {} : { tags }),
    ...(zones === undefined ? {} : { zones }),
  });
  const operation = store.begin({ endsAt: address.settlesAt });
  return reply(
    before === undefined ? 201 : 200,
    shown(store, address),
    following(request, address, operation),
  );
}

export function putNic(
  store: Store,
  request: SimulatedRequest,
  target: Named,
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.nic, body);
  const { location = '', tags, properties } = body as Body<NicProperties>;
  const { subscription, group, name } = target;
  const id = before?.id ?? idOf({ subscription, group, type: types.nic, name });
  if ((properties?.ipConfigurations ?? []).length === 0)
    throw invalid(
      'NetworkInterfaceMustHaveIpConfigurations',
      `Network interface ${id} must have one or more IP configurations.`,
    );
  if (properties?.networkSecurityGroup !== undefined)
    mustBeProvisioned(store, store.referenced(properties.networkSecurityGroup.id, id), id);
  const was = before?.properties as NicProperties | undefined;
  const ipConfigurations = (properties?.ipConfigurations ?? []).map((configuration): IpConfiguration => {
    const subnet = subnetAt(store, configuration.properties.subnet?.id, { id, location });
    const former = was?.ipConfigurations.find((one) => one.name === configuration.name);
    const {
      publicIPAddress,
      loadBalancerBackendAddressPools: pools = [],
      ...rest
    } = configuration.properties;
    for (const pool of pools) checkPool(store, pool.id, { id, location, networkId: subnet.network.id });
    if (publicIPAddress?.id !== undefined)
      claimAddress(store, publicIPAddress.id, `${id}/ipConfigurations/${configuration.name}`);
    return {
      name: configuration.name,
      properties: {
        primary: true,
        privateIPAllocationMethod: 'Dynamic',
        ...rest,
        ...(pools.length === 0
          ? {}
          : { loadBalancerBackendAddressPools: pools.map((pool) => ({ id: pool.id ?? '' })) }),
        subnet: { id: subnet.id },
        ...(publicIPAddress?.id === undefined ? {} : { publicIPAddress: { id: publicIPAddress.id } }),
        privateIPAddress:
          former?.properties.privateIPAddress ?? freePrivateAddress(store, subnet.id, subnet.prefix),
      },
    };
  });
  // Who uses it is not the caller's to say.
  const { virtualMachine: _user, ...settable } = properties ?? {};
  const nic = store.put({
    id,
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.nic,
    location,
    properties: {
      ...settable,
      ipConfigurations,
      ...(was?.virtualMachine === undefined ? {} : { virtualMachine: was.virtualMachine }),
    },
    seconds: putSeconds,
    ...(tags === undefined ? {} : { tags }),
  });
  const operation = store.begin({ endsAt: nic.settlesAt });
  return reply(before === undefined ? 201 : 200, shownNic(store, nic), following(request, nic, operation));
}

function claimAddress(store: Store, addressId: string, by: string): void {
  const address = store.referenced(addressId, by);
  mustBeProvisioned(store, address, by);
  const user = (address.properties as AddressProperties).ipConfiguration?.id;
  if (user !== undefined && user.toLowerCase() !== by.toLowerCase())
    throw invalid(
      'PublicIPAddressInUse',
      `Resource ${by} is referencing public IP address ${addressId} that is already allocated to resource ${user}.`,
    );
  store.change(address, { properties: { ...address.properties, ipConfiguration: { id: by } } });
}

export const shownNic = (store: Store, nic: Resource) =>
  shown(store, nic, {
    enableAcceleratedNetworking: false,
    enableIPForwarding: false,
    ...nic.properties,
    ipConfigurations: (nic.properties as NicProperties).ipConfigurations.map((configuration) => ({
      ...configuration,
      id: `${nic.id}/ipConfigurations/${configuration.name}`,
    })),
  });

export const nicInUse = (nic: Resource): ArmError | undefined => {
  const vm = (nic.properties as NicProperties).virtualMachine?.id;
  return vm === undefined
    ? undefined
    : invalid(
        'NicInUse',
        `Network Interface ${nic.id} is used by existing resource ${vm}. In order to delete the network interface, it must be dissociated from the resource.`,
      );
};

export const addressInUse = (address: Resource): ArmError | undefined => {
  const user = (address.properties as AddressProperties).ipConfiguration?.id;
  return user === undefined
    ? undefined
    : invalid(
        'PublicIPAddressCannotBeDeleted',
        `Public IP address ${address.id} can not be deleted since it is still allocated to resource ${user}.`,
      );
};

/** An interface has gone: its addresses go with it where they were made to, and are free where not. */
export function releaseAddresses(store: Store, nic: Resource): void {
  for (const { properties } of (nic.properties as NicProperties).ipConfigurations) {
    const address =
      properties.publicIPAddress?.id === undefined ? undefined : store.get(properties.publicIPAddress.id);
    if (address === undefined) continue;
    const { ipConfiguration: _user, ...rest } = address.properties as AddressProperties;
    if (rest.deleteOption === 'Delete') store.remove(address.id);
    else store.change(address, { properties: rest });
  }
}
