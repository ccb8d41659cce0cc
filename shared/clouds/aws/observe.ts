import type { Instance, Tag } from '@aws-sdk/client-ec2';
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
}

/**
 * Eight lists at once, and one more of the VPCs' inhabitants: as many calls for one cluster as for two hundred.
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
  const vpcs = sights.flatMap((sight) => sight.vpcs);
  const inhabitants = await Promise.all(
    chunks(
      vpcs.flatMap((vpc) => vpc.VpcId ?? []),
      filterValuesMax,
    ).map((Values) => lists.instances(ec2.patient, [{ Name: 'vpc-id', Values }, staying])),
  );
  return {
    vpcs,
    subnets: sights.flatMap((sight) => sight.subnets),
    gateways: sights.flatMap((sight) => sight.gateways),
    routeTables: sights.flatMap((sight) => sight.routeTables),
    securityGroups: sights.flatMap((sight) => sight.securityGroups),
    volumes: sights.flatMap((sight) => sight.volumes),
    interfaces: sights.flatMap((sight) => sight.interfaces),
    instances: sights.flatMap((sight) => sight.instances),
    inhabitants: inhabitants.flat(),
  };
}

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
  }));
}

/** Machines in the owner's VPCs without both of the owner's tags: also those of another cluster or installation. */
export function strangersTo(sight: Sight, owner: Owner): Stranger[] {
  const owned = new Set(sight.vpcs.filter((vpc) => isOwnedBy(vpc.Tags, owner)).map((vpc) => vpc.VpcId));
  return sight.inhabitants
    .filter((instance) => owned.has(instance.VpcId) && !isOwnedBy(instance.Tags, owner))
    .map((instance) => ({
      kind: 'machine',
      id: instance.InstanceId ?? '',
      name: tag(instance.Tags, tagKeys.name),
      inside: instance.VpcId ?? '',
    }))
    .sort((a, b) => (a.id < b.id ? -1 : 1));
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
