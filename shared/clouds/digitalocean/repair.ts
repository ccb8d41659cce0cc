import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { Network } from '../../domain/network.ts';
import type { ExpectedMachine, OwnedResource, Progress } from '../contract.ts';
import { invalid, type Client } from './client.ts';
import { listFirewalls, othersFirewalls } from './firewalls.ts';
import { removeBalancer } from './load-balancer.ts';
import { isVery, tagDifferences } from './machine-tags.ts';
import { destroy, findDroplet, removeUnusedTags } from './machines.ts';
import { isOwned } from './naming.ts';

const repairLookSeconds = 1;
const deleteLookSeconds = 3;

/** Tag by tag: DigitalOcean has no list of a droplet's tags to replace. */
export async function repairMachine(
  client: Client,
  machine: ExpectedMachine,
  { network, owner }: { readonly network: Network; readonly owner: Owner },
): Promise<Progress<'right'>> {
  const droplet = await findDroplet(client, machine.providerId);
  if (droplet === undefined) return { done: true, value: 'right' };
  if (!isVery(droplet, machine, { owner, vpcId: network.parts['vpcId'] }))
    throw invalid(
      `droplet ${droplet.id} (${droplet.name}) is not the machine ${machine.name} of cluster ${owner.clusterId}`,
    );
  const others = othersFirewalls(await listFirewalls(client), owner, network.parts);
  const differences = tagDifferences(droplet, machine, owner, others);
  if (differences.length === 0) return { done: true, value: 'right' };
  const body = { resources: [{ resource_id: machine.providerId, resource_type: 'droplet' }] };
  for (const { tag, isThere } of differences) {
    const path = `tags/${encodeURIComponent(tag)}/resources`;
    if (isThere) await client.takeOut(path, body);
    else {
      // Only a tag that exists is put on anything; making one that does is no change.
      await client.create('tags', { name: tag }, z.unknown());
      await client.create(path, body, z.unknown());
    }
  }
  return {
    done: false,
    retryAfterSeconds: repairLookSeconds,
    waitingFor: `droplet ${droplet.id} to show its tags`,
  };
}

/**
 * Only machines and load balancers can be left over: the driver makes no volumes and no reserved addresses, a droplet's disk and address go with
 * it, and a VPC or firewall that is ours is the cluster's own.
 */
export async function removeSpare(
  client: Client,
  { kind, id, name }: OwnedResource,
  owner: Owner,
): Promise<Progress<'gone'>> {
  if (kind === 'machine') return await removeDroplet(client, id, owner);
  if (kind === 'load-balancer') return await removeBalancer(client, id, owner);
  if (kind !== 'vpc' && kind !== 'firewall') throw invalid(`${kind} ${name}: nothing of this kind is ours`);
  if ((await client.find(`${kind}s/${encodeURIComponent(id)}`, z.unknown())) === undefined)
    return { done: true, value: 'gone' };
  throw invalid(`${kind} ${name} serves its cluster, or is not ours`);
}

async function removeDroplet(client: Client, id: string, owner: Owner): Promise<Progress<'gone'>> {
  const droplet = await findDroplet(client, id);
  if (droplet === undefined) return { done: true, value: 'gone' };
  if (!isOwned(owner, droplet.tags))
    throw invalid(`droplet ${droplet.id} (${droplet.name}) does not carry our tags and is left alone`);
  await destroy(client, droplet.id);
  await removeUnusedTags(client, droplet);
  return {
    done: false,
    retryAfterSeconds: deleteLookSeconds,
    waitingFor: `droplet ${droplet.id} to be gone`,
  };
}
