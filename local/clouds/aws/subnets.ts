import { parseBlock, subnetBlock, usableAddresses, addressText } from './cidr.ts';
import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { accountId, vpcNamed } from './vpcs.ts';
import { ApiError, flag, newId, required } from './wire.ts';
import type { State, Subnet } from './state.ts';

export const zonesOf = (region: string): string[] =>
  (region === 'us-east-1' ? ['a', 'b', 'c', 'd', 'e', 'f'] : ['a', 'b', 'c']).map(
    (letter) => region + letter,
  );

const taken = (state: State, subnet: Subnet): Set<string> =>
  new Set(
    state.interfaces
      .values()
      .filter((nic) => nic.subnetId === subnet.id)
      .map((nic) => nic.privateAddress),
  );

/** @throws InsufficientFreeAddressesInSubnet */
export function freeAddress(state: State, subnet: Subnet): string {
  const { first, last } = usableAddresses(parseBlock(subnet.cidr));
  const used = taken(state, subnet);
  for (let address = first; address <= last; address += 1)
    if (!used.has(addressText(address))) return addressText(address);
  throw new ApiError(
    'InsufficientFreeAddressesInSubnet',
    `There are not enough free addresses in subnet '${subnet.id}' to satisfy the requested number of instances.`,
  );
}

const subnetKind: Kind<Subnet> = {
  type: 'subnet',
  idPrefix: 'subnet',
  idParameter: 'SubnetId',
  notFound: 'InvalidSubnetID.NotFound',
  set: 'subnetSet',
  resultsMax: 1000,
  operation: 'readNetwork',
  all: (state) => state.subnets.values(),
  filters: {
    'subnet-id': (subnet) => [subnet.id],
    'vpc-id': (subnet) => [subnet.vpcId],
    'cidr-block': (subnet) => [subnet.cidr],
    'availability-zone': (subnet) => [subnet.zone],
    state: () => ['available'],
  },
  render: (subnet, state) => {
    const { first, last } = usableAddresses(parseBlock(subnet.cidr));
    return {
      subnetId: subnet.id,
      subnetArn: `arn:aws:ec2:${subnet.region}:${accountId}:subnet/${subnet.id}`,
      state: 'available',
      ownerId: accountId,
      vpcId: subnet.vpcId,
      cidrBlock: subnet.cidr,
      availableIpAddressCount: last - first + 1 - taken(state, subnet).size,
      availabilityZone: subnet.zone,
      defaultForAz: false,
      mapPublicIpOnLaunch: subnet.mapPublicAddress,
      assignIpv6AddressOnCreation: false,
      tagSet: tagSet(state.tagsOf(subnet.id)),
    };
  },
};

/** @throws InvalidSubnetID.NotFound */
export function subnetNamed(state: State, region: string, id: string): Subnet {
  checkId(subnetKind, id);
  const subnet = state.subnets.get(id);
  if (subnet === undefined || subnet.region !== region) throw notFound(subnetKind, id);
  return subnet;
}

export function subnetActions(state: State): Record<string, Action> {
  return {
    CreateSubnet: {
      parameters: ['VpcId!', 'CidrBlock!', 'AvailabilityZone', ...tagSpecificationParameters, 'DryRun'],
      operation: 'createNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        const neighbours = state.subnets.values().filter((subnet) => subnet.vpcId === vpc.id);
        const block = subnetBlock(
          required(form, 'CidrBlock'),
          parseBlock(vpc.cidr),
          neighbours.map((subnet) => parseBlock(subnet.cidr)),
        );
        const zones = zonesOf(region);
        const zone = form.get('AvailabilityZone') ?? zones[0] ?? '';
        if (!zones.includes(zone))
          throw new ApiError(
            'InvalidParameterValue',
            `Value (${zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ${zones.join(', ')}.`,
          );
        const tags = tagSpecifications(form, ['subnet'])('subnet');
        const subnet: Subnet = {
          id: newId('subnet'),
          region,
          vpcId: vpc.id,
          cidr: block.text,
          zone,
          mapPublicAddress: false,
          ...state.born('createNetwork'),
        };
        state.subnets.set(subnet.id, subnet);
        state.tag(subnet.id, tags);
        return { subnet: subnetKind.render(subnet, state) };
      },
    },

    ModifySubnetAttribute: {
      parameters: ['SubnetId!', 'MapPublicIpOnLaunch.Value!'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const subnet = subnetNamed(state, region, required(form, 'SubnetId'));
        state.subnets.set(subnet.id, {
          ...subnet,
          mapPublicAddress: flag(form, 'MapPublicIpOnLaunch.Value') ?? false,
        });
        return { return: true };
      },
    },

    DescribeSubnets: describe(state, subnetKind),

    DeleteSubnet: {
      parameters: ['SubnetId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const subnet = subnetNamed(state, region, required(form, 'SubnetId'));
        if (state.interfaces.values().some((nic) => nic.subnetId === subnet.id))
          throw new ApiError(
            'DependencyViolation',
            `The subnet '${subnet.id}' has dependencies and cannot be deleted.`,
          );
        for (const table of state.routeTables.values())
          if (table.associations.some((association) => association.subnetId === subnet.id))
            state.routeTables.set(table.id, {
              ...table,
              associations: table.associations.filter(({ subnetId }) => subnetId !== subnet.id),
            });
        state.remove(state.subnets, subnet.id);
        return { return: true };
      },
    },
  };
}
