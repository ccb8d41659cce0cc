import type { Location, Owner } from '../../domain/cloud.ts';
import type { Progress } from '../contract.ts';
import { balancerParts, ownedParts, partsNamed } from './balancer-look.ts';
import { partsInOrder, removeFreeParts } from './balancer-removal.ts';
import type { Clients } from './clients.ts';
import { found, lastOf } from './lists.ts';
import { stateOf } from './machine-view.ts';
import { ignoringGone } from './machines.ts';
import { baseName, isMarkedBy, isOwnedBy } from './names.ts';
import { rulesIn } from './network.ts';
import { allInstances, labelledDisks, strangersIn } from './observe.ts';
import { goesWithNetwork } from './routes.ts';

const retryAfterSeconds = 3;

/**
 * One pass: deletes, all at once, whatever nothing else needs any more. Machines take their disks along; firewalls and
 * routes need not wait for them; the subnet waits for the machines, and the network for everything. A load balancer's parts
 * go one after the other: rules, backend service, and then what that used.
 *
 * As long as there is a stranger in the network, its firewalls, subnet and the network itself stay as they are.
 */
export async function collapse(
  clients: Clients,
  owner: Owner,
  location: Location,
): Promise<Progress<'nothing left'>> {
  const { project } = clients;
  const name = baseName(owner.clusterId);
  const [instances, disks, seenNetwork, seenSubnetwork, rules, balancers] = await Promise.all([
    allInstances(clients),
    labelledDisks(clients),
    found(clients.networks.get({ project, network: name })),
    found(clients.subnetworks.get({ project, region: location.region, subnetwork: name })),
    rulesIn(clients, name),
    balancerParts(clients, location.region, name),
  ]);
  const machines = instances.filter((instance) => isOwnedBy(instance.labels, owner));
  const ourDisks = disks.filter((disk) => isOwnedBy(disk.labels, owner));
  const network = seenNetwork !== undefined && isMarkedBy(seenNetwork, owner) ? seenNetwork : undefined;
  const balancer = partsInOrder(ownedParts(balancers, owner));
  if (machines.length + ourDisks.length + balancer.length === 0 && network === undefined)
    return { done: true, value: 'nothing left' };

  // Begun together, once all is looked at: one that failed while nobody waited for it would end the whole process.
  const changes: (() => Promise<unknown>)[] = machines
    .filter((machine) => stateOf(machine) !== 'stopping')
    .map(
      (machine) => () =>
        ignoringGone(
          clients.instances.delete({ project, zone: lastOf(machine.zone), instance: machine.name ?? '' }),
        ),
    );
  changes.push(() => removeFreeParts(clients, location.region, balancer));
  for (const disk of ourDisks)
    if ((disk.users ?? []).length === 0)
      changes.push(() =>
        ignoringGone(clients.disks.delete({ project, zone: lastOf(disk.zone), disk: disk.name ?? '' })),
      );

  const strangersNow = (all: typeof instances) =>
    network === undefined
      ? []
      : strangersIn(network, owner, {
          instances: all,
          region: location.region,
          subnetwork: seenSubnetwork,
          groups: partsNamed(balancers, owner).groups,
        });
  let strangers = strangersNow(instances);
  if (network !== undefined && strangers.length === 0) {
    const subnetwork = seenSubnetwork !== undefined && isMarkedBy(seenSubnetwork, owner);
    // What GCE made with the network goes with it; routes that somebody added must go first.
    const routes = rules.routes.filter((route) => !goesWithNetwork(route));
    for (const firewall of rules.firewalls)
      changes.push(() => ignoringGone(clients.firewalls.delete({ project, firewall: firewall.name ?? '' })));
    for (const route of routes)
      changes.push(() => ignoringGone(clients.routes.delete({ project, route: route.name ?? '' })));
    if (machines.length === 0) {
      // Right before a container goes: somebody may have moved in since the first look.
      strangers = strangersNow(await allInstances(clients));
      if (strangers.length === 0) {
        if (subnetwork)
          changes.push(() =>
            ignoringGone(clients.subnetworks.delete({ project, region: location.region, subnetwork: name })),
          );
        else if (rules.firewalls.length + routes.length === 0)
          changes.push(() => ignoringGone(clients.networks.delete({ project, network: name })));
      }
    }
  }
  await settled(changes.map((begin) => begin()));
  const left = [
    ...(machines.length === 0 ? [] : [`${machines.length} machines`]),
    ...(ourDisks.length === 0 ? [] : [`${ourDisks.length} disks`]),
    ...(balancer.length === 0 ? [] : [`${balancer.length} parts of the load balancer`]),
    ...(network === undefined ? [] : [`network ${name}`]),
  ];
  return {
    done: false,
    retryAfterSeconds,
    waitingFor: `${left.join(', ')} to go`,
    ...(strangers.length === 0 ? {} : { blockedBy: strangers }),
  };
}

/** Lets every change have its try before the first failure is reported. */
async function settled(changes: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(changes))
    if (outcome.status === 'rejected') throw outcome.reason;
}
