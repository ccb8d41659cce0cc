import type { InternetGateway, RouteTable, SecurityGroup, Subnet, Vpc } from '@aws-sdk/client-ec2';
import type { Network, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Parts } from './look.ts';

/** The parts that are the network; whatever else carries the owner's tags is surplus. */
export interface Chosen {
  readonly vpc?: Vpc;
  readonly subnet?: Subnet;
  readonly gateway?: InternetGateway;
  readonly routeTable?: RouteTable;
  readonly securityGroups: Readonly<Partial<Record<NodeRole, SecurityGroup>>>;
}

/** The ids that machines need, in `Network.parts`. */
export const partNames = {
  vpc: 'vpcId',
  subnet: 'subnetId',
  gateway: 'internetGatewayId',
  routeTable: 'routeTableId',
  securityGroup: { 'control-plane': 'securityGroupControlPlane', worker: 'securityGroupWorker' },
} as const;

export const nodeRoles: readonly NodeRole[] = ['control-plane', 'worker'];

/** Names derive from the cluster's id: its display name is for people only. A group's name is unique in its VPC. */
export const groupName = (spec: Pick<Place, 'owner'>, role: NodeRole): string =>
  `overcast-${spec.owner.clusterId}-${role}`;

/** Where there are several, the one that was recorded; else every caller picks the same. */
const first = <T>(
  all: readonly T[],
  recorded: string | undefined,
  idOf: (one: T) => string | undefined,
): T | undefined =>
  all.find((one) => idOf(one) === recorded) ??
  [...all].sort((a, b) => ((idOf(a) ?? '') < (idOf(b) ?? '') ? -1 : 1))[0];

export const isAttached = (gateway: InternetGateway, vpc: Vpc): boolean =>
  gateway.Attachments?.some((attachment) => attachment.VpcId === vpc.VpcId) === true;

const serves = (table: RouteTable, subnet: Subnet | undefined): boolean =>
  subnet !== undefined &&
  table.Associations?.some((association) => association.SubnetId === subnet.SubnetId) === true;

/** How much of a network stands in this VPC: where a create was repeated, the one that was built on stays. */
const partsIn = (vpc: Vpc, parts: Parts): number =>
  [...parts.subnets, ...parts.routeTables, ...parts.securityGroups].filter((part) => part.VpcId === vpc.VpcId)
    .length + parts.gateways.filter((gateway) => isAttached(gateway, vpc)).length;

/** What of a spec says which parts are the network's. */
export type Place = Pick<NetworkSpec, 'owner' | 'candidates' | 'location' | 'known'>;

export const candidateOf = (
  vpc: Vpc,
  spec: Pick<Place, 'candidates'>,
): { readonly network: string; readonly subnet: string } | undefined =>
  spec.candidates.find(({ network }) => network === vpc.CidrBlock);

/**
 * Every caller who sees the same parts chooses the same ones: what was recorded, since machines stand in it; then the most
 * complete, then the lowest id.
 */
export function choose(parts: Parts, spec: Place): Chosen {
  const known = spec.known ?? {};
  const usable = parts.vpcs.filter((vpc) => candidateOf(vpc, spec) !== undefined);
  const most = Math.max(...usable.map((vpc) => partsIn(vpc, parts)));
  const vpc =
    usable.find(({ VpcId }) => VpcId === known[partNames.vpc]) ??
    first(
      usable.filter((candidate) => partsIn(candidate, parts) === most),
      undefined,
      (candidate) => candidate.VpcId,
    );
  const free = parts.gateways.filter((gateway) => (gateway.Attachments ?? []).length === 0);
  const freeGateway = first(free, known[partNames.gateway], (one) => one.InternetGatewayId);
  if (vpc === undefined) {
    const gateway = freeGateway;
    return { ...(gateway === undefined ? {} : { gateway }), securityGroups: {} };
  }
  const inside = <T extends { VpcId?: string | undefined }>(all: readonly T[]): T[] =>
    all.filter((part) => part.VpcId === vpc.VpcId);
  const { zone } = spec.location;
  const subnet = first(
    inside(parts.subnets).filter(
      (candidate) =>
        candidate.CidrBlock === candidateOf(vpc, spec)?.subnet &&
        (zone === '' || candidate.AvailabilityZone === zone),
    ),
    known[partNames.subnet],
    (candidate) => candidate.SubnetId,
  );
  const gateway = parts.gateways.find((candidate) => isAttached(candidate, vpc)) ?? freeGateway;
  const tables = inside(parts.routeTables);
  const routeTable =
    tables.find((table) => serves(table, subnet)) ??
    first(tables, known[partNames.routeTable], (table) => table.RouteTableId);
  const groups = inside(parts.securityGroups);
  return {
    vpc,
    ...(subnet === undefined ? {} : { subnet }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(routeTable === undefined ? {} : { routeTable }),
    securityGroups: Object.fromEntries(
      nodeRoles.flatMap((role) => {
        const group = groups.find((candidate) => candidate.GroupName === groupName(spec, role));
        return group === undefined ? [] : [[role, group] as const];
      }),
    ),
  };
}

/** What was made twice. Nothing in it is in use by the network that was chosen. */
export const surplusOf = (parts: Parts, chosen: Chosen): Parts => ({
  vpcs: parts.vpcs.filter((vpc) => vpc !== chosen.vpc),
  subnets: parts.subnets.filter((subnet) => subnet !== chosen.subnet),
  gateways: parts.gateways.filter((gateway) => gateway !== chosen.gateway),
  routeTables: parts.routeTables.filter((table) => table !== chosen.routeTable),
  securityGroups: parts.securityGroups.filter(
    (group) => !Object.values(chosen.securityGroups).includes(group),
  ),
});

/** The network as later calls need it, once every part is there. */
export function networkOf(chosen: Chosen, spec: NetworkSpec): Network | undefined {
  const { vpc, subnet, gateway, routeTable, securityGroups } = chosen;
  const [controlPlane, worker] = [securityGroups['control-plane']?.GroupId, securityGroups.worker?.GroupId];
  if (
    vpc?.VpcId === undefined ||
    subnet?.SubnetId === undefined ||
    gateway?.InternetGatewayId === undefined ||
    routeTable?.RouteTableId === undefined ||
    controlPlane === undefined ||
    worker === undefined
  )
    return undefined;
  return {
    cloud: 'aws',
    location: { region: spec.location.region, zone: subnet.AvailabilityZone ?? spec.location.zone },
    range: vpc.CidrBlock ?? '',
    subnetRange: subnet.CidrBlock ?? '',
    parts: {
      [partNames.vpc]: vpc.VpcId,
      [partNames.subnet]: subnet.SubnetId,
      [partNames.gateway]: gateway.InternetGatewayId,
      [partNames.routeTable]: routeTable.RouteTableId,
      [partNames.securityGroup['control-plane']]: controlPlane,
      [partNames.securityGroup.worker]: worker,
    },
  };
}
