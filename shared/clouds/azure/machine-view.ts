import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface, PublicIPAddress } from '@azure/arm-network';
import type { Machine, MachineState } from '../contract.ts';
import { nodeIdIn } from './naming.ts';

/** `PowerState/running` → `running`; empty when Azure says nothing about it. */
const powerOf = (vm: VirtualMachine): string =>
  vm.instanceView?.statuses
    ?.map(({ code }) => /^PowerState\/(.+)$/i.exec(code ?? '')?.[1]?.toLowerCase())
    .find((power) => power !== undefined) ?? '';

/** A machine that failed to provision never runs: `stopped`. */
function stateOf(vm: VirtualMachine): MachineState {
  if (vm.provisioningState === 'Deleting') return 'stopping';
  switch (powerOf(vm)) {
    case 'running':
      return vm.provisioningState === 'Creating' ? 'pending' : 'running';
    case 'stopping':
    case 'deallocating':
      return 'stopping';
    case 'stopped':
    case 'deallocated':
      return 'stopped';
    default:
      return vm.provisioningState === 'Failed' ? 'stopped' : 'pending';
  }
}

export const isRunning = (vm: VirtualMachine): boolean => stateOf(vm) === 'running';

/** Lists of machines tell their power apart from all else. */
export const withStatus = (vm: VirtualMachine, status: VirtualMachine | undefined): VirtualMachine => ({
  ...vm,
  ...(status?.instanceView === undefined ? {} : { instanceView: status.instanceView }),
});

export function asMachine(
  vm: VirtualMachine,
  attached: { nic?: NetworkInterface | undefined; address?: PublicIPAddress | undefined },
): Machine {
  const name = vm.name ?? '';
  return {
    providerId: name,
    name,
    nodeId: nodeIdIn(vm.tags),
    state: stateOf(vm),
    instanceType: vm.hardwareProfile?.vmSize ?? '',
    lifecycle: vm.priority === 'Spot' ? 'spot' : 'on-demand',
    zone: vm.zones?.[0] ?? '',
    publicAddress: attached.address?.ipAddress ?? '',
    privateAddress: attached.nic?.ipConfigurations?.[0]?.privateIPAddress ?? '',
    createdAt: (vm.timeCreated ?? new Date(0)).toISOString(),
  };
}
