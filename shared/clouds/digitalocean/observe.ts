import type { Owner } from '../../domain/cloud.ts';
import type { ClusterObservation, OwnedResource, Stranger } from '../contract.ts';
import type { Client } from './client.ts';
import { findDroplet, listDroplets, machineOf } from './machines.ts';
import { isOwned, roles } from './naming.ts';
import { listFirewalls, listVpcs, ownFirewall, ownVpc } from './network.ts';
import * as wire from './wire.ts';

const dropletUrn = 'do:droplet:';

/**
 * What sits in a VPC and is not its owner's: droplets, but also databases, load balancers, Kubernetes clusters. A droplet
 * that is a member and not in `droplets` is looked at by itself: it may have come or gone since that list.
 */
export async function strangersIn(
  client: Client,
  vpc: wire.Vpc,
  owner: Owner,
  droplets: readonly wire.Droplet[],
): Promise<readonly Stranger[]> {
  const strangers: Stranger[] = [];
  for (const member of await client.list(`vpcs/${vpc.id}/members`, 'members', wire.vpcMember)) {
    const [, kind = '', id = ''] = member.urn.split(':');
    if (!member.urn.startsWith(dropletUrn)) {
      strangers.push({ kind, id, name: member.name ?? '', inside: vpc.name });
      continue;
    }
    const droplet = droplets.find((listed) => String(listed.id) === id) ?? (await findDroplet(client, id));
    // Droplets that are gone stay members for some seconds.
    if (droplet === undefined || isOwned(owner, droplet.tags)) continue;
    strangers.push({ kind: 'machine', id, name: droplet.name, inside: vpc.name });
  }
  return strangers;
}

/** Three lists for the whole account, and one of the members of each VPC that is ours. */
export async function observe(
  client: Client,
  owners: readonly Owner[],
): Promise<readonly ClusterObservation[]> {
  if (owners.length === 0) return [];
  const [vpcs, firewalls, droplets] = await Promise.all([
    listVpcs(client),
    listFirewalls(client),
    listDroplets(client),
  ]);
  const seen: ClusterObservation[] = [];
  for (const owner of owners) {
    const vpc = ownVpc(vpcs, owner);
    const resources: OwnedResource[] = [
      ...(vpc === undefined ? [] : [{ kind: 'vpc', id: vpc.id, name: vpc.name }]),
      ...roles
        .map((role) => ownFirewall(firewalls, owner, role))
        .filter((firewall) => firewall !== undefined)
        .map(({ id, name }) => ({ kind: 'firewall', id, name })),
    ];
    seen.push({
      clusterId: owner.clusterId,
      machines: droplets.filter((droplet) => isOwned(owner, droplet.tags)).map(machineOf),
      resources,
      strangers: vpc === undefined ? [] : await strangersIn(client, vpc, owner, droplets),
      flaws: [],
    });
  }
  return seen;
}
