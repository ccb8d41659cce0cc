import type { Owner } from '../../domain/cloud.ts';
import type { Network } from '../../domain/network.ts';
import type { ExpectedMachine, Progress } from '../contract.ts';
import type { Ec2 } from './clients.ts';
import { refused, together, tolerating } from './errors.ts';
import { existing, lists } from './look.ts';
import { isExpected, machineSteps, primaryInterfaceOf, rootDiskOf } from './machine-steps.ts';
import { partNames } from './network-parts.ts';
import { pending } from './progress.ts';

const againSeconds = 2;
/** It died since the look. */
const gone = /^Invalid(InstanceID|NetworkInterfaceID|Volume)\.NotFound$|^InvalidID$/;

/** Gives a machine, its disk and its interface their tags back, and puts it into its role's security group and no other. */
export async function repairMachine(
  ec2: Ec2,
  machine: ExpectedMachine,
  { network, owner }: { network: Network; owner: Owner },
): Promise<Progress<'right'>> {
  const { providerId } = machine;
  const [instance] = await lists.instances(ec2.patient, [
    { Name: 'instance-id', Values: [providerId] },
    existing,
  ]);
  if (instance === undefined || instance.State?.Name === 'shutting-down')
    return { done: true, value: 'right' };
  if (!isExpected(instance, machine, { owner, vpcId: network.parts[partNames.vpc] }))
    throw refused(
      'NotOurs',
      `${providerId} is not machine ${machine.name} of cluster ${owner.clusterId}: it has another name, owner or network`,
    );
  const [diskId, plugId] = [rootDiskOf(instance), primaryInterfaceOf(instance)?.NetworkInterfaceId];
  const [[disk], [plug]] = await Promise.all([
    diskId === undefined ? [] : lists.volumes(ec2.patient, [{ Name: 'volume-id', Values: [diskId] }]),
    plugId === undefined
      ? []
      : lists.interfaces(ec2.patient, [{ Name: 'network-interface-id', Values: [plugId] }]),
  ]);
  const groupId = network.parts[partNames.securityGroup[machine.role]];
  const steps = machineSteps({ instance, disk, plug }, machine, { owner, groupId });
  const early = await together(steps.map((step) => () => tolerating(gone, () => step.run(ec2.patient))));
  return early.every((code) => code === undefined)
    ? { done: true, value: 'right' }
    : pending(`${providerId} to be repaired`, againSeconds);
}
