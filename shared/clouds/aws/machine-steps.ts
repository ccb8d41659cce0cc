import {
  CreateTagsCommand,
  ModifyNetworkInterfaceAttributeCommand,
  type EC2Client,
  type Instance,
  type NetworkInterface,
  type Tag,
  type Volume,
} from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { ExpectedMachine } from '../contract.ts';
import { isOfAnother, lostTags, tag, tagKeys, tagsFor } from './tags.ts';

/** A machine with what was made for it; what of that was not found is not compared. */
export interface Assembled {
  readonly instance: Instance;
  readonly disk?: Volume | undefined;
  readonly plug?: NetworkInterface | undefined;
}

/** One change that puts a machine right, with the flaw that it mends. */
export interface MachineStep {
  readonly subject: string;
  readonly message: string;
  run(client: EC2Client): Promise<unknown>;
}

/**
 * Whether this is the very machine that is expected: by its id, in the owner's network, and under its name, or none when its
 * tags were taken away, or whatever name people gave it while it still says its node. One that carries another owner's tags is
 * theirs now.
 */
export const isExpected = (
  instance: Instance,
  machine: ExpectedMachine,
  { owner, vpcId }: { owner: Owner; vpcId: string | undefined },
): boolean =>
  instance.InstanceId === machine.providerId &&
  instance.VpcId !== undefined &&
  instance.VpcId === vpcId &&
  (['', machine.name].includes(tag(instance.Tags, tagKeys.name)) ||
    tag(instance.Tags, tagKeys.node) === machine.nodeId) &&
  !isOfAnother(instance.Tags, owner);

/** The disk and the interface that the create made; what somebody added to the machine is theirs. */
export const rootDiskOf = ({ BlockDeviceMappings, RootDeviceName }: Instance): string | undefined =>
  BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === RootDeviceName)?.Ebs?.VolumeId;
export const primaryInterfaceOf = ({ NetworkInterfaces }: Instance) =>
  NetworkInterfaces?.find(({ Attachment }) => Attachment?.DeviceIndex === 0);

/** What to do so that a machine is as it was made: empty when it is. Without `groupId` its firewall is not compared. */
export function machineSteps(
  { instance, disk, plug }: Assembled,
  machine: ExpectedMachine,
  { owner, groupId }: { owner: Owner; groupId: string | undefined },
): MachineStep[] {
  const { providerId, name, nodeId, role } = machine;
  const wanted = tagsFor(owner, { name, nodeId });
  const tags = (subject: string, id: string | undefined, seen: Tag[] | undefined): MachineStep[] => {
    const Tags = isOfAnother(seen, owner) ? [] : lostTags(seen, wanted);
    if (id === undefined || Tags.length === 0) return [];
    return [
      {
        subject,
        message: `${id} has lost ${Tags.map(({ Key }) => Key).join(', ')}`,
        run: (client) => client.send(new CreateTagsCommand({ Resources: [id], Tags })),
      },
    ];
  };
  const primary = primaryInterfaceOf(instance);
  const groups = primary?.Groups?.map(({ GroupId }) => GroupId) ?? [];
  const isMoved = groups.length !== 1 || groups[0] !== groupId;
  return [
    ...tags('tags', providerId, instance.Tags),
    ...(disk === undefined ? [] : tags('disk:tags', disk.VolumeId, disk.Tags)),
    ...(plug === undefined ? [] : tags('interface:tags', plug.NetworkInterfaceId, plug.TagSet)),
    ...(primary === undefined || groupId === undefined || !isMoved
      ? []
      : [
          {
            subject: 'security-groups',
            message: `${providerId} is in ${groups.join(', ')}, not in the ${role} firewall ${groupId}`,
            run: (client: EC2Client) =>
              client.send(
                new ModifyNetworkInterfaceAttributeCommand({
                  NetworkInterfaceId: primary.NetworkInterfaceId,
                  Groups: [groupId],
                }),
              ),
          },
        ]),
  ];
}
