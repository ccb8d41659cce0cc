import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { accountId, vpcNamed } from './vpcs.ts';
import { ApiError, newId, required } from './wire.ts';
import type { Gateway, State } from './state.ts';

const gatewayKind: Kind<Gateway> = {
  type: 'internetGateway',
  idPrefix: 'igw',
  idParameter: 'InternetGatewayId',
  notFound: 'InvalidInternetGatewayID.NotFound',
  set: 'internetGatewaySet',
  resultsMax: 1000,
  operation: 'readNetwork',
  all: (state) => state.gateways.values(),
  filters: {
    'internet-gateway-id': (gateway) => [gateway.id],
    'attachment.vpc-id': (gateway) => [gateway.vpcId],
    'attachment.state': (gateway) => [gateway.vpcId === undefined ? undefined : 'available'],
  },
  render: (gateway, state) => ({
    internetGatewayId: gateway.id,
    ownerId: accountId,
    attachmentSet: gateway.vpcId === undefined ? [] : [{ vpcId: gateway.vpcId, state: 'available' }],
    tagSet: tagSet(state.tagsOf(gateway.id)),
  }),
};

/** @throws InvalidInternetGatewayID.NotFound */
export function gatewayNamed(state: State, region: string, id: string): Gateway {
  checkId(gatewayKind, id);
  const gateway = state.gateways.get(id);
  if (gateway === undefined || gateway.region !== region) throw notFound(gatewayKind, id);
  return gateway;
}

export function gatewayActions(state: State): Record<string, Action> {
  return {
    CreateInternetGateway: {
      parameters: [...tagSpecificationParameters, 'DryRun'],
      operation: 'createNetwork',
      run({ form, region }) {
        const tags = tagSpecifications(form, ['internet-gateway'])('internet-gateway');
        const gateway: Gateway = { id: newId('igw'), region, ...state.born('createNetwork') };
        state.gateways.set(gateway.id, gateway);
        state.tag(gateway.id, tags);
        return { internetGateway: gatewayKind.render(gateway, state) };
      },
    },

    AttachInternetGateway: {
      parameters: ['InternetGatewayId!', 'VpcId!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const gateway = gatewayNamed(state, region, required(form, 'InternetGatewayId'));
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        if (gateway.vpcId !== undefined)
          throw new ApiError(
            'Resource.AlreadyAssociated',
            `resource ${gateway.id} is already attached to network ${gateway.vpcId}`,
          );
        if (state.gateways.values().some((other) => other.vpcId === vpc.id))
          throw new ApiError(
            'InvalidParameterValue',
            `Network ${vpc.id} already has an internet gateway attached`,
          );
        state.gateways.set(gateway.id, { ...gateway, vpcId: vpc.id });
        return { return: true };
      },
    },

    DetachInternetGateway: {
      parameters: ['InternetGatewayId!', 'VpcId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const { vpcId, ...gateway } = gatewayNamed(state, region, required(form, 'InternetGatewayId'));
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        if (vpcId !== vpc.id)
          throw new ApiError(
            'Gateway.NotAttached',
            `resource ${gateway.id} is not attached to network ${vpc.id}`,
          );
        if (state.interfaces.values().some((nic) => nic.vpcId === vpc.id && nic.publicAddress !== undefined))
          throw new ApiError(
            'DependencyViolation',
            `Network ${vpc.id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
          );
        state.gateways.set(gateway.id, gateway);
        return { return: true };
      },
    },

    DescribeInternetGateways: describe(state, gatewayKind),

    DeleteInternetGateway: {
      parameters: ['InternetGatewayId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const gateway = gatewayNamed(state, region, required(form, 'InternetGatewayId'));
        if (gateway.vpcId !== undefined)
          throw new ApiError(
            'DependencyViolation',
            `The internetGateway '${gateway.id}' has dependencies and cannot be deleted.`,
          );
        state.remove(state.gateways, gateway.id);
        return { return: true };
      },
    },
  };
}
