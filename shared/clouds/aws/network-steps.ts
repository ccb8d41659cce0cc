import {
  AssociateRouteTableCommand,
  AttachInternetGatewayCommand,
  AuthorizeSecurityGroupEgressCommand,
  AuthorizeSecurityGroupIngressCommand,
  CreateInternetGatewayCommand,
  CreateRouteCommand,
  CreateRouteTableCommand,
  CreateSecurityGroupCommand,
  CreateSubnetCommand,
  CreateVpcCommand,
  DescribeRouteTablesCommand,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  ReplaceRouteCommand,
  ReplaceRouteTableAssociationCommand,
  RevokeSecurityGroupIngressCommand,
  type EC2Client,
  type SecurityGroup,
  type Subnet,
  type Vpc,
} from '@aws-sdk/client-ec2';
import type { NetworkSpec, NodeRole } from '../../domain/network.ts';
import { codeOf } from './errors.ts';
import { compareFirewall } from './firewall.ts';
import { candidateOf, groupName, isAttached, nodeRoles, type Chosen } from './network-parts.ts';
import { tagging } from './tags.ts';

/** One change. All steps that are found in one look can be made at the same time. */
export interface Step {
  /** For people: `subnet 10.10.0.0/24`. */
  readonly what: string;
  /** @returns the new resource's id, when it makes one */
  run(client: EC2Client): Promise<string | undefined>;
}

export interface DnsAttributes {
  readonly support: boolean;
  readonly hostnames: boolean;
}

const everywhere = '0.0.0.0/0';

/** A step that makes nothing new. */
const change = (what: string, send: (client: EC2Client) => Promise<unknown>): Step => ({
  what,
  run: async (client) => {
    await send(client);
    return undefined;
  },
});

/** What to do next so that the network becomes what the spec says: empty when it is. */
export function nextSteps(chosen: Chosen, dns: DnsAttributes | undefined, spec: NetworkSpec): Step[] {
  const { vpc } = chosen;
  if (vpc === undefined)
    return [createVpc(spec), ...(chosen.gateway === undefined ? [createGateway(spec)] : [])];
  return [
    ...dnsSteps(vpc, dns),
    ...subnetSteps(vpc, chosen.subnet, spec),
    ...routeSteps(vpc, chosen, spec),
    ...nodeRoles.flatMap((role) => groupSteps(vpc, chosen.securityGroups[role], { role, spec })),
  ];
}

const createVpc = (spec: NetworkSpec): Step => ({
  what: `VPC ${spec.candidates[0]?.network ?? ''}`,
  run: async (client) => {
    const { Vpc } = await client.send(
      new CreateVpcCommand({
        CidrBlock: spec.candidates[0]?.network,
        TagSpecifications: tagging(['vpc'], spec.owner, { name: spec.clusterName }),
      }),
    );
    return Vpc?.VpcId;
  },
});

const createGateway = (spec: NetworkSpec): Step => ({
  what: 'internet gateway',
  run: async (client) => {
    const { InternetGateway } = await client.send(
      new CreateInternetGatewayCommand({
        TagSpecifications: tagging(['internet-gateway'], spec.owner, { name: spec.clusterName }),
      }),
    );
    return InternetGateway?.InternetGatewayId;
  },
});

function dnsSteps({ VpcId }: Vpc, dns: DnsAttributes | undefined): Step[] {
  const enable = (attribute: 'EnableDnsSupport' | 'EnableDnsHostnames'): Step =>
    change(attribute, (client) =>
      client.send(new ModifyVpcAttributeCommand({ VpcId, [attribute]: { Value: true } })),
    );
  // Host names need support first; the next look finds them missing.
  if (dns?.support === false) return [enable('EnableDnsSupport')];
  return dns?.hostnames === false ? [enable('EnableDnsHostnames')] : [];
}

function subnetSteps(vpc: Vpc, subnet: Subnet | undefined, spec: NetworkSpec): Step[] {
  const { zone } = spec.location;
  const CidrBlock = candidateOf(vpc, spec)?.subnet;
  if (subnet === undefined)
    return [
      {
        what: `subnet ${CidrBlock ?? ''}`,
        run: async (client) => {
          const { Subnet } = await client.send(
            new CreateSubnetCommand({
              VpcId: vpc.VpcId,
              CidrBlock,
              ...(zone === '' ? {} : { AvailabilityZone: zone }),
              TagSpecifications: tagging(['subnet'], spec.owner, { name: spec.clusterName }),
            }),
          );
          return Subnet?.SubnetId;
        },
      },
    ];
  if (subnet.MapPublicIpOnLaunch === true) return [];
  return [
    change(`public addresses in ${subnet.SubnetId ?? ''}`, (client) =>
      client.send(
        new ModifySubnetAttributeCommand({ SubnetId: subnet.SubnetId, MapPublicIpOnLaunch: { Value: true } }),
      ),
    ),
  ];
}

/** Gateway, its place in the VPC, the table, its way out, and its hold on the subnet: each as soon as what it needs is there. */
function routeSteps(vpc: Vpc, chosen: Chosen, spec: NetworkSpec): Step[] {
  const { gateway, routeTable, subnet } = chosen;
  const steps: Step[] = [];
  if (gateway === undefined) steps.push(createGateway(spec));
  else if (!isAttached(gateway, vpc))
    steps.push(
      change(`${gateway.InternetGatewayId ?? ''} in ${vpc.VpcId ?? ''}`, (client) =>
        client.send(
          new AttachInternetGatewayCommand({
            InternetGatewayId: gateway.InternetGatewayId,
            VpcId: vpc.VpcId,
          }),
        ),
      ),
    );
  if (routeTable === undefined) {
    steps.push({
      what: 'route table',
      run: async (client) => {
        const { RouteTable } = await client.send(
          new CreateRouteTableCommand({
            VpcId: vpc.VpcId,
            TagSpecifications: tagging(['route-table'], spec.owner, { name: spec.clusterName }),
          }),
        );
        return RouteTable?.RouteTableId;
      },
    });
    return steps;
  }

  const { RouteTableId } = routeTable;
  if (gateway !== undefined && isAttached(gateway, vpc)) {
    const route = routeTable.Routes?.find((candidate) => candidate.DestinationCidrBlock === everywhere);
    const GatewayId = gateway.InternetGatewayId;
    const target = { RouteTableId, DestinationCidrBlock: everywhere, GatewayId };
    if (route === undefined || route.GatewayId !== GatewayId || route.State === 'blackhole')
      steps.push(
        change(`route ${everywhere}`, (client) =>
          route === undefined
            ? client.send(new CreateRouteCommand(target))
            : client.send(new ReplaceRouteCommand(target)),
        ),
      );
  }
  const serves = routeTable.Associations?.some(({ SubnetId }) => SubnetId === subnet?.SubnetId) === true;
  if (subnet?.SubnetId !== undefined && RouteTableId !== undefined && !serves)
    steps.push(associate(RouteTableId, subnet.SubnetId));
  return steps;
}

const associate = (RouteTableId: string, SubnetId: string): Step =>
  change(`routes of ${SubnetId}`, async (client) => {
    try {
      await client.send(new AssociateRouteTableCommand({ RouteTableId, SubnetId }));
    } catch (error) {
      if (codeOf(error) !== 'Resource.AlreadyAssociated') throw error;
      // Somebody gave the subnet another table, which need not be ours to change: only its hold on our subnet is.
      const { RouteTables } = await client.send(
        new DescribeRouteTablesCommand({ Filters: [{ Name: 'association.subnet-id', Values: [SubnetId] }] }),
      );
      const held = RouteTables?.flatMap((table) => table.Associations ?? []).find(
        (association) => association.SubnetId === SubnetId,
      );
      await client.send(
        new ReplaceRouteTableAssociationCommand({
          RouteTableId,
          AssociationId: held?.RouteTableAssociationId,
        }),
      );
    }
  });

function groupSteps(
  vpc: Vpc,
  group: SecurityGroup | undefined,
  { role, spec }: { role: NodeRole; spec: NetworkSpec },
): Step[] {
  const GroupName = groupName(spec, role);
  if (group === undefined)
    return [
      {
        what: `security group ${GroupName}`,
        run: async (client) => {
          const { GroupId } = await client.send(
            new CreateSecurityGroupCommand({
              VpcId: vpc.VpcId,
              GroupName,
              Description: `Overcast: ${role} nodes`,
              TagSpecifications: tagging(['security-group'], spec.owner, {
                name: `${spec.clusterName} ${role}`,
              }),
            }),
          );
          return GroupId;
        },
      },
    ];
  const { GroupId } = group;
  const { missing, excess, outboundMissing } = compareFirewall(
    group,
    spec.firewall[role],
    vpc.CidrBlock ?? '',
  );
  return [
    ...(missing.length === 0
      ? []
      : [
          change(`rules of ${GroupName}`, (client) =>
            client.send(new AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: missing })),
          ),
        ]),
    ...(excess.length === 0
      ? []
      : [
          change(`rules of ${GroupName} that nobody asked for`, (client) =>
            client.send(new RevokeSecurityGroupIngressCommand({ GroupId, IpPermissions: excess })),
          ),
        ]),
    ...(outboundMissing.length === 0
      ? []
      : [
          change(`outbound rule of ${GroupName}`, (client) =>
            client.send(new AuthorizeSecurityGroupEgressCommand({ GroupId, IpPermissions: outboundMissing })),
          ),
        ]),
  ];
}
