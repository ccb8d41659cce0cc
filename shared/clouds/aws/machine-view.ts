import type { Instance } from '@aws-sdk/client-ec2';
import type { Machine, MachineState } from '../contract.ts';
import { tag, tagKeys } from './tags.ts';

/** EC2's `stopping` is a stop, not an end: the machine stays. */
const states: Readonly<Record<string, MachineState>> = {
  pending: 'pending',
  running: 'running',
  'shutting-down': 'stopping',
  stopping: 'stopped',
  stopped: 'stopped',
};

/** Undefined when it is terminated. */
export function machineOf(instance: Instance): Machine | undefined {
  const state = states[instance.State?.Name ?? ''];
  if (state === undefined || instance.InstanceId === undefined) return undefined;
  return {
    providerId: instance.InstanceId,
    name: tag(instance.Tags, tagKeys.name),
    nodeId: tag(instance.Tags, tagKeys.node),
    state,
    instanceType: instance.InstanceType ?? '',
    lifecycle: instance.InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    zone: instance.Placement?.AvailabilityZone ?? '',
    publicAddress: instance.PublicIpAddress ?? '',
    privateAddress: instance.PrivateIpAddress ?? '',
    createdAt: (instance.LaunchTime ?? new Date(0)).toISOString(),
  };
}
