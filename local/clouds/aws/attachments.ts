import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { macAddress } from './launch.ts';
import { groupNamed, groupSet } from './security-groups.ts';
import { freeAddress, subnetNamed } from './subnets.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import { accountId } from './vpcs.ts';
import { ApiError, invalid, newId, required, scalars, timestamp, type Xml } from './wire.ts';
import type { NetworkInterface, State, Volume } from './state.ts';

const volumeKind: Kind<Volume> = {
  type: 'volume',
  idPrefix: 'vol',
  idParameter: 'VolumeId',
  notFound: 'InvalidVolume.NotFound',
  set: 'volumeSet',
  resultsMax: 500,
  operation: 'readMachine',
  all: (state) => state.volumes.values(),
  filters: {
    'volume-id': (volume) => [volume.id],
    status: (volume) => [volume.attachment === undefined ? 'available' : 'in-use'],
    'attachment.instance-id': (volume) => [volume.attachment?.instanceId],
    'availability-zone': (volume) => [volume.zone],
    encrypted: (volume) => [String(volume.encrypted)],
  },
  render: (volume, state) => ({
    volumeId: volume.id,
    size: volume.sizeGib,
    volumeType: volume.type,
    encrypted: volume.encrypted,
    availabilityZone: volume.zone,
    createTime: timestamp(volume.createdAt),
    status: volume.attachment === undefined ? 'available' : 'in-use',
    attachmentSet:
      volume.attachment === undefined
        ? []
        : [
            {
              volumeId: volume.id,
              instanceId: volume.attachment.instanceId,
              device: volume.attachment.device,
              status: 'attached',
              deleteOnTermination: volume.attachment.deleteOnTermination,
            },
          ],
    tagSet: tagSet(state.tagsOf(volume.id)),
  }),
};

const isFree = (nic: NetworkInterface): boolean =>
  nic.attachment === undefined && nic.managedBy === undefined;

/** It hangs on a machine of the service's own, in no account that anybody sees. */
const managedAttachment = (nic: NetworkInterface): Xml =>
  nic.managedBy === undefined
    ? undefined
    : {
        attachmentId: nic.id.replace('eni-', 'ela-attach-'),
        instanceOwnerId: 'amazon-aws',
        deviceIndex: 1,
        status: 'attached',
        deleteOnTermination: false,
      };

const interfaceKind: Kind<NetworkInterface> = {
  type: 'networkInterface',
  idPrefix: 'eni',
  idParameter: 'NetworkInterfaceId',
  notFound: 'InvalidNetworkInterfaceID.NotFound',
  set: 'networkInterfaceSet',
  resultsMax: 1000,
  operation: 'readMachine',
  all: (state) => state.interfaces.values(),
  filters: {
    'network-interface-id': (nic) => [nic.id],
    'vpc-id': (nic) => [nic.vpcId],
    'subnet-id': (nic) => [nic.subnetId],
    'group-id': (nic) => nic.groupIds,
    status: (nic) => [isFree(nic) ? 'available' : 'in-use'],
    'attachment.instance-id': (nic) => [nic.attachment?.instanceId],
  },
  render: (nic, state) => ({
    networkInterfaceId: nic.id,
    subnetId: nic.subnetId,
    vpcId: nic.vpcId,
    availabilityZone: nic.zone,
    description: nic.description,
    ownerId: accountId,
    requesterId: nic.managedBy,
    requesterManaged: nic.managedBy !== undefined,
    status: isFree(nic) ? 'available' : 'in-use',
    macAddress: nic.macAddress,
    privateIpAddress: nic.privateAddress,
    sourceDestCheck: true,
    groupSet: groupSet(state, nic.groupIds),
    attachment:
      nic.attachment === undefined
        ? managedAttachment(nic)
        : {
            attachmentId: nic.attachment.id,
            instanceId: nic.attachment.instanceId,
            instanceOwnerId: accountId,
            deviceIndex: 0,
            status: 'attached',
            deleteOnTermination: nic.attachment.deleteOnTermination,
          },
    association:
      nic.publicAddress === undefined ? undefined : { publicIp: nic.publicAddress, ipOwnerId: 'amazon' },
    interfaceType: nic.managedBy === undefined ? 'interface' : 'network_load_balancer',
    tagSet: tagSet(state.tagsOf(nic.id)),
  }),
};

/** Source: Amazon VPC quotas: security groups per network interface. */
const groupsPerInterfaceMax = 5;

/** Disks and interfaces: made and, as a rule, taken away with their instance. */
export function attachmentActions(state: State): Record<string, Action> {
  return {
    DescribeVolumes: describe(state, volumeKind),
    DescribeNetworkInterfaces: describe(state, interfaceKind),

    CreateNetworkInterface: {
      parameters: [
        'SubnetId!',
        'Description',
        'ClientToken',
        'SecurityGroupId.N',
        ...tagSpecificationParameters,
        'DryRun',
      ],
      operation: 'createMachine',
      run({ form, region }) {
        const subnet = subnetNamed(state, region, required(form, 'SubnetId'));
        const tags = tagSpecifications(form, ['network-interface'])('network-interface');
        const nic: NetworkInterface = {
          id: newId('eni'),
          region,
          vpcId: subnet.vpcId,
          subnetId: subnet.id,
          zone: subnet.zone,
          description: form.get('Description') ?? '',
          groupIds: scalars(form, 'SecurityGroupId'),
          privateAddress: freeAddress(state, subnet),
          macAddress: macAddress(),
        };
        state.interfaces.set(nic.id, nic);
        state.tag(nic.id, tags);
        return { networkInterface: interfaceKind.render(nic, state) };
      },
    },

    // Of its attributes only the groups, which the API calls by the name of one of them.
    ModifyNetworkInterfaceAttribute: {
      parameters: ['NetworkInterfaceId!', 'SecurityGroupId.N', 'DryRun'],
      operation: 'other',
      run({ form, region }) {
        const id = required(form, 'NetworkInterfaceId');
        checkId(interfaceKind, id);
        const nic = state.interfaces.get(id);
        if (nic === undefined || nic.region !== region) throw notFound(interfaceKind, id);
        const groupIds = [...new Set(scalars(form, 'SecurityGroupId'))];
        if (groupIds.length === 0)
          throw new ApiError('MissingParameter', 'The request must contain one attribute to change');
        if (groupIds.length > groupsPerInterfaceMax)
          throw new ApiError(
            'SecurityGroupsPerInterfaceLimitExceeded',
            'The maximum number of security groups per interface has been reached.',
          );
        for (const groupId of groupIds)
          if (groupNamed(state, region, groupId).vpcId !== nic.vpcId)
            throw invalid(`Security group ${groupId} and interface ${id} belong to different networks.`);
        state.interfaces.set(nic.id, { ...nic, groupIds });
        const instance = state.instances.get(nic.attachment?.instanceId ?? '');
        if (instance?.interfaceId === nic.id) state.instances.set(instance.id, { ...instance, groupIds });
        return { return: true };
      },
    },

    DeleteVolume: {
      parameters: ['VolumeId!', 'DryRun'],
      operation: 'deleteMachine',
      run({ form, region }) {
        const id = required(form, 'VolumeId');
        checkId(volumeKind, id);
        const volume = state.volumes.get(id);
        if (volume === undefined || volume.region !== region) throw notFound(volumeKind, id);
        if (volume.attachment !== undefined)
          throw new ApiError(
            'VolumeInUse',
            `Volume ${id} is currently attached to ${volume.attachment.instanceId}`,
          );
        state.remove(state.volumes, id);
        return { return: true };
      },
    },

    DeleteNetworkInterface: {
      parameters: ['NetworkInterfaceId!', 'DryRun'],
      operation: 'deleteMachine',
      run({ form, region }) {
        const id = required(form, 'NetworkInterfaceId');
        checkId(interfaceKind, id);
        const nic = state.interfaces.get(id);
        if (nic === undefined || nic.region !== region) throw notFound(interfaceKind, id);
        if (nic.managedBy !== undefined)
          throw new ApiError(
            'OperationNotPermitted',
            "You are not allowed to manage 'ela-attach' attachments.",
          );
        if (nic.attachment !== undefined)
          throw new ApiError('InvalidNetworkInterface.InUse', `Interface: [${id}] in use.`);
        state.remove(state.interfaces, id);
        return { return: true };
      },
    },
  };
}
