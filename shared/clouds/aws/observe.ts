import type { Tag } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, OwnedResource, Stranger, Watched } from '../contract.ts';
import { balancersOf, lookAtBalancers, ownedBalancers } from './balancer-look.ts';
import { isBalancersInterface } from './balancer-names.ts';
import type { Ec2 } from './clients.ts';
import { compareBalancer } from './compare-balancer.ts';
import { compare, lookForMissed } from './compare.ts';
import { existing, idsOf, lookAtAttachments, lists, lookAtParts, staying, type Sight } from './look.ts';
import { machineOf } from './machine-view.ts';
import { partNames } from './network-parts.ts';
import { looseOf, vpcsOf } from './spare.ts';
import { chunks, filterValuesMax, filtersForMany, isOwnedBy, tag, tagKeys } from './tags.ts';

/**
 * Ten lists at once, and two more of the VPCs' inhabitants: as many calls for one cluster as for two hundred; of load
 * balancers their tags, for twenty at a time.
 */
export async function lookAround(ec2: Ec2, owners: readonly Watched[]): Promise<Sight> {
  const balancers = lookAtBalancers(ec2.elb, owners);
  // It is waited for last: whatever fails first must not leave it without anybody who hears of its failure.
  balancers.catch(() => undefined);
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
  const recorded = owners.flatMap(({ expected }) => expected?.network.known?.[partNames.vpc] ?? []);
  const vpcIds = new Set([...sights.flatMap((sight) => [...vpcsOf(sight)]), ...recorded]);
  const inside = chunks([...vpcIds], filterValuesMax).map(async (Values) => {
    const filter = { Name: 'vpc-id', Values };
    const [inhabitants, plugs] = await Promise.all([
      lists.instances(ec2.patient, [filter, staying]),
      lists.interfaces(ec2.patient, [filter]),
    ]);
    return { inhabitants, plugs };
  });
  const found = await Promise.all(inside);
  const named = await balancers;
  return {
    ...named,
    named,
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
  ...ownedBalancers(sight.named, owner),
});

/** One owner's entry. Where something is expected, `compare` says what differs from it. */
export async function observe(ec2: Ec2, owners: readonly Watched[]): Promise<readonly ClusterObservation[]> {
  const sight = await lookAround(ec2, owners);
  const [found, balancers] = await Promise.all([
    lookForMissed(ec2.patient, sight, owners),
    Promise.all(owners.map((owner) => compareBalancer(ec2, sight, owner))),
  ]);
  return owners.map((owner, index) => {
    const compared = compare(sight, found, owner);
    const mine = ownedPart(sight, owner);
    const machines = new Map(
      mine.instances.flatMap((instance) => {
        const machine = machineOf(instance);
        return machine === undefined ? [] : [[machine.providerId, machine] as const];
      }),
    );
    for (const machine of compared.machines) machines.set(machine.providerId, machine);
    const loose = looseOf(mine);
    const spare = new Set([
      ...idsOf(compared.spare),
      ...loose.volumes.map(({ VolumeId }) => VolumeId),
      ...loose.interfaces.map(({ NetworkInterfaceId }) => NetworkInterfaceId),
      ...(owner.expected?.loadBalancer === 'none'
        ? [
            ...mine.loadBalancers.map(({ LoadBalancerArn }) => LoadBalancerArn),
            ...mine.targetGroups.map(({ TargetGroupArn }) => TargetGroupArn),
          ]
        : []),
    ]);
    return {
      clusterId: owner.clusterId,
      machines: [...machines.values()].sort((a, b) => (a.providerId < b.providerId ? -1 : 1)),
      resources: resourcesOf(sight, owner).map((resource) =>
        spare.has(resource.id) ? { ...resource, isSpare: true } : resource,
      ),
      strangers: strangersTo(sight, owner, compared.vpcs),
      flaws: [...compared.flaws, ...(balancers[index] ?? [])],
    };
  });
}

/** Of the owner's load balancer, also while the last of it goes: unless what has its name is not the owner's. */
const isOwnBalancers = (description: string | undefined, sight: Sight, owner: Owner): boolean =>
  isBalancersInterface(description, owner) &&
  balancersOf(sight.named, owner).loadBalancers.every(({ Tags }) => isOwnedBy(Tags, owner));

/**
 * Machines in the owner's VPCs without both of the owner's tags, also those of another cluster or installation; and
 * interfaces that belong to no machine: of other load balancers, databases, functions.
 */
export function strangersTo(sight: Sight, owner: Owner, known: readonly string[] = []): Stranger[] {
  const owned = new Set([...vpcsOf(ownedPart(sight, owner)), ...known]);
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
    .filter((nic) => !isOwnBalancers(nic.Description, sight, owner))
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
    ...owned('load-balancer', sight.loadBalancers, ({ LoadBalancerArn, Tags }) => ({
      id: LoadBalancerArn,
      tags: Tags,
    })),
    ...owned('target-group', sight.targetGroups, ({ TargetGroupArn, Tags }) => ({
      id: TargetGroupArn,
      tags: Tags,
    })),
    ...owned('volume', sight.volumes, ({ VolumeId, Tags }) => ({ id: VolumeId, tags: Tags })),
    ...owned('network-interface', sight.interfaces, ({ NetworkInterfaceId, TagSet }) => ({
      id: NetworkInterfaceId,
      tags: TagSet,
    })),
  ];
}
