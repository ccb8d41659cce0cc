import type { VirtualMachine } from '@azure/arm-compute';
import type { NetworkInterface } from '@azure/arm-network';
import type { Owner } from '../../domain/cloud.ts';
import type { ExpectedMachine } from '../contract.ts';
import type { Difference } from './difference.ts';
import { adminName } from './machine-model.ts';
import {
  carries,
  firewallName,
  groupIn,
  groupName,
  isAnothers,
  nameIn,
  networkName,
  nodeTags,
  type Tags,
} from './naming.ts';

/** A machine with what was made for it, as single reads or the subscription's lists have it. */
export interface Seen {
  readonly vm: VirtualMachine;
  readonly nic: NetworkInterface | undefined;
  readonly address: Tagged | undefined;
  readonly disk: Tagged | undefined;
}

interface Tagged {
  readonly id?: string;
  readonly tags?: Tags | undefined;
}

export interface MachineDifference extends Difference {
  /** What is to be written. */
  readonly at: 'vm' | 'nic' | 'address' | 'disk';
}

/**
 * Whether this is the very machine that was made for a node, be it without its tags: its name, administrator and disk
 * are those of its creation, and it is plugged into the cluster's network.
 */
export function isExpected(
  { vm, nic }: Pick<Seen, 'vm' | 'nic'>,
  expected: ExpectedMachine,
  owner: Owner,
): boolean {
  const group = groupName(owner.clusterId);
  const subnets = new RegExp(
    `/resourcegroups/${group}/providers/microsoft.network/virtualnetworks/${networkName}/`,
    'i',
  );
  return (
    groupIn(vm.id) === group &&
    [expected.providerId, expected.name].every((name) => name.toLowerCase() === vm.name?.toLowerCase()) &&
    vm.osProfile?.adminUsername === adminName &&
    vm.storageProfile?.osDisk?.name?.startsWith(`${expected.name}-`) === true &&
    nic?.ipConfigurations?.some(({ subnet }) => subnets.test(subnet?.id ?? '')) === true &&
    !isAnothers(vm.tags, owner)
  );
}

/** Every difference that `repairMachine` mends. Parts that another owner claims, or that are elsewhere, are not touched. */
export function machineDifferences(
  { vm, nic, address, disk }: Seen,
  { nodeId, name, role }: ExpectedMachine,
  owner: Owner,
): readonly MachineDifference[] {
  if (vm.provisioningState === 'Deleting') return [];
  const group = groupName(owner.clusterId);
  const wanted = nodeTags(owner, nodeId);
  const isOurs = (part: Tagged | undefined): boolean =>
    part !== undefined && groupIn(part.id) === group && !isAnothers(part.tags, owner);
  const untagged = (part: Tagged | undefined): boolean => isOurs(part) && !carries(part?.tags, wanted);
  const differences: MachineDifference[] = [];
  for (const [at, part, subject, what] of [
    ['vm', vm, 'tags', ''],
    ['nic', nic, 'interface:tags', ' interface'],
    ['address', address, 'address:tags', ' address'],
    ['disk', disk, 'disk:tags', ' disk'],
  ] as const)
    if (untagged(part)) differences.push({ at, subject, message: `${name}:${what} tags were changed` });
  const firewall = nic?.networkSecurityGroup?.id;
  if (isOurs(nic) && (groupIn(firewall) !== group || nameIn(firewall).toLowerCase() !== firewallName(role)))
    differences.push({
      at: 'nic',
      subject: 'firewall',
      message: `${name} is not in the ${role} firewall but in ${firewall === undefined ? 'none' : nameIn(firewall)}`,
    });
  return differences;
}
