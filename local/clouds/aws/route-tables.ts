import { parseBlock } from './cidr.ts';
import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { gatewayNamed } from './gateways.ts';
import { subnetNamed } from './subnets.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { accountId, vpcNamed } from './vpcs.ts';
import { ApiError, invalid, newId, required, type Form } from './wire.ts';
import type { RouteTable, State } from './state.ts';

const tableKind: Kind<RouteTable> = {
  type: 'routeTable',
  idPrefix: 'rtb',
  idParameter: 'RouteTableId',
  notFound: 'InvalidRouteTableID.NotFound',
  set: 'routeTableSet',
  resultsMax: 100,
  operation: 'readNetwork',
  all: (state) => state.routeTables.values(),
  filters: {
    'route-table-id': (table) => [table.id],
    'vpc-id': (table) => [table.vpcId],
    'association.main': (table) => [String(table.main)],
    'association.subnet-id': (table) => table.associations.map(({ subnetId }) => subnetId),
    'association.route-table-association-id': (table) => table.associations.map(({ id }) => id),
  },
  render: (table, state) => ({
    routeTableId: table.id,
    vpcId: table.vpcId,
    ownerId: accountId,
    propagatingVgwSet: [],
    routeSet: [
      {
        destinationCidrBlock: state.vpcs.get(table.vpcId)?.cidr ?? '',
        gatewayId: 'local',
        state: 'active',
        origin: 'CreateRouteTable',
      },
      ...table.routes.map((route) => ({
        destinationCidrBlock: route.cidr,
        gatewayId: route.gatewayId,
        // A route whose gateway is gone or elsewhere leads nowhere, and stays.
        state: state.gateways.get(route.gatewayId)?.vpcId === table.vpcId ? 'active' : 'blackhole',
        origin: 'CreateRoute',
      })),
    ],
    associationSet: [
      ...(table.mainAssociationId === undefined
        ? []
        : [{ id: table.mainAssociationId, subnetId: undefined, main: true }]),
      ...table.associations.map((association) => ({ ...association, main: false })),
    ].map(({ id, subnetId, main }) => ({
      routeTableAssociationId: id,
      routeTableId: table.id,
      subnetId,
      main,
      associationState: { state: 'associated' },
    })),
    tagSet: tagSet(state.tagsOf(table.id)),
  }),
};

function tableNamed(state: State, region: string, id: string): RouteTable {
  checkId(tableKind, id);
  const table = state.routeTables.get(id);
  if (table === undefined || table.region !== region) throw notFound(tableKind, id);
  return table;
}

function associationNamed(state: State, region: string, id: string): { table: RouteTable; subnetId: string } {
  for (const table of state.routeTables.values()) {
    if (table.region !== region) continue;
    if (table.mainAssociationId === id)
      throw new ApiError(
        'InvalidParameterValue',
        `cannot disassociate the main route table association ${id}`,
      );
    const found = table.associations.find((association) => association.id === id);
    if (found !== undefined) return { table, subnetId: found.subnetId };
  }
  throw new ApiError('InvalidAssociationID.NotFound', `The association ID '${id}' does not exist`);
}

const without = (table: RouteTable, associationId: string): RouteTable => ({
  ...table,
  associations: table.associations.filter(({ id }) => id !== associationId),
});

const noRoute = (table: RouteTable, cidr: string): ApiError =>
  new ApiError(
    'InvalidRoute.NotFound',
    `no route with destination-cidr-block ${cidr} in route table ${table.id}`,
  );

export function routeTableActions(state: State): Record<string, Action> {
  const routeTarget = (
    form: Form,
    region: string,
    table: RouteTable,
  ): { cidr: string; gatewayId: string } => {
    const gateway = gatewayNamed(state, region, required(form, 'GatewayId'));
    if (gateway.vpcId !== table.vpcId)
      throw invalid(`route table ${table.id} and network gateway ${gateway.id} belong to different networks`);
    return { cidr: parseBlock(required(form, 'DestinationCidrBlock')).text, gatewayId: gateway.id };
  };
  const associate = (table: RouteTable, subnetId: string): string => {
    const id = newId('rtbassoc');
    state.routeTables.set(table.id, { ...table, associations: [...table.associations, { id, subnetId }] });
    return id;
  };

  return {
    CreateRouteTable: {
      parameters: ['VpcId!', 'ClientToken', ...tagSpecificationParameters, 'DryRun'],
      operation: 'createNetwork',
      run({ form, region }) {
        const vpc = vpcNamed(state, region, required(form, 'VpcId'));
        const tags = tagSpecifications(form, ['route-table'])('route-table');
        const clientToken = form.get('ClientToken');
        const same = state.routeTables
          .values()
          .find((table) => clientToken !== undefined && table.clientToken === clientToken);
        if (same !== undefined) return { routeTable: tableKind.render(same, state), clientToken };
        const table: RouteTable = {
          id: newId('rtb'),
          region,
          vpcId: vpc.id,
          main: false,
          routes: [],
          associations: [],
          ...(clientToken === undefined ? {} : { clientToken }),
          ...state.born('createNetwork'),
        };
        state.routeTables.set(table.id, table);
        state.tag(table.id, tags);
        return { routeTable: tableKind.render(table, state), clientToken };
      },
    },

    CreateRoute: {
      parameters: ['RouteTableId!', 'DestinationCidrBlock!', 'GatewayId!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        const route = routeTarget(form, region, table);
        if (table.routes.some(({ cidr }) => cidr === route.cidr))
          throw new ApiError('RouteAlreadyExists', `The route identified by ${route.cidr} already exists.`);
        state.routeTables.set(table.id, { ...table, routes: [...table.routes, route] });
        return { return: true };
      },
    },

    ReplaceRoute: {
      parameters: ['RouteTableId!', 'DestinationCidrBlock!', 'GatewayId!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        const route = routeTarget(form, region, table);
        if (!table.routes.some(({ cidr }) => cidr === route.cidr)) throw noRoute(table, route.cidr);
        state.routeTables.set(table.id, {
          ...table,
          routes: table.routes.map((old) => (old.cidr === route.cidr ? route : old)),
        });
        return { return: true };
      },
    },

    DeleteRoute: {
      parameters: ['RouteTableId!', 'DestinationCidrBlock!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        const { text } = parseBlock(required(form, 'DestinationCidrBlock'));
        if (!table.routes.some(({ cidr }) => cidr === text)) throw noRoute(table, text);
        state.routeTables.set(table.id, {
          ...table,
          routes: table.routes.filter(({ cidr }) => cidr !== text),
        });
        return { return: true };
      },
    },

    AssociateRouteTable: {
      parameters: ['RouteTableId!', 'SubnetId!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        const subnet = subnetNamed(state, region, required(form, 'SubnetId'));
        if (subnet.vpcId !== table.vpcId)
          throw invalid(`Route table ${table.id} and subnet ${subnet.id} belong to different networks`);
        for (const other of state.routeTables.values()) {
          const held = other.associations.find(({ subnetId }) => subnetId === subnet.id);
          if (held === undefined) continue;
          // Asking for what already is so is answered as if it had just been done.
          if (other.id === table.id)
            return { associationId: held.id, associationState: { state: 'associated' } };
          throw new ApiError(
            'Resource.AlreadyAssociated',
            `the specified association for route table ${table.id} conflicts with an existing association`,
          );
        }
        return { associationId: associate(table, subnet.id), associationState: { state: 'associated' } };
      },
    },

    ReplaceRouteTableAssociation: {
      parameters: ['AssociationId!', 'RouteTableId!', 'DryRun'],
      operation: 'changeNetwork',
      run({ form, region }) {
        const id = required(form, 'AssociationId');
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        const { table: old, subnetId } = associationNamed(state, region, id);
        state.routeTables.set(old.id, without(old, id));
        const newAssociationId = associate(state.routeTables.get(table.id) ?? table, subnetId);
        return { newAssociationId, associationState: { state: 'associated' } };
      },
    },

    DisassociateRouteTable: {
      parameters: ['AssociationId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const id = required(form, 'AssociationId');
        const { table } = associationNamed(state, region, id);
        state.routeTables.set(table.id, without(table, id));
        return { return: true };
      },
    },

    DescribeRouteTables: describe(state, tableKind),

    DeleteRouteTable: {
      parameters: ['RouteTableId!', 'DryRun'],
      operation: 'deleteNetwork',
      run({ form, region }) {
        const table = tableNamed(state, region, required(form, 'RouteTableId'));
        if (table.main || table.associations.length > 0)
          throw new ApiError(
            'DependencyViolation',
            `The routeTable '${table.id}' has dependencies and cannot be deleted.`,
          );
        state.remove(state.routeTables, table.id);
        return { return: true };
      },
    },
  };
}
