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
  CreateTagsCommand,
  CreateVpcCommand,
  DescribeRouteTablesCommand,
  ModifySubnetAttributeCommand,
  ModifyVpcAttributeCommand,
  ReplaceRouteCommand,
  ReplaceRouteTableAssociationCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
  type EC2Client,
  type IpPermission,
  type Route,
  type SecurityGroup,
  type Subnet,
  type Tag,
  type Vpc,
} from '@aws-sdk/client-ec2';
import type { NetworkSpec, NodeRole } from '../../domain/network.ts';
import { codeOf } from './errors.ts';
import { compareFirewall, ruleOf } from './firewall.ts';
import { candidateOf, groupName, isAttached, nodeRoles, type Chosen } from './network-parts.ts';
import { lostTags, tagging, tagKeys, tagsFor } from './tags.ts';

/** A difference that a step mends: a flaw's words. */
export interface Wrong {
  readonly subject: string;
  readonly message: string;
}

/** One change. All steps that are found in one look can be made at the same time, after those that come first. */
export interface Step {
  /** For people: `subnet 10.10.0.0/24`. */
  readonly what: string;
  /** Empty where it belongs to a thing that is missing as a whole. */
  readonly wrong: readonly Wrong[];
  /** Gives a part the owner's tags back: before that nothing of it is changed. */
  readonly comesFirst?: true;
  /** @returns the new resource's id, when it makes one */
  run(client: EC2Client): Promise<string | undefined>;
}

export interface DnsAttributes {
  readonly support: boolean;
  readonly hostnames: boolean;
}

const everywhere = '0.0.0.0/0';

/** A step that makes nothing new. */
const change = (
  what: string,
  wrong: Wrong | readonly Wrong[],
  send: (client: EC2Client) => Promise<unknown>,
): Step => ({
  what,
  wrong: [wrong].flat(),
  run: async (client) => {
    await send(client);
    return undefined;
  },
});

/**
 * What to do next so that the network becomes what the spec says: empty when it is. Of a VPC these are the parts that are
 * ours; routes besides the default one, network ACLs and DHCP options, of which we make none, stay as they are found.
 */
export function nextSteps(chosen: Chosen, dns: DnsAttributes | undefined, spec: NetworkSpec): Step[] {
  const { vpc } = chosen;
  if (vpc === undefined)
    return [createVpc(spec), ...(chosen.gateway === undefined ? [createGateway(spec, [])] : [])];
  return [
    ...tagSteps(chosen, spec),
    ...dnsSteps(vpc, dns),
    ...subnetSteps(vpc, chosen.subnet, spec),
    ...routeSteps(vpc, chosen, spec),
    ...nodeRoles.flatMap((role) => groupSteps(vpc, chosen.securityGroups[role], { role, spec })),
  ];
}

/** Parts that the owner's tags no longer find are among the chosen ones only when they were recorded. */
function tagSteps({ vpc, subnet, gateway, routeTable, securityGroups }: Chosen, spec: NetworkSpec): Step[] {
  const part = (kind: string, id: string | undefined, tags: Tag[] | undefined, role?: NodeRole): Step[] => {
    const name = role === undefined ? spec.clusterName : groupLabel(spec, role);
    const Tags = lostTags(tags, tagsFor(spec.owner, { name }));
    if (id === undefined || Tags.length === 0) return [];
    const keys = Tags.map(({ Key }) => Key).join(', ');
    const subject = `${[kind, ...(role === undefined ? [] : [role])].join(':')}:tags`;
    const step = change(`tags of ${id}`, { subject, message: `${id} has lost ${keys}` }, (client) =>
      client.send(new CreateTagsCommand({ Resources: [id], Tags })),
    );
    return [Tags.every(({ Key }) => Key === tagKeys.name) ? step : { ...step, comesFirst: true }];
  };
  return [
    ...part('vpc', vpc?.VpcId, vpc?.Tags),
    ...part('subnet', subnet?.SubnetId, subnet?.Tags),
    ...part('gateway', gateway?.InternetGatewayId, gateway?.Tags),
    ...part('route-table', routeTable?.RouteTableId, routeTable?.Tags),
    ...nodeRoles.flatMap((role) => {
      const group = securityGroups[role];
      return part('security-group', group?.GroupId, group?.Tags, role);
    }),
  ];
}

const createVpc = (spec: NetworkSpec): Step => ({
  what: `VPC ${spec.candidates[0]?.network ?? ''}`,
  wrong: [
    {
      subject: 'vpc:missing',
      message: `there is no VPC ${spec.candidates.map(({ network }) => network).join(' or ')}`,
    },
  ],
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

const noGateway: readonly Wrong[] = [{ subject: 'gateway:missing', message: 'there is no internet gateway' }];

const createGateway = (spec: NetworkSpec, wrong: readonly Wrong[]): Step => ({
  what: 'internet gateway',
  wrong,
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
    change(attribute, { subject: `vpc:${attribute}`, message: `${attribute} is off` }, (client) =>
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
        wrong: [{ subject: 'subnet:missing', message: `there is no subnet ${CidrBlock ?? ''}` }],
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
    change(
      `public addresses in ${subnet.SubnetId ?? ''}`,
      {
        subject: 'subnet:public-addresses',
        message: `${subnet.SubnetId ?? ''} gives machines no public address`,
      },
      (client) =>
        client.send(
          new ModifySubnetAttributeCommand({
            SubnetId: subnet.SubnetId,
            MapPublicIpOnLaunch: { Value: true },
          }),
        ),
    ),
  ];
}

/** Gateway, its place in the VPC, the table, its way out, and its hold on the subnet: each as soon as what it needs is there. */
function routeSteps(vpc: Vpc, chosen: Chosen, spec: NetworkSpec): Step[] {
  const { gateway, routeTable, subnet } = chosen;
  const steps: Step[] = [];
  if (gateway === undefined) steps.push(createGateway(spec, noGateway));
  else if (!isAttached(gateway, vpc))
    steps.push(
      change(
        `${gateway.InternetGatewayId ?? ''} in ${vpc.VpcId ?? ''}`,
        {
          subject: 'gateway:detached',
          message: `${gateway.InternetGatewayId ?? ''} is not attached to ${vpc.VpcId ?? ''}`,
        },
        (client) =>
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
      wrong: [{ subject: 'route-table:missing', message: 'there is no route table' }],
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
        change(`route ${everywhere}`, wrongRoute(route, RouteTableId), (client) =>
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

const wrongRoute = (route: Route | undefined, tableId: string | undefined): Wrong => {
  const { GatewayId, NatGatewayId, TransitGatewayId, InstanceId, NetworkInterfaceId, State } = route ?? {};
  const target =
    GatewayId ?? NatGatewayId ?? TransitGatewayId ?? InstanceId ?? NetworkInterfaceId ?? 'elsewhere';
  const leads = State === 'blackhole' ? `leads nowhere (${target})` : `leads to ${target}`;
  return {
    subject: `route:${everywhere}`,
    message: `route ${everywhere} of ${tableId ?? ''} ${route === undefined ? 'is missing' : leads}`,
  };
};

const associate = (RouteTableId: string, SubnetId: string): Step => {
  const wrong = { subject: 'route-table:subnet', message: `${SubnetId} does not use ${RouteTableId}` };
  return change(`routes of ${SubnetId}`, wrong, async (client) => {
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
};

const groupLabel = (spec: NetworkSpec, role: NodeRole): string => `${spec.clusterName} ${role}`;

/** A rule, in the words of a flaw. */
const wrongRule =
  (role: NodeRole, found: 'missing' | 'surplus', direction: 'from' | 'to') =>
  (permission: IpPermission): Wrong => {
    const { protocol, ports, source } = ruleOf(permission);
    const inbound = direction === 'from' ? 'rule' : 'outbound-rule';
    const said = found === 'missing' ? 'is missing' : 'was added by hand';
    return {
      subject: ['security-group', role, `${found}-${inbound}`, protocol, ports, source].join(':'),
      message: `${role} firewall: ${protocol} ${ports} ${direction} ${source} ${said}`,
    };
  };

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
        wrong: [{ subject: `security-group:${role}:missing`, message: `there is no ${role} firewall` }],
        run: async (client) => {
          const { GroupId } = await client.send(
            new CreateSecurityGroupCommand({
              VpcId: vpc.VpcId,
              GroupName,
              Description: `Overcast: ${role} nodes`,
              TagSpecifications: tagging(['security-group'], spec.owner, {
                name: groupLabel(spec, role),
              }),
            }),
          );
          return GroupId;
        },
      },
    ];
  const { GroupId } = group;
  const found = compareFirewall(group, spec.firewall[role], vpc.CidrBlock ?? '');
  const rules = (
    what: string,
    IpPermissions: IpPermission[],
    wrong: (permission: IpPermission) => Wrong,
    send: (
      client: EC2Client,
      input: { GroupId: string | undefined; IpPermissions: IpPermission[] },
    ) => unknown,
  ): Step[] =>
    IpPermissions.length === 0
      ? []
      : [
          change(`${what} of ${GroupName}`, IpPermissions.map(wrong), async (client) =>
            send(client, { GroupId, IpPermissions }),
          ),
        ];
  return [
    ...rules('rules', found.missing, wrongRule(role, 'missing', 'from'), (client, input) =>
      client.send(new AuthorizeSecurityGroupIngressCommand(input)),
    ),
    ...rules('surplus rules', found.excess, wrongRule(role, 'surplus', 'from'), (client, input) =>
      client.send(new RevokeSecurityGroupIngressCommand(input)),
    ),
    ...rules('outbound rule', found.outboundMissing, wrongRule(role, 'missing', 'to'), (client, input) =>
      client.send(new AuthorizeSecurityGroupEgressCommand(input)),
    ),
    ...rules(
      'surplus outbound rules',
      found.outboundExcess,
      wrongRule(role, 'surplus', 'to'),
      (client, input) => client.send(new RevokeSecurityGroupEgressCommand(input)),
    ),
  ];
}
