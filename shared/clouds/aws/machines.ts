import {
  DescribeInstancesCommand,
  RunInstancesCommand,
  TerminateInstancesCommand,
  type Instance,
  type RunInstancesCommandInput,
  type _InstanceType,
} from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';
import type { Architecture } from '../../domain/offering.ts';
import type { Machine, MachineRef, MachineRequest, Progress } from '../contract.ts';
import { CloudError } from '../errors.ts';
import type { Ec2 } from './clients.ts';
import { codeOf, nameOfCode, refused } from './errors.ts';
import { existing, lookAtAttachments, lists } from './look.ts';
import { machineOf } from './machine-view.ts';
import { partNames } from './network-parts.ts';
import { pending } from './progress.ts';
import { removeLeftovers } from './removal.ts';
import { filtersFor, isOfAnother, isOwnedBy, tagging } from './tags.ts';

/** An instance runs about eight seconds after its create, and is terminated half a minute after its deletion. */
const startSeconds = 3;
const terminationSeconds = 5;

/** Canonical's public parameter for its newest image. Source: documentation.ubuntu.com/aws, "Find Ubuntu images". */
const imageOf = (architecture: Architecture): string =>
  `resolve:ssm:/aws/service/canonical/ubuntu/server/24.04/stable/current/${architecture}/hvm/ebs-gp3/ami-id`;

/** Ubuntu's root device. */
const rootDevice = '/dev/sda1';

/** The same request gives the same bytes: EC2 compares every parameter when a client token comes back. */
function runInput(request: MachineRequest): RunInstancesCommandInput {
  const { offering, network, owner, nodeId, name } = request;
  const isSpot = offering.lifecycle === 'spot';
  return {
    ClientToken: request.token,
    MinCount: 1,
    MaxCount: 1,
    ImageId: imageOf(offering.architecture),
    InstanceType: offering.instanceType as _InstanceType,
    UserData: Buffer.from(request.userData, 'utf8').toString('base64'),
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: network.parts[partNames.subnet],
        Groups: [network.parts[partNames.securityGroup[request.role]] ?? ''],
        AssociatePublicIpAddress: true,
        DeleteOnTermination: true,
      },
    ],
    BlockDeviceMappings: [
      {
        DeviceName: rootDevice,
        Ebs: { VolumeSize: request.diskGib, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ],
    // One hop: pods, which are one further away, get no credentials and no user-data.
    MetadataOptions: { HttpEndpoint: 'enabled', HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    ...(isSpot
      ? {
          InstanceMarketOptions: {
            MarketType: 'spot',
            SpotOptions: { SpotInstanceType: 'one-time', InstanceInterruptionBehavior: 'terminate' },
          },
        }
      : {}),
    TagSpecifications: tagging(
      ['instance', 'volume', 'network-interface', ...(isSpot ? (['spot-instances-request'] as const) : [])],
      owner,
      { name, nodeId },
    ),
  };
}

/**
 * Creates one machine. It is looked for by its client token first: a look is cheaper than a create, of which an account
 * has two a second, and this is asked until it runs. EC2 answers a repeated create with the instance it already made.
 */
export async function createMachine(ec2: Ec2, request: MachineRequest): Promise<Progress<Machine>> {
  const instance = (await madeBefore(ec2, request)) ?? (await launched(ec2, request));
  if (instance?.InstanceId === undefined) return pending('the instance to be listed', startSeconds);
  if (instance.State?.Name === 'terminated') throw endedEarly(instance);
  const machine = machineOf(instance);
  if (machine?.state === 'running' && machine.publicAddress !== '') return { done: true, value: machine };
  return pending(`${instance.InstanceId} to run`, startSeconds);
}

/** The instance of the request's token. @throws InvalidRequest when it has become another owner's */
async function madeBefore(ec2: Ec2, { token, owner }: MachineRequest): Promise<Instance | undefined> {
  const [instance] = await lists.instances(ec2.patient, [{ Name: 'client-token', Values: [token] }]);
  if (instance !== undefined && isOfAnother(instance.Tags, owner))
    throw refused(
      'IdempotentParameterMismatch',
      `${instance.InstanceId ?? ''} has this request's token and another owner's tags`,
    );
  return instance;
}

/**
 * The user-data holds the agent's script, so an attempt that goes on after the platform was deployed anew sends other
 * bytes with the same token. EC2 refuses them; but the token is this attempt's alone, and so is the instance that has it.
 */
async function launched(ec2: Ec2, request: MachineRequest): Promise<Instance | undefined> {
  try {
    const { Instances } = await ec2.once.send(new RunInstancesCommand(runInput(request)));
    return Instances?.[0];
  } catch (error) {
    if (codeOf(error) === 'IdempotentParameterMismatch') return madeBefore(ec2, request);
    throw error;
  }
}

/** Accepted, and dead before it was ever seen running: with this token nothing else can be made. */
function endedEarly(instance: Instance): CloudError {
  const { Code = 'Terminated', Message = 'no reason given' } = instance.StateReason ?? {};
  // `Server.InsufficientInstanceCapacity`, `Client.VolumeLimitExceeded`
  const code = Code.replace(/^(Server|Client)\./, '');
  return new CloudError(nameOfCode(code) === 'QuotaExceeded' ? 'QuotaExceeded' : 'CapacityUnavailable', {
    cloud: 'aws',
    code,
    message: `${instance.InstanceId ?? ''} was terminated before it ran: ${Message}`,
  });
}

async function instancesOf(ec2: Ec2, ref: MachineRef, owner: Owner): Promise<Instance[]> {
  if (ref.providerId === undefined)
    return lists.instances(ec2.patient, [...filtersFor(owner, ref.nodeId), existing]);
  try {
    const { Reservations } = await ec2.patient.send(
      new DescribeInstancesCommand({ InstanceIds: [ref.providerId] }),
    );
    return Reservations?.flatMap((reservation) => reservation.Instances ?? []) ?? [];
  } catch (error) {
    if (codeOf(error) === 'InvalidInstanceID.NotFound') return [];
    throw error;
  }
}

/** Deletes one machine; its disk and interface go with it, and if somebody arranged otherwise they go after it. */
export async function deleteMachine(ec2: Ec2, ref: MachineRef, owner: Owner): Promise<Progress<'gone'>> {
  const instances = (await instancesOf(ec2, ref, owner)).filter(({ State }) => State?.Name !== 'terminated');
  const foreign = instances.find((instance) => !isOwnedBy(instance.Tags, owner));
  if (foreign !== undefined)
    throw refused(
      'NotOurs',
      `${foreign.InstanceId ?? ''} does not carry the tags of cluster ${owner.clusterId}`,
    );
  const ids = instances.flatMap((instance) => instance.InstanceId ?? []);
  if (ids.length > 0) {
    const living = instances.filter(({ State }) => State?.Name !== 'shutting-down');
    if (living.length > 0)
      await ec2.patient.send(
        new TerminateInstancesCommand({ InstanceIds: living.flatMap(({ InstanceId }) => InstanceId ?? []) }),
      );
    return pending(`${ids.join(', ')} to be terminated`, terminationSeconds);
  }
  // A machine that lost its node's tag: without it, other nodes' leftovers would be found.
  if (ref.nodeId !== '')
    await removeLeftovers(ec2, await lookAtAttachments(ec2.patient, filtersFor(owner, ref.nodeId)));
  return { done: true, value: 'gone' };
}
