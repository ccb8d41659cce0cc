import type { Location, Owner } from '../../domain/cloud.ts';
import type { Network } from '../../domain/network.ts';
import type { ExpectedMachine, OwnedResource, Progress } from '../contract.ts';
import { isBalancerKind, removeSparePart } from './balancer-removal.ts';
import type { Clients } from './clients.ts';
import { refusal } from './failures.ts';
import { found, lastOf } from './lists.ts';
import { hasLostLabels, isVery, machineFlaws, wantedLabels, wantedTags } from './machine-flaws.ts';
import { stateOf } from './machine-view.ts';
import { deleteRemains, ignoringGone } from './machines.ts';
import { isOwnedBy } from './names.ts';
import { allInstances } from './observe.ts';

const retryAfterSeconds = 3;

const waiting = (waitingFor: string): Progress<never> => ({ done: false, retryAfterSeconds, waitingFor });

/** Both changes say what they were made from; when that is not so any more, the next call looks again. */
export async function repairMachine(
  clients: Clients,
  machine: ExpectedMachine,
  wanted: { readonly network: Network; readonly owner: Owner },
): Promise<Progress<'right'>> {
  const { project } = clients;
  const { zone } = machine.location;
  const { owner } = wanted;
  const place = { project, zone, instance: machine.providerId };
  const instance = await found(clients.instances.get(place));
  if (instance === undefined || stateOf(instance) === 'stopping') return { done: true, value: 'right' };
  if (!isVery(instance, machine, { owner, networkName: lastOf(wanted.network.parts['network']) }))
    throw refusal(
      'notOwned',
      `machine ${machine.providerId} is not the one that cluster ${owner.clusterId} made`,
    );

  const flaws = machineFlaws(instance, machine, owner);
  if (flaws.length === 0) return { done: true, value: 'right' };
  if (hasLostLabels(instance, machine, owner))
    await ignoringGone(
      clients.instances.setLabels({
        ...place,
        instancesSetLabelsRequestResource: {
          labels: { ...instance.labels, ...wantedLabels(machine, owner) },
          ...(instance.labelFingerprint == null ? {} : { labelFingerprint: instance.labelFingerprint }),
        },
      }),
    );
  if (flaws.some(({ subject }) => subject.startsWith('network-tag:')))
    await ignoringGone(
      clients.instances.setTags({
        ...place,
        tagsResource: {
          items: [...wantedTags(machine)],
          ...(instance.tags?.fingerprint == null ? {} : { fingerprint: instance.tags.fingerprint }),
        },
      }),
    );
  return waiting(`machine ${machine.name} to have its ${flaws.length} labels and network tags again`);
}

/** Disks, machines and load balancers: nothing else that this driver makes can be left over by itself. */
export async function removeSpare(
  clients: Clients,
  resource: OwnedResource,
  where: { readonly owner: Owner; readonly location: Location },
): Promise<Progress<'gone'>> {
  if (isBalancerKind(resource.kind)) return await removeSparePart(clients, resource, where);
  switch (resource.kind) {
    case 'disk':
      return await removeDisk(clients, resource, where.owner);
    case 'machine':
      return await removeMachine(clients, resource.id, where);
    default:
      throw refusal('resourceInUse', `${resource.kind} ${resource.name} serves its cluster`);
  }
}

async function removeDisk(
  clients: Clients,
  resource: OwnedResource,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const [, zone, name] = /\/zones\/([^/]+)\/disks\/([^/]+)$/.exec(resource.id) ?? [];
  if (zone === undefined || name === undefined) throw refusal('invalid', `${resource.id} is no zone's disk`);
  const place = { project: clients.project, zone, disk: name };
  const disk = await found(clients.disks.get(place));
  if (disk === undefined) return { done: true, value: 'gone' };
  if (!isOwnedBy(disk.labels, owner))
    throw refusal('notOwned', `disk ${name} does not carry the labels of cluster ${owner.clusterId}`);
  if ((disk.users ?? []).length > 0) throw refusal('resourceInUse', `disk ${name} is used by a machine`);
  await ignoringGone(clients.disks.delete(place));
  return waiting(`disk ${name} to go`);
}

/** A machine that no node accounts for may stand in any zone. */
async function removeMachine(
  clients: Clients,
  name: string,
  { owner, location }: { readonly owner: Owner; readonly location: Location },
): Promise<Progress<'gone'>> {
  const named = (await allInstances(clients)).filter((instance) => instance.name === name);
  const instance =
    named.find(({ labels }) => isOwnedBy(labels, owner)) ??
    named.find(({ zone }) => lastOf(zone) === location.zone);
  if (instance === undefined) return deleteRemains(clients, { zone: location.zone, name, owner });
  if (!isOwnedBy(instance.labels, owner))
    throw refusal('notOwned', `machine ${name} does not carry the labels of cluster ${owner.clusterId}`);
  if (stateOf(instance) !== 'stopping')
    await ignoringGone(
      clients.instances.delete({ project: clients.project, zone: lastOf(instance.zone), instance: name }),
    );
  return waiting(`machine ${name} to go`);
}
