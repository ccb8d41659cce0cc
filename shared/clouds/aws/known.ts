import type { EC2Client, Filter, Tag } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { Stranger } from '../contract.ts';
import { idsOf, lists, type Parts } from './look.ts';
import { partNames } from './network-parts.ts';
import { chunks, filterValuesMax, isOfAnother, isOwnedBy, tag, tagKeys } from './tags.ts';

/** `Network.parts` of a network that stood once. */
type Known = Readonly<Record<string, string>>;

/** A network's parts, also those that lost their tags. */
export interface Standing {
  readonly parts: Parts;
  /** What carries the owner's tags. */
  readonly owned: Parts;
  /** The recorded VPC, when somebody gave it another owner's tags: machines of ours stand in it, and it is not ours to change. */
  readonly claimed: readonly Stranger[];
}

/**
 * The recorded parts that are not among those seen: they are gone, or somebody took their tags away. No call when all
 * were seen; else one list for each kind of which some were not, however many networks that is.
 */
export async function lookAtRecorded(
  client: EC2Client,
  seen: Parts,
  recorded: readonly (Known | undefined)[],
): Promise<Parts> {
  const ids = idsOf(seen);
  const look = async <T>(
    names: readonly string[],
    filterName: string,
    list: (client: EC2Client, filters: Filter[]) => Promise<T[]>,
  ): Promise<T[]> => {
    const unseen = recorded.flatMap((known) => names.flatMap((name) => known?.[name] ?? []));
    const missing = [...new Set(unseen.filter((id) => !ids.has(id)))];
    const found = chunks(missing, filterValuesMax).map((Values) =>
      // By a filter: an id that is not there is no error then.
      list(client, [{ Name: filterName, Values }]),
    );
    return (await Promise.all(found)).flat();
  };
  const [vpcs, subnets, gateways, routeTables, securityGroups] = await Promise.all([
    look([partNames.vpc], 'vpc-id', lists.vpcs),
    look([partNames.subnet], 'subnet-id', lists.subnets),
    look([partNames.gateway], 'internet-gateway-id', lists.gateways),
    look([partNames.routeTable], 'route-table-id', lists.routeTables),
    look(Object.values(partNames.securityGroup), 'group-id', lists.securityGroups),
  ]);
  return { vpcs, subnets, gateways, routeTables, securityGroups };
}

export const joined = (a: Parts, b: Parts): Parts => ({
  vpcs: [...a.vpcs, ...b.vpcs],
  subnets: [...a.subnets, ...b.subnets],
  gateways: [...a.gateways, ...b.gateways],
  routeTables: [...a.routeTables, ...b.routeTables],
  securityGroups: [...a.securityGroups, ...b.securityGroups],
});

/** Of everything that was seen, whosever it is, what is this owner's network. */
export function standing(seen: Parts, owner: Owner, known: Known | undefined): Standing {
  const recorded = new Set(Object.values(known ?? {}));
  const isOwned = ({ Tags }: { Tags?: Tag[] | undefined }): boolean => isOwnedBy(Tags, owner);
  const pick = (isOurs: (part: { Tags?: Tag[] | undefined }, id: string | undefined) => boolean): Parts => ({
    vpcs: seen.vpcs.filter((vpc) => isOurs(vpc, vpc.VpcId)),
    subnets: seen.subnets.filter((subnet) => isOurs(subnet, subnet.SubnetId)),
    gateways: seen.gateways.filter((gateway) => isOurs(gateway, gateway.InternetGatewayId)),
    routeTables: seen.routeTables.filter((table) => isOurs(table, table.RouteTableId)),
    securityGroups: seen.securityGroups.filter((group) => isOurs(group, group.GroupId)),
  });
  return {
    owned: pick(isOwned),
    parts: pick((part, id) => isOwned(part) || (recorded.has(id ?? '') && !isOfAnother(part.Tags, owner))),
    claimed: seen.vpcs
      .filter(({ VpcId, Tags }) => recorded.has(VpcId ?? '') && isOfAnother(Tags, owner))
      .map(({ VpcId, Tags }) => ({
        kind: 'vpc',
        id: VpcId ?? '',
        name: tag(Tags, tagKeys.name),
        inside: VpcId ?? '',
      })),
  };
}
