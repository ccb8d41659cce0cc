import {
  paginateDescribeInstances,
  paginateDescribeInternetGateways,
  paginateDescribeNetworkInterfaces,
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroups,
  paginateDescribeSubnets,
  paginateDescribeVolumes,
  paginateDescribeVpcs,
  type EC2Client,
  type Filter,
  type Instance,
  type InternetGateway,
  type NetworkInterface,
  type RouteTable,
  type SecurityGroup,
  type Subnet,
  type Volume,
  type Vpc,
} from '@aws-sdk/client-ec2';
import type { Balancers } from './balancer-look.ts';

/** What a network is made of; each list is everything that the filters found, however many pages that was. */
export interface Parts {
  readonly vpcs: readonly Vpc[];
  readonly subnets: readonly Subnet[];
  readonly gateways: readonly InternetGateway[];
  readonly routeTables: readonly RouteTable[];
  readonly securityGroups: readonly SecurityGroup[];
}

/** What comes and goes with machines. */
export interface Attachments {
  readonly volumes: readonly Volume[];
  readonly interfaces: readonly NetworkInterface[];
}

/** Everything that was seen of some owners in one region. */
export interface Sight extends Parts, Attachments, Balancers {
  readonly instances: readonly Instance[];
  /** Whoever stands in the owners' VPCs, ours included. */
  readonly inhabitants: readonly Instance[];
  /** Every interface in them: a load balancer, a database or a function has one there and no machine. */
  readonly plugs: readonly NetworkInterface[];
  /** What has the names of the owners' load balancers, whosever it is. */
  readonly named: Balancers;
}

/** A list that does not end would never let us go. */
const pagesMax = 10_000;
/** As many as the API allows; route tables allow fewest. Source: EC2 API Reference, MaxResults of each. */
const pageSizes = { usual: 1000, volumes: 500, routeTables: 100 };

export async function everyPage<P, T>(
  pages: AsyncIterable<P>,
  rowsOf: (page: P) => readonly T[] | undefined,
): Promise<T[]> {
  const all: T[] = [];
  let count = 0;
  for await (const page of pages) {
    all.push(...(rowsOf(page) ?? []));
    count += 1;
    if (count > pagesMax) throw new Error(`a list of more than ${pagesMax} pages`);
  }
  return all;
}

/** One list of one kind each. */
export const lists = {
  vpcs: (client: EC2Client, Filters: Filter[]) =>
    everyPage(paginateDescribeVpcs({ client, pageSize: pageSizes.usual }, { Filters }), (page) => page.Vpcs),
  subnets: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeSubnets({ client, pageSize: pageSizes.usual }, { Filters }),
      (page) => page.Subnets,
    ),
  gateways: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeInternetGateways({ client, pageSize: pageSizes.usual }, { Filters }),
      (page) => page.InternetGateways,
    ),
  routeTables: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeRouteTables({ client, pageSize: pageSizes.routeTables }, { Filters }),
      (page) => page.RouteTables,
    ),
  securityGroups: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeSecurityGroups({ client, pageSize: pageSizes.usual }, { Filters }),
      (page) => page.SecurityGroups,
    ),
  volumes: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeVolumes({ client, pageSize: pageSizes.volumes }, { Filters }),
      (page) => page.Volumes,
    ),
  interfaces: (client: EC2Client, Filters: Filter[]) =>
    everyPage(
      paginateDescribeNetworkInterfaces({ client, pageSize: pageSizes.usual }, { Filters }),
      (page) => page.NetworkInterfaces,
    ),
  instances: (client: EC2Client, Filters: Filter[]) =>
    everyPage(paginateDescribeInstances({ client, pageSize: pageSizes.usual }, { Filters }), (page) =>
      page.Reservations?.flatMap((reservation) => reservation.Instances ?? []),
    ),
};

export async function lookAtParts(client: EC2Client, filters: Filter[]): Promise<Parts> {
  const [vpcs, subnets, gateways, routeTables, securityGroups] = await Promise.all([
    lists.vpcs(client, filters),
    lists.subnets(client, filters),
    lists.gateways(client, filters),
    lists.routeTables(client, filters),
    lists.securityGroups(client, filters),
  ]);
  return { vpcs, subnets, gateways, routeTables, securityGroups };
}

export async function lookAtAttachments(client: EC2Client, filters: Filter[]): Promise<Attachments> {
  const [volumes, interfaces] = await Promise.all([
    lists.volumes(client, filters),
    lists.interfaces(client, filters),
  ]);
  return { volumes, interfaces };
}

export const idsOf = (parts: Parts): ReadonlySet<string | undefined> =>
  new Set([
    ...parts.vpcs.map((vpc) => vpc.VpcId),
    ...parts.subnets.map((subnet) => subnet.SubnetId),
    ...parts.gateways.map((gateway) => gateway.InternetGatewayId),
    ...parts.routeTables.map((table) => table.RouteTableId),
    ...parts.securityGroups.map((group) => group.GroupId),
  ]);

/** All states but `terminated`: those are listed for an hour and mean nothing. */
export const existing: Filter = {
  Name: 'instance-state-name',
  Values: ['pending', 'running', 'shutting-down', 'stopping', 'stopped'],
};

/** Those that are not on their way out either. */
export const staying: Filter = {
  Name: 'instance-state-name',
  Values: ['pending', 'running', 'stopping', 'stopped'],
};
