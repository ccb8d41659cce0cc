import type { SimulatedRequest, SimulatedResponse } from '../server.ts';
import { overlap, rangeOf, within, type Range } from './addresses.ts';
import { following, notFound, shown } from './answers.ts';
import { ArmError, bodyOf, reply, types, type Target } from './arm.ts';
import type { Body, Item, NetworkProperties, NicProperties, SubnetProperties } from './bodies.ts';
import { writableGroup } from './groups.ts';
import { checkShape, subnetShape } from './shapes.ts';
import { idOf, provisioningState, type Resource, type Store } from './store.ts';

const putSeconds = 3;

const invalid = (code: string, message: string): ArmError => new ArmError(400, code, message);

export const subnetId = (network: Resource, name: string): string => `${network.id}/subnets/${name}`;

export const subnetsOf = (network: Resource): readonly Item<SubnetProperties>[] =>
  (network.properties as NetworkProperties).subnets ?? [];

export const prefixOf = (subnet: Item<SubnetProperties>): string =>
  subnet.properties?.addressPrefix ?? subnet.properties?.addressPrefixes?.[0] ?? '';

/** Ids of the interfaces' configurations in a subnet. */
const usersOf = (store: Store, id: string): { id: string }[] =>
  store
    .all({ type: types.nic })
    .flatMap((nic) =>
      (nic.properties as NicProperties).ipConfigurations
        .filter(({ properties }) => properties.subnet?.id?.toLowerCase() === id.toLowerCase())
        .map(({ name }) => ({ id: `${nic.id}/ipConfigurations/${name}` })),
    );

const shownSubnet = (store: Store, network: Resource, subnet: Item<SubnetProperties>) => {
  const id = subnetId(network, subnet.name ?? '');
  const users = usersOf(store, id);
  return {
    id,
    name: subnet.name,
    etag: `W/"${network.version}"`,
    type: `${types.network}/subnets`,
    properties: {
      privateEndpointNetworkPolicies: 'Disabled',
      privateLinkServiceNetworkPolicies: 'Enabled',
      delegations: [],
      ...subnet.properties,
      ...(users.length === 0 ? {} : { ipConfigurations: users }),
      provisioningState: provisioningState(store, network),
    },
  };
};

export const shownNetwork = (store: Store, network: Resource) =>
  shown(store, network, {
    enableDdosProtection: false,
    virtualNetworkPeerings: [],
    ...network.properties,
    subnets: subnetsOf(network).map((subnet) => shownSubnet(store, network, subnet)),
  });

function rangesOf(prefixes: readonly string[], what: string): Range[] {
  return prefixes.map((prefix) => {
    const range = rangeOf(prefix);
    if (range !== undefined) return range;
    throw /^\d+\.\d+\.\d+\.\d+\/\d+$/.test(prefix)
      ? invalid(
          'InvalidCIDRNotation',
          `The address prefix ${prefix} in ${what} has an invalid CIDR notation.`,
        )
      : invalid(
          'InvalidAddressPrefixFormat',
          `Address prefix ${prefix} of resource ${what} is not formatted correctly. It should follow CIDR notation, for example 10.0.0.0/24.`,
        );
  });
}

/** What Azure checks of a network as a whole. */
function checkNetwork(
  store: Store,
  id: string,
  properties: NetworkProperties,
  before: Resource | undefined,
): void {
  const space = properties.addressSpace?.addressPrefixes ?? [];
  if (space.length === 0)
    throw invalid('InvalidRequestFormat', `The address space of virtual network ${id} is missing.`);
  const ranges = rangesOf(space, id);
  const seen: { name: string; range: Range }[] = [];
  for (const subnet of properties.subnets ?? []) {
    const name = subnet.name ?? '';
    if (!/^[a-z0-9][\w.-]{0,79}$/i.test(name))
      throw invalid('InvalidResourceName', `Resource name ${name} is invalid.`);
    const range = rangesOf([prefixOf(subnet)], `${id}/subnets/${name}`)[0];
    if (range === undefined || !ranges.some((outer) => within(range, outer)))
      throw invalid(
        'NetcfgInvalidSubnet',
        `Subnet '${name}' is not valid because its IP address range is outside the IP address range of virtual network '${id}'.`,
      );
    const other = seen.find((one) => overlap(one.range, range));
    if (other !== undefined)
      throw invalid(
        'NetcfgSubnetRangesOverlap',
        `Subnet '${name}' is not valid because its IP address range overlaps with that of an existing subnet '${other.name}'.`,
      );
    seen.push({ name, range });
  }
  for (const subnet of before === undefined ? [] : subnetsOf(before)) {
    const used = usersOf(store, `${id}/subnets/${subnet.name ?? ''}`)[0];
    if (used === undefined) continue;
    const after = properties.subnets?.find(({ name }) => name === subnet.name);
    if (after === undefined)
      throw invalid(
        'InUseSubnetCannotBeDeleted',
        `Subnet ${subnet.name ?? ''} is in use by ${used.id} and cannot be deleted.`,
      );
    if (prefixOf(after) !== prefixOf(subnet))
      throw invalid(
        'InUsePrefixCannotBeDeleted',
        `IpPrefix ${prefixOf(subnet)} on Subnet ${subnet.name ?? ''} has active allocations and cannot be deleted.`,
      );
  }
}

function writeNetwork(
  store: Store,
  target: Pick<Target, 'subscription'> & { name: string; group: string },
  body: Body<NetworkProperties>,
  before: Resource | undefined,
): Resource {
  const { subscription, group, name } = target;
  const id = before?.id ?? idOf({ subscription, group, type: types.network, name });
  const properties = body.properties ?? {};
  checkNetwork(store, id, properties, before);
  const subnets = (properties.subnets ?? []).map((subnet) => ({
    name: subnet.name ?? '',
    properties: Object.fromEntries(
      Object.entries(subnet.properties ?? {}).filter(
        ([key]) => key !== 'provisioningState' && key !== 'ipConfigurations',
      ),
    ),
  }));
  return store.put({
    id,
    subscription,
    group: before?.group ?? group,
    name: before?.name ?? name,
    type: types.network,
    location: body.location ?? before?.location ?? '',
    properties: { ...properties, subnets },
    seconds: putSeconds,
    ...(body.tags === undefined ? {} : { tags: body.tags }),
  });
}

/** Changes the subnets alone. @throws ArmError where what is in use would go */
export const rewriteSubnets = (
  store: Store,
  network: Resource,
  subnets: readonly Item<SubnetProperties>[],
): Resource =>
  writeNetwork(
    store,
    network,
    {
      location: network.location,
      properties: { ...network.properties, subnets },
      ...(network.tags === undefined ? {} : { tags: network.tags }),
    },
    network,
  );

/** The one object of a network is written whole; a subnet's own path changes it inside the network. */
export function putNetwork(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  before: Resource | undefined,
): SimulatedResponse {
  const body = bodyOf(request);
  checkShape(types.network, body);
  const network = writeNetwork(store, target, body, before);
  const operation = store.begin({ endsAt: network.settlesAt });
  return reply(
    before === undefined ? 201 : 200,
    shownNetwork(store, network),
    following(request, network, operation),
  );
}

export function handleSubnets(
  store: Store,
  request: SimulatedRequest,
  target: Target & { name: string; group: string },
  network: Resource | undefined,
): SimulatedResponse {
  if (network === undefined)
    throw new ArmError(
      404,
      'ParentResourceNotFound',
      `Failed to perform '${request.method.toLowerCase()}' on resource(s) of type 'virtualNetworks/subnets', because the parent resource '${target.name}' could not be found.`,
    );
  const subnets = subnetsOf(network);
  const subnet = subnets.find(({ name }) => name?.toLowerCase() === target.childName?.toLowerCase());
  if (request.method === 'GET' && target.childName === undefined)
    return reply(200, { value: subnets.map((one) => shownSubnet(store, network, one)) });
  const rewrite = (changed: readonly Item<SubnetProperties>[]): Resource => {
    writableGroup(store, target);
    return rewriteSubnets(store, network, changed);
  };
  switch (request.method) {
    case 'GET': {
      if (subnet === undefined) throw notFound(target, target.childName);
      return reply(200, shownSubnet(store, network, subnet));
    }
    case 'PUT': {
      const body = bodyOf(request);
      checkShape(types.network, body, subnetShape);
      const written = { ...(body as Item<SubnetProperties>), name: target.childName ?? '' };
      const changed = rewrite([...subnets.filter((one) => one !== subnet), written]);
      const operation = store.begin({ endsAt: changed.settlesAt });
      return reply(
        subnet === undefined ? 201 : 200,
        shownSubnet(store, changed, written),
        following(request, changed, operation),
      );
    }
    case 'DELETE': {
      if (subnet === undefined) return reply(204);
      const changed = rewrite(subnets.filter((one) => one !== subnet));
      const operation = store.begin({ endsAt: changed.settlesAt });
      return reply(202, undefined, following(request, changed, operation, { location: true }));
    }
    default:
      throw new ArmError(405, 'MethodNotAllowed', `${request.method} is not allowed here.`);
  }
}

/** Why a network cannot go, if it cannot. */
export function networkInUse(store: Store, network: Resource): ArmError | undefined {
  for (const subnet of subnetsOf(network)) {
    const used = usersOf(store, subnetId(network, subnet.name ?? ''))[0];
    if (used !== undefined)
      return invalid(
        'InUseSubnetCannotBeDeleted',
        `Subnet ${subnet.name ?? ''} is in use by ${used.id} and cannot be deleted.`,
      );
  }
  return undefined;
}
