import type { NetworkInterface } from '@aws-sdk/client-ec2';
import type { Attachments, Parts } from './look.ts';

/** The VPCs that these parts are or sit in: one that lost its own tags still holds what may not be pulled from under others. */
export const vpcsOf = (parts: Parts): ReadonlySet<string> =>
  new Set(
    [
      ...parts.vpcs,
      ...parts.subnets,
      ...parts.routeTables,
      ...parts.securityGroups,
      ...parts.gateways.flatMap((gateway) => gateway.Attachments ?? []),
    ].flatMap(({ VpcId }) => VpcId ?? []),
  );

/**
 * Of network parts that were made twice, those that nothing uses. Every machine, load balancer or database has an
 * interface, so `plugs`, all interfaces in the parts' VPCs, tells what is used. A route table or gateway goes only together
 * with what it serves: EC2 would take it away from under others.
 */
export function removable(surplus: Parts, plugs: readonly NetworkInterface[]): Parts {
  const used = new Set(
    plugs.flatMap(({ VpcId, SubnetId, Groups }) => [
      VpcId,
      SubnetId,
      ...(Groups ?? []).map(({ GroupId }) => GroupId),
    ]),
  );
  const inUse = new Set(surplus.vpcs.map(({ VpcId }) => VpcId).filter((id) => used.has(id)));
  const vpcs = surplus.vpcs.filter(({ VpcId }) => !inUse.has(VpcId));
  const subnets = surplus.subnets.filter(({ SubnetId, VpcId }) => !used.has(SubnetId) && !inUse.has(VpcId));
  const going = new Set<string | undefined>([
    ...vpcs.map(({ VpcId }) => VpcId),
    ...subnets.map(({ SubnetId }) => SubnetId),
  ]);
  return {
    vpcs,
    subnets,
    gateways: surplus.gateways.filter(({ Attachments = [] }) =>
      Attachments.every(({ VpcId }) => going.has(VpcId)),
    ),
    routeTables: surplus.routeTables.filter(
      ({ VpcId, Associations = [] }) =>
        !inUse.has(VpcId) && Associations.every(({ Main, SubnetId }) => Main !== true && going.has(SubnetId)),
    ),
    securityGroups: surplus.securityGroups.filter(
      ({ GroupId, VpcId }) => !used.has(GroupId) && !inUse.has(VpcId),
    ),
  };
}

/** Disks and interfaces that hang on nothing; one that somebody attached to a machine of theirs is in use. */
export const looseOf = ({ volumes, interfaces }: Attachments): Attachments => ({
  volumes: volumes.filter(({ State }) => State === 'available'),
  interfaces: interfaces.filter(({ Status }) => Status === 'available'),
});
