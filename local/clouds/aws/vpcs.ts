import { networkBlock } from './cidr.ts';
import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { ApiError, flag, invalid, newId, required } from './wire.ts';
import type { State, Vpc } from './state.ts';

export const accountId = '111122223333';

const vpcKind: Kind<Vpc> = {
  type: 'vpc',
  idPrefix: 'vpc',
  idParameter: 'VpcId',
  notFound: 'InvalidVpcID.NotFound',
  set: 'vpcSet',
  resultsMax: 1000,
  operation: 'readNetwork',
  all: (state) => state.vpcs.values(),
  filters: {
    'vpc-id': (vpc) => [vpc.id],
    cidr: (vpc) => [vpc.cidr],
    'cidr-block-association.cidr-block': (vpc) => [vpc.cidr],
    state: () => ['available'],
    'is-default': () => ['false'],
    'owner-id': () => [accountId],
  },
  render: (vpc, state) => ({
    vpcId: vpc.id,
    ownerId: accountId,
    state: 'available',
    cidrBlock: vpc.cidr,
    cidrBlockAssociationSet: [
      {
        associationId: vpc.id.replace('vpc', 'vpc-cidr-assoc'),
        cidrBlock: vpc.cidr,
        cidrBlockState: { state: 'associated' },
      },
    ],
    dhcpOptionsId: 'dopt-0a1b2c3d4e5f60718',
    instanceTenancy: 'default',
    isDefault: false,
    tagSet: tagSet(state.tagsOf(vpc.id)),
  }),
};

/** @throws InvalidVpcID.NotFound */
export function vpcNamed(state: State, region: string, id: string): Vpc {
  checkId(vpcKind, id);
  const vpc = state.vpcs.get(id);
  if (vpc === undefined || vpc.region !== region) throw notFound(vpcKind, id);
  return vpc;
}

const dependency = (id: string): ApiError =>
  new ApiError('DependencyViolation', `The vpc '${id}' has dependencies and cannot be deleted.`);

export function vpcActions(state: State, options: { vpcsPerRegionMax: number }): Record<string, Action> {
  return {
    CreateVpc: {
      parameters: [
        'CidrBlock!',
        'InstanceTenancy',
        'AmazonProvidedIpv6CidrBlock',
        ...tagSpecificationParameters,
        'DryRun',
      ],
      operation: 'createNetwork',
      run({ form, region }) {
        const block = networkBlock(required(form, 'CidrBlock'));
        const tags = tagSpecifications(form, ['vpc'])('vpc');
        if (state.vpcs.values().filter((vpc) => vpc.region === region).length >= options.vpcsPerRegionMax)
          throw new ApiError('VpcLimitExceeded', 'The maximum number of VPCs has been reached.');
        const vpc: Vpc = {
          id: newId('vpc'),
          region,
          cidr: block.text,
          dnsSupport: true,
          dnsHostnames: false,
          ...state.born('createNetwork'),
        };
        state.vpcs.set(vpc.id, vpc);
        state.tag(vpc.id, tags);
        // Both come with every VPC and go with it; neither takes the VPC's tags.
        const groupId = newId('sg');
        state.securityGroups.set(groupId, {
          id: groupId,
          region,
          vpcId: vpc.id,
          name: 'default',
          description: 'default VPC security group',
          rules: [
            { id: newId('sgr'), egress: false, protocol: '-1', groupId },
            { id: newId('sgr'), egress: true, protocol: '-1', cidr: '0.0.0.0/0' },
          ],
        });
        const tableId = newId('rtb');
        state.routeTables.set(tableId, {
          id: tableId,
          region,
          vpcId: vpc.id,
          main: true,
          mainAssociationId: newId('rtbassoc'),
          routes: [],
          associations: [],
        });
        return { vpc: vpcKind.render(vpc, state) };
      },
    },

    ModifyVpcAttribute: {
      parameters: ['VpcId!', 'EnableDnsHostnames.Value', 'EnableDnsSupport.Value'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        const dnsHostnames = flag(form, 'EnableDnsHostnames.Value');
        const dnsSupport = flag(form, 'EnableDnsSupport.Value');
        // Source: API Reference, ModifyVpcAttribute: "You cannot modify [both] in the same request."
        if ((dnsHostnames === undefined) === (dnsSupport === undefined))
          throw new ApiError('InvalidParameterCombination', 'Specify exactly one attribute');
        state.vpcs.set(vpc.id, {
          ...vpc,
          ...(dnsHostnames === undefined ? {} : { dnsHostnames }),
          ...(dnsSupport === undefined ? {} : { dnsSupport }),
        });
        return { return: true };
      },
    },

    DescribeVpcAttribute: {
      parameters: ['VpcId!', 'Attribute!', 'DryRun'],
      operation: 'readNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        if (!state.visible(vpc)) throw notFound(vpcKind, vpc.id);
        switch (form.get('Attribute')) {
          case 'enableDnsHostnames':
            return { vpcId: vpc.id, enableDnsHostnames: { value: vpc.dnsHostnames } };
          case 'enableDnsSupport':
            return { vpcId: vpc.id, enableDnsSupport: { value: vpc.dnsSupport } };
          case undefined:
          default:
            throw invalid(`Value (${form.get('Attribute') ?? ''}) for parameter attribute is invalid.`);
        }
      },
    },

    DescribeVpcs: describe(state, vpcKind),

    DeleteVpc: {
      parameters: ['VpcId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        const inside = (resource: { vpcId?: string }): boolean => resource.vpcId === vpc.id;
        const tables = state.routeTables.values().filter(inside);
        const groups = state.securityGroups.values().filter(inside);
        if (
          state.subnets.values().some(inside) ||
          state.gateways.values().some(inside) ||
          state.interfaces.values().some(inside) ||
          tables.some((table) => !table.main) ||
          groups.some((group) => group.name !== 'default')
        )
          throw dependency(vpc.id);
        for (const table of tables) state.remove(state.routeTables, table.id);
        for (const group of groups) state.remove(state.securityGroups, group.id);
        state.remove(state.vpcs, vpc.id);
        return { return: true };
      },
    },
  };
}
