import { createHash } from 'node:crypto';
import { instanceType } from '../catalogue.ts';
import { isInZone } from './sizes.ts';
import type { Action, Call } from './describe.ts';
import { image } from './images.ts';
import { reservation } from './instances.ts';
import { launch, rootDevice, type Disk, type LaunchPlan, type Wiring } from './launch.ts';
import { groupNamed } from './security-groups.ts';
import { subnetNamed } from './subnets.ts';
import { tagSpecificationParameters, tagSpecifications } from './tags.ts';
import {
  ApiError,
  flag,
  invalid,
  items,
  newId,
  required,
  scalars,
  whole,
  type Form,
  type Xml,
} from './wire.ts';
import type { State } from './state.ts';

const userDataBytesMax = 16 * 1024;
const instancesPerCallMax = 20;

function userData(form: Form): string {
  const encoded = form.get('UserData') ?? '';
  const decoded = Buffer.from(encoded, 'base64');
  if (decoded.toString('base64') !== encoded) throw invalid('Invalid BASE64 encoding of user data.');
  if (decoded.length > userDataBytesMax) throw invalid(`User data is limited to ${userDataBytesMax} bytes`);
  return decoded.toString('utf8');
}

/** Where the instance is plugged in: named at the top of the request or in its one network interface, never both. */
function wiring(state: State, { form, region }: Call): Wiring {
  const nics = items(form, 'NetworkInterface');
  if (nics.length > 1)
    throw new ApiError('UnsupportedOperation', 'This simulator gives each instance one network interface');
  const nic = nics[0];
  if (nic !== undefined && (form.has('SubnetId') || items(form, 'SecurityGroupId').length > 0))
    throw new ApiError(
      'InvalidParameterCombination',
      'Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request',
    );
  if (nic !== undefined && whole(nic, 'DeviceIndex', { min: 0, max: 0 }) === undefined)
    throw new ApiError('MissingParameter', 'The request must contain the parameter deviceIndex');
  const subnetId = (nic ?? form).get('SubnetId');
  // An account made after 2013 has a default VPC for this; ours has none.
  if (subnetId === undefined)
    throw new ApiError('VPCIdNotSpecified', 'No default VPC for this user. Specify a subnet.');
  const subnet = subnetNamed(state, region, subnetId);
  const asked = scalars(nic ?? form, 'SecurityGroupId');
  const groupIds =
    asked.length > 0
      ? asked
      : state.securityGroups
          .values()
          .filter((group) => group.vpcId === subnet.vpcId && group.name === 'default')
          .map((group) => group.id);
  for (const id of groupIds)
    if (groupNamed(state, region, id).vpcId !== subnet.vpcId)
      throw invalid(`Security group ${id} and subnet ${subnet.id} belong to different networks.`);
  const zone = form.get('Placement.AvailabilityZone');
  if (zone !== undefined && zone !== subnet.zone)
    throw invalid(`The availability zone '${zone}' is not that of subnet ${subnet.id}`);
  return {
    subnet,
    groupIds,
    publicAddress:
      (nic === undefined ? undefined : flag(nic, 'AssociatePublicIpAddress')) ?? subnet.mapPublicAddress,
    deleteOnTermination: (nic === undefined ? undefined : flag(nic, 'DeleteOnTermination')) ?? true,
    description: nic?.get('Description') ?? '',
  };
}

const imageSizeGib = 8;

function disks(form: Form): Disk[] {
  const asked = items(form, 'BlockDeviceMapping').map((mapping): Disk => {
    const type = mapping.get('Ebs.VolumeType') ?? 'gp2';
    if (!['gp2', 'gp3', 'io1', 'io2', 'st1', 'sc1', 'standard'].includes(type))
      throw invalid(`Invalid value '${type}' for VolumeType.`);
    const device = required(mapping, 'DeviceName');
    const sizeGib = whole(mapping, 'Ebs.VolumeSize', { min: 1, max: 65536 }) ?? imageSizeGib;
    if (device === rootDevice && sizeGib < imageSizeGib)
      throw new ApiError(
        'InvalidBlockDeviceMapping',
        `Volume of size ${sizeGib}GB is smaller than snapshot, expect size >= ${imageSizeGib}GB`,
      );
    return {
      device,
      sizeGib,
      type,
      encrypted: flag(mapping, 'Ebs.Encrypted') ?? false,
      deleteOnTermination: flag(mapping, 'Ebs.DeleteOnTermination') ?? true,
    };
  });
  const root: Disk = {
    device: rootDevice,
    sizeGib: imageSizeGib,
    type: 'gp2',
    encrypted: false,
    deleteOnTermination: true,
  };
  return asked.some(({ device }) => device === rootDevice) ? asked : [root, ...asked];
}

function spot(form: Form): boolean {
  const market = form.get('InstanceMarketOptions.MarketType');
  if (market === undefined) return false;
  if (market !== 'spot') throw invalid(`Invalid value '${market}' for MarketType.`);
  const kind = form.get('InstanceMarketOptions.SpotOptions.SpotInstanceType') ?? 'one-time';
  const behaviour = form.get('InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior') ?? 'terminate';
  if (kind !== 'one-time' && kind !== 'persistent')
    throw invalid(`Invalid value '${kind}' for SpotInstanceType.`);
  if (behaviour !== 'terminate' && kind === 'one-time')
    throw invalid(`The interruption behavior '${behaviour}' needs a persistent request`);
  return true;
}

/** Everything the API compares when a client token comes back: all the parameters. */
const fingerprint = (form: Form): string =>
  createHash('sha256')
    .update(JSON.stringify([...form].sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest('hex');

const refusals = {
  'no-capacity': (type: string, zone: string) =>
    new ApiError(
      'InsufficientInstanceCapacity',
      `We currently do not have sufficient ${type} capacity in the Availability Zone you requested (${zone}).`,
      500,
    ),
  quota: (isSpot: boolean) =>
    isSpot
      ? new ApiError('MaxSpotInstanceCountExceeded', 'Max spot instance count exceeded')
      : new ApiError(
          'VcpuLimitExceeded',
          'You have requested more vCPU capacity than your current vCPU limit allows for the instance bucket that the specified instance type belongs to.',
        ),
};

export const runInstances = (state: State): Action => ({
  parameters: [
    'ImageId!',
    'InstanceType!',
    'MinCount!',
    'MaxCount!',
    'ClientToken',
    'UserData',
    'SubnetId',
    'SecurityGroupId.N',
    'NetworkInterface.N.DeviceIndex',
    'NetworkInterface.N.SubnetId',
    'NetworkInterface.N.SecurityGroupId.N',
    'NetworkInterface.N.AssociatePublicIpAddress',
    'NetworkInterface.N.DeleteOnTermination',
    'NetworkInterface.N.Description',
    'BlockDeviceMapping.N.DeviceName',
    'BlockDeviceMapping.N.Ebs.VolumeSize',
    'BlockDeviceMapping.N.Ebs.VolumeType',
    'BlockDeviceMapping.N.Ebs.Encrypted',
    'BlockDeviceMapping.N.Ebs.DeleteOnTermination',
    'MetadataOptions.HttpTokens',
    'MetadataOptions.HttpEndpoint',
    'MetadataOptions.HttpPutResponseHopLimit',
    'InstanceMarketOptions.MarketType',
    'InstanceMarketOptions.SpotOptions.SpotInstanceType',
    'InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior',
    'Placement.AvailabilityZone',
    ...tagSpecificationParameters,
    'DryRun',
  ],
  operation: 'createMachine',
  run(call) {
    const { form, region } = call;
    const count = whole(form, 'MaxCount', { min: 1, max: instancesPerCallMax }) ?? 1;
    const min = whole(form, 'MinCount', { min: 1, max: instancesPerCallMax }) ?? 1;
    if (min > count) throw invalid(`MinCount ${min} is larger than MaxCount ${count}`);
    const clientToken = form.get('ClientToken');
    if (clientToken !== undefined && clientToken.length > 64)
      throw invalid('ClientToken is over 64 characters');

    const tokenKey = `${region} ${clientToken ?? ''}`;
    const print = fingerprint(form);
    const earlier = clientToken === undefined ? undefined : state.tokens.get(tokenKey);
    if (earlier !== undefined) {
      if (earlier.fingerprint !== print)
        throw new ApiError(
          'IdempotentParameterMismatch',
          'Arguments on this idempotent request are inconsistent with arguments used in previous request(s).',
        );
      const instances = earlier.instanceIds.flatMap((id) => state.instances.get(id) ?? []);
      // Source: EC2 API Reference, "Error codes": the token's instance has been terminated.
      if (instances.length === 0 || instances.some((instance) => state.isTerminated(instance)))
        throw new ApiError(
          'IdempotentInstanceTerminated',
          'The request to launch an instance uses the same client token as a previous request for which the instance has been terminated.',
        );
      return reservation(state, instances);
    }

    const { id: imageId, architecture } = image(required(form, 'ImageId'));
    const typeName = required(form, 'InstanceType');
    const type = instanceType('aws', typeName);
    if (type === undefined) throw invalid(`Invalid value '${typeName}' for InstanceType.`);
    if ((type.architecture === 'arm64') !== (architecture === 'arm64'))
      throw invalid(
        `The architecture of the specified instance type '${typeName}' does not match that of the specified AMI (${architecture}).`,
      );
    const isSpot = spot(form);
    if (isSpot && !type.spot)
      throw new ApiError('Unsupported', `The instance type ${typeName} cannot be requested as Spot.`);
    const script = userData(form);
    const plugged = wiring(state, call);
    if (!isInZone(type, plugged.subnet.zone))
      throw new ApiError(
        'Unsupported',
        `Your requested instance type (${typeName}) is not supported in your requested Availability Zone (${plugged.subnet.zone}).`,
      );
    const volumes = disks(form);
    const tags = tagSpecifications(form, [
      'instance',
      'volume',
      'network-interface',
      ...(isSpot ? ['spot-instances-request'] : []),
    ]);
    const httpTokens = form.get('MetadataOptions.HttpTokens') ?? 'optional';
    if (httpTokens !== 'optional' && httpTokens !== 'required')
      throw invalid(`Invalid value '${httpTokens}' for HttpTokens.`);
    const metadata = {
      httpTokens,
      httpEndpoint: form.get('MetadataOptions.HttpEndpoint') ?? 'enabled',
      hopLimit: whole(form, 'MetadataOptions.HttpPutResponseHopLimit', { min: 1, max: 64 }) ?? 1,
    };

    const why = state.world.refusal('aws', typeName, type.vcpus * count);
    if (why === 'quota') throw refusals.quota(isSpot);
    if (why !== undefined) throw refusals['no-capacity'](typeName, plugged.subnet.zone);

    const plan: LaunchPlan = {
      region,
      reservationId: newId('r'),
      born: state.born('createMachine'),
      imageId,
      architecture,
      type,
      spot: isSpot,
      wiring: plugged,
      disks: volumes,
      metadata,
      userData: script,
      tags,
      ...(clientToken === undefined ? {} : { clientToken }),
    };
    const launched = Array.from({ length: count }, () => launch(state, plan));
    if (clientToken !== undefined)
      state.tokens.set(tokenKey, { fingerprint: print, instanceIds: launched.map(({ id }) => id) });
    return reservation(state, launched) satisfies Readonly<Record<string, Xml>>;
  },
});
