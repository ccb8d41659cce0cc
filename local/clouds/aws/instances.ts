import type { MachineState } from '../world.ts';
import { checkId, describe, notFound, tagSet, type Action, type Kind } from './describe.ts';
import { groupSet } from './security-groups.ts';
import { accountId } from './vpcs.ts';
import { ApiError, scalars, timestamp, type Xml } from './wire.ts';
import type { Instance, State } from './state.ts';

/** Source: EC2 API Reference, InstanceState. */
const codes = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
} as const;
type StateName = keyof typeof codes;

/** Unscaled seconds from TerminateInstances to `terminated`. */
const shuttingDownSeconds = 30;

const stateNames = {
  pending: 'pending',
  running: 'running',
  stopping: 'shutting-down',
  stopped: 'stopped',
  gone: 'terminated',
} as const satisfies Record<MachineState, StateName>;

function stateName(state: State, instance: Instance): StateName {
  const machine = state.world.machine('aws', instance.id);
  return stateNames[machine === undefined ? 'gone' : state.world.state(machine)];
}

const stateOf = (name: StateName): Xml => ({ code: codes[name], name });

/** Why it stopped, as far as the world tells: by the API, by a spot interruption, or behind everyone's back. */
function stateReason(state: State, instance: Instance, name: StateName): Xml {
  if (name === 'pending') return { code: 'pending', message: 'pending' };
  if (name === 'running') return undefined;
  const interruption = state.world.machine('aws', instance.id)?.interruption;
  if (instance.endedByUser === true)
    return {
      code: 'Client.UserInitiatedShutdown',
      message: 'Client.UserInitiatedShutdown: User initiated shutdown',
    };
  if (interruption?.kind === 'terminate')
    return {
      code: 'Server.SpotInstanceTermination',
      message: 'Server.SpotInstanceTermination: Spot instance termination',
    };
  return { code: 'Server.InternalError', message: 'Server.InternalError: Internal error on launch' };
}

function render(instance: Instance, state: State): Readonly<Record<string, Xml>> {
  const name = stateName(state, instance);
  const machine = state.world.machine('aws', instance.id);
  const nic = state.interfaces.get(instance.interfaceId);
  const alive = name !== 'terminated';
  // A public address is shown once the instance is past its first moments.
  const publicAddress = alive && name !== 'pending' ? nic?.publicAddress : undefined;
  return {
    instanceId: instance.id,
    imageId: instance.imageId,
    instanceState: stateOf(name),
    privateDnsName:
      alive && nic !== undefined ? `ip-${nic.privateAddress.replaceAll('.', '-')}.ec2.internal` : '',
    dnsName: '',
    reason: '',
    amiLaunchIndex: 0,
    instanceType: instance.instanceType,
    launchTime: timestamp(machine?.createdAt ?? 0),
    placement: { availabilityZone: instance.zone, groupName: '', tenancy: 'default' },
    monitoring: { state: 'disabled' },
    ...(alive
      ? {
          subnetId: instance.subnetId,
          vpcId: instance.vpcId,
          privateIpAddress: nic?.privateAddress,
          ipAddress: publicAddress,
          sourceDestCheck: true,
          groupSet: groupSet(state, instance.groupIds),
        }
      : { groupSet: [] }),
    stateReason: stateReason(state, instance, name),
    architecture: instance.architecture,
    rootDeviceType: 'ebs',
    rootDeviceName: '/dev/sda1',
    blockDeviceMapping: instance.volumes
      .filter(({ id }) => state.volumes.get(id)?.attachment !== undefined)
      .map((volume) => ({
        deviceName: volume.device,
        ebs: {
          volumeId: volume.id,
          status: 'attached',
          attachTime: timestamp(machine?.createdAt ?? 0),
          deleteOnTermination: volume.deleteOnTermination,
        },
      })),
    virtualizationType: 'hvm',
    clientToken: instance.clientToken ?? '',
    tagSet: tagSet(state.tagsOf(instance.id)),
    hypervisor: 'xen',
    networkInterfaceSet:
      nic?.attachment === undefined
        ? []
        : [
            {
              networkInterfaceId: nic.id,
              subnetId: nic.subnetId,
              vpcId: nic.vpcId,
              ownerId: accountId,
              status: 'in-use',
              privateIpAddress: nic.privateAddress,
              groupSet: groupSet(state, nic.groupIds),
              attachment: {
                attachmentId: nic.attachment.id,
                deviceIndex: 0,
                status: 'attached',
                deleteOnTermination: nic.attachment.deleteOnTermination,
              },
              association:
                publicAddress === undefined
                  ? undefined
                  : { publicIp: publicAddress, publicDnsName: '', ipOwnerId: 'amazon' },
            },
          ],
    ebsOptimized: false,
    instanceLifecycle: instance.spotRequestId === undefined ? undefined : 'spot',
    spotInstanceRequestId: instance.spotRequestId,
    metadataOptions: {
      state: 'applied',
      httpTokens: instance.metadata.httpTokens,
      httpPutResponseHopLimit: instance.metadata.hopLimit,
      httpEndpoint: instance.metadata.httpEndpoint,
    },
  };
}

const reservationOf = (instance: Instance, state: State): Readonly<Record<string, Xml>> => ({
  reservationId: instance.reservationId,
  ownerId: accountId,
  groupSet: [],
  instancesSet: [render(instance, state)],
});

/** RunInstances' answer: one reservation, not in a list. */
export const reservation = (state: State, instances: readonly Instance[]): Readonly<Record<string, Xml>> => ({
  reservationId: instances[0]?.reservationId ?? '',
  ownerId: accountId,
  groupSet: [],
  instancesSet: instances.map((instance) => render(instance, state)),
});

const instanceKind: Kind<Instance> = {
  type: 'instance',
  idPrefix: 'i',
  idParameter: 'InstanceId',
  notFound: 'InvalidInstanceID.NotFound',
  set: 'reservationSet',
  resultsMax: 1000,
  operation: 'listMachines',
  all: (state) => state.instances.values().filter((instance) => state.isListed(instance)),
  filters: {
    'instance-id': (instance) => [instance.id],
    'instance-state-name': (instance, state) => [stateName(state, instance)],
    'instance-type': (instance) => [instance.instanceType],
    'instance-lifecycle': (instance) => [instance.spotRequestId === undefined ? undefined : 'spot'],
    'client-token': (instance) => [instance.clientToken],
    'availability-zone': (instance) => [instance.zone],
    // A terminated instance is in no network any more.
    'vpc-id': (instance, state) => [state.isTerminated(instance) ? undefined : instance.vpcId],
    'subnet-id': (instance, state) => [state.isTerminated(instance) ? undefined : instance.subnetId],
    'reservation-id': (instance) => [instance.reservationId],
  },
  render: reservationOf,
};

export function instanceActions(state: State): Record<string, Action> {
  return {
    DescribeInstances: describe(state, instanceKind),

    TerminateInstances: {
      parameters: ['InstanceId.N', 'DryRun'],
      operation: 'deleteMachine',
      run({ form, region }) {
        const ids = scalars(form, 'InstanceId');
        if (ids.length === 0)
          throw new ApiError('MissingParameter', 'The request must contain the parameter InstanceId');
        const instances = ids.map((id) => {
          checkId(instanceKind, id);
          const instance = state.instances.get(id);
          if (instance === undefined || instance.region !== region || !state.isListed(instance))
            throw notFound(instanceKind, id);
          return instance;
        });
        // All or none were found; only now does anything happen.
        return {
          instancesSet: instances.map((instance) => {
            const previous = stateName(state, instance);
            if (previous !== 'terminated' && previous !== 'shutting-down') {
              state.instances.set(instance.id, { ...instance, endedByUser: true });
              state.world.terminate('aws', instance.id, shuttingDownSeconds);
            }
            return {
              instanceId: instance.id,
              currentState: stateOf(stateName(state, instance)),
              previousState: stateOf(previous),
            };
          }),
        };
      },
    },
  };
}
