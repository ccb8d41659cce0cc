import type { protos } from '@google-cloud/compute';
import type { Machine, MachineState } from '../contract.ts';
import { lastOf } from './lists.ts';
import { labelKeys } from './names.ts';

export type IInstance = protos.google.cloud.compute.v1.IInstance;

/** https://cloud.google.com/compute/docs/instances/instance-lifecycle */
const states: Readonly<Record<string, MachineState>> = {
  PROVISIONING: 'pending',
  STAGING: 'pending',
  REPAIRING: 'pending',
  PENDING: 'pending',
  RUNNING: 'running',
  PENDING_STOP: 'stopping',
  STOPPING: 'stopping',
  DEPROVISIONING: 'stopping',
  SUSPENDING: 'stopping',
  STOPPED: 'stopped',
  SUSPENDED: 'stopped',
  TERMINATED: 'stopped',
};

export const stateOf = (instance: IInstance): MachineState => states[instance.status ?? ''] ?? 'pending';

export function machineOf(instance: IInstance): Machine {
  const nic = instance.networkInterfaces?.[0];
  return {
    providerId: instance.name ?? '',
    name: instance.name ?? '',
    nodeId: instance.labels?.[labelKeys.nodeId] ?? '',
    state: stateOf(instance),
    instanceType: lastOf(instance.machineType),
    lifecycle: instance.scheduling?.provisioningModel === 'SPOT' ? 'spot' : 'on-demand',
    zone: lastOf(instance.zone),
    publicAddress: nic?.accessConfigs?.[0]?.natIP ?? '',
    privateAddress: nic?.networkIP ?? '',
    createdAt: new Date(instance.creationTimestamp ?? 0).toISOString(),
  };
}
