import type { Instance, NetworkInterface, Tag } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, OwnedResource, Stranger } from '../contract.ts';
import type { Ec2 } from './clients.ts';
import {
  existing,
  lookAtAttachments,
  lists,
  lookAtParts,
  staying,
  type Attachments,
  type Parts,
} from './look.ts';
import { machineOf } from './machine-view.ts';
import { chunks, filterValuesMax, filtersForMany, isOwnedBy, tag, tagKeys } from './tags.ts';

/** Everything that was seen of some owners in one region. */
export interface Sight extends Parts, Attachments {
  readonly instances: readonly Instance[];
  /** Whoever stands in the owners' VPCs, ours included. */
  readonly inhabitants: readonly Instance[];
  /** Every interface in them: a load balancer, a database or a function has one there and no machine. */
  readonly plugs: readonly NetworkInterface[];
}

/**
 * Eight lists at once, and two more of the VPCs' inhabitants: as many calls for one cluster as for two hundred.
 */
export async function lookAround(ec2: Ec2, owners: readonly Owner[]): Promise<Sight> {
  const sights = await Promise.all(
    filtersForMany(owners).map(async (filters) => {
      const [parts, attachments, instances] = await Promise.all([
        lookAtParts(ec2.patient, filters),
        lookAtAttachments(ec2.patient, filters),
        lists.instances(ec2.patient, [...filters, existing]),
      ]);
      return { ...parts, ...attachments, instances };
    }),
  );
  const inside = chunks([...new Set(sights.flatMap(networksOf))], filterValuesMax).map(async (Values) => {
    const filter = { Name: 'vpc-id', Values };
    const [inhabitants, plugs] = await Promise.all([
      lists.instances(ec2.patient, [filter, staying]),
      lists.interfaces(ec2.patient, [filter]),
    ]);
    return { inhabitants, plugs };
  });
  const found = await Promise.all(inside);
  return {
    vpcs: sights.flatMap((sight) => sight.vpcs),
    subnets: sights.flatMap((sight) => sight.subnets),
    gateways: sights.flatMap((sight) => sight.gateways),
    routeTables: sights.flatMap((sight) => sight.routeTables),
    securityGroups: sights.flatMap((sight) => sight.securityGroups),
    volumes: sights.flatMap((sight) => sight.volumes),
    interfaces: sights.flatMap((sight) => sight.interfaces),
    instances: sights.flatMap((sight) => sight.instances),
    inhabitants: found.flatMap(({ inhabitants }) => inhabitants),
    plugs: found.flatMap(({ plugs }) => plugs),
  };
}

/** The VPCs that these parts are or sit in: one that lost its own tags still holds what may not be pulled from under others. */
const networksOf = (parts: Parts): string[] =>
  [
    ...parts.vpcs,
    ...parts.subnets,
    ...parts.routeTables,
    ...parts.securityGroups,
    ...parts.gateways.flatMap((gateway) => gateway.Attachments ?? []),
  ].flatMap(({ VpcId }) => VpcId ?? []);

/** What of a sight carries both of the owner's tags: nothing is done on the word of a filter alone. */
export const ownedPart = (sight: Sight, owner: Owner): Sight => ({
  ...sight,
  vpcs: sight.vpcs.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  subnets: sight.subnets.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  gateways: sight.gateways.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  routeTables: sight.routeTables.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  securityGroups: sight.securityGroups.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  volumes: sight.volumes.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  interfaces: sight.interfaces.filter(({ TagSet }) => isOwnedBy(TagSet, owner)),
  instances: sight.instances.filter(({ Tags }) => isOwnedBy(Tags, owner)),
});

export async function observe(ec2: Ec2, owners: readonly Owner[]): Promise<readonly ClusterObservation[]> {
  const sight = await lookAround(ec2, owners);
  return owners.map((owner) => ({
    clusterId: owner.clusterId,
    machines: sight.instances
      .filter((instance) => isOwnedBy(instance.Tags, owner))
      .flatMap((instance) => machineOf(instance) ?? [])
      .sort((a, b) => (a.providerId < b.providerId ? -1 : 1)),
    resources: resourcesOf(sight, owner),
    strangers: strangersTo(sight, owner),
    flaws: [],
  }));
}

/**
 * Machines in the owner's VPCs without both of the owner's tags, also those of another cluster or installation; and
 * interfaces that belong to no machine: of load balancers, databases, functions.
 */
export function strangersTo(sight: Sight, owner: Owner): Stranger[] {
  const owned = new Set(networksOf(ownedPart(sight, owner)));
  const machines = sight.inhabitants
    .filter((instance) => owned.has(instance.VpcId ?? '') && !isOwnedBy(instance.Tags, owner))
    .map((instance) => ({
      kind: 'machine',
      id: instance.InstanceId ?? '',
      name: tag(instance.Tags, tagKeys.name),
      inside: instance.VpcId ?? '',
    }));
  const others = sight.plugs
    .filter((nic) => nic.Attachment?.InstanceId === undefined)
    .filter((nic) => owned.has(nic.VpcId ?? '') && !isOwnedBy(nic.TagSet, owner))
    .map((nic) => ({
      kind: 'network-interface',
      id: nic.NetworkInterfaceId ?? '',
      // `ELB app/shop/0123456789abcdef`, `RDSNetworkInterface`: tells whose it is.
      name: tag(nic.TagSet, tagKeys.name) || (nic.Description ?? ''),
      inside: nic.VpcId ?? '',
    }));
  return [...machines, ...others].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function resourcesOf(sight: Sight, owner: Owner): OwnedResource[] {
  const owned = <T>(
    kind: string,
    all: readonly T[],
    read: (one: T) => { id: string | undefined; tags: Tag[] | undefined },
  ): OwnedResource[] =>
    all
      .map(read)
      .filter(({ tags }) => isOwnedBy(tags, owner))
      .map(({ id, tags }) => ({ kind, id: id ?? '', name: tag(tags, tagKeys.name) }))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  return [
    ...owned('vpc', sight.vpcs, ({ VpcId, Tags }) => ({ id: VpcId, tags: Tags })),
    ...owned('subnet', sight.subnets, ({ SubnetId, Tags }) => ({ id: SubnetId, tags: Tags })),
    ...owned('internet-gateway', sight.gateways, ({ InternetGatewayId, Tags }) => ({
      id: InternetGatewayId,
      tags: Tags,
    })),
    ...owned('route-table', sight.routeTables, ({ RouteTableId, Tags }) => ({
      id: RouteTableId,
      tags: Tags,
    })),
    ...owned('security-group', sight.securityGroups, ({ GroupId, Tags }) => ({ id: GroupId, tags: Tags })),
    ...owned('volume', sight.volumes, ({ VolumeId, Tags }) => ({ id: VolumeId, tags: Tags })),
    ...owned('network-interface', sight.interfaces, ({ NetworkInterfaceId, TagSet }) => ({
      id: NetworkInterfaceId,
      tags: TagSet,
    })),
  ];
}
