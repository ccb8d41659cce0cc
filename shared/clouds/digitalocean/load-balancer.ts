import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { LoadBalancer, LoadBalancerSpec, Member } from '../../domain/load-balancer.ts';
import type { Progress } from '../contract.ts';
import { cloudError, invalid, Refused, type Client } from './client.ts';
import {
  balancerDifferences,
  balancerPart,
  claimedBalancer,
  listBalancers,
  markedBalancers,
  ownBalancer,
  wantedBalancer,
  type Mend,
} from './load-balancers.ts';
import { findDroplet, listDroplets } from './machines.ts';
import { balancedTag, balancerName, clusterTag, isOwned } from './naming.ts';
import type * as wire from './wire.ts';

const provisioningSeconds = 10;
const lookSeconds = 2;

const pending = (waitingFor: string, retryAfterSeconds = lookSeconds) =>
  ({ done: false, retryAfterSeconds, waitingFor }) as const;

const tagged = (dropletId: number | string) => ({
  resources: [{ resource_id: String(dropletId), resource_type: 'droplet' }],
});
const carriersOf = (owner: Owner): string => `tags/${encodeURIComponent(balancedTag(owner))}/resources`;

/** Only a tag that exists is put on anything; making one that does is no change. */
const makeTag = (client: Client, owner: Owner): Promise<unknown> =>
  client.create('tags', { name: balancedTag(owner) }, z.unknown());

const putBehind = async (client: Client, owner: Owner, dropletId: number): Promise<void> => {
  await makeTag(client, owner);
  await client.create(carriersOf(owner), tagged(dropletId), z.unknown());
};

/** What is being made, or changed, refuses to be changed. */
const isBusy = (error: Refused): boolean => /previous actions/i.test(error.message);

/** Builds or repairs a cluster's load balancer. A right one costs three lists. */
export async function ensureLoadBalancer(
  client: Client,
  spec: LoadBalancerSpec,
): Promise<Progress<LoadBalancer>> {
  const { owner } = spec;
  if (spec.network.parts['vpcId'] === undefined) throw invalid('the network has no VPC');
  const [balancers, ours, carriers] = await Promise.all([
    listBalancers(client),
    listDroplets(client, clusterTag(owner)),
    listDroplets(client, balancedTag(owner)),
  ]);
  const claimed = claimedBalancer(balancers, owner);
  if (claimed !== undefined)
    throw invalid(`load balancer ${claimed.name} (${claimed.id}) carries another owner's tag`);
  const droplets = new Map([...ours, ...carriers].map((droplet) => [droplet.id, droplet]));
  const differences = balancerDifferences(balancers, [...droplets.values()], spec);
  const own = ownBalancer(balancers, spec);
  if (differences.length === 0 && own !== undefined) return finished(own);
  const written = new Set<string>();
  for (const { mend: step } of differences) {
    // One request writes all fields.
    if (step.what === 'write' && written.has(step.balancer.id)) continue;
    if (step.what === 'write') written.add(step.balancer.id);
    try {
      await mend(client, spec, step);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (isBusy(error)) return pending(error.message, provisioningSeconds);
      if (/limit/i.test(error.message))
        throw cloudError('QuotaExceeded', error.code, error.message, { cause: error });
      throw invalid(`load balancer ${balancerName(owner)}: ${error.message}`, error);
    }
  }
  return pending(differences.map(({ subject }) => subject).join(', '));
}

/** A create is never repeated within a call: the next look finds what a lost answer told of, or a second one, which goes. */
async function mend(client: Client, spec: LoadBalancerSpec, step: Mend): Promise<void> {
  const { owner } = spec;
  switch (step.what) {
    case 'make':
      await makeTag(client, owner);
      await client.create('load_balancers', wantedBalancer(spec), z.unknown());
      return;
    case 'write':
      await makeTag(client, owner);
      await client.replace(
        `load_balancers/${step.balancer.id}`,
        wantedBalancer(spec, step.balancer.size_unit),
      );
      return;
    case 'delete':
      await client.remove(`load_balancers/${step.id}`);
      return;
    case 'join':
      await putBehind(client, owner, step.dropletId);
      return;
    case 'leave':
      await client.takeOut(carriersOf(owner), tagged(step.dropletId));
  }
}

function finished({ id, ip, status }: wire.LoadBalancer): Progress<LoadBalancer> {
  if (status !== 'active' || ip === undefined || ip === null || ip === '')
    return pending(`load balancer ${id} to become active: it is ${status}`, provisioningSeconds);
  return { done: true, value: { cloud: 'digitalocean', addresses: [ip], parts: { [balancerPart]: id } } };
}

export async function joinLoadBalancer(
  client: Client,
  { providerId }: Member,
  owner: Owner,
): Promise<Progress<'joined'>> {
  const [droplet, balancers] = await Promise.all([findDroplet(client, providerId), listBalancers(client)]);
  if (droplet !== undefined && !isOwned(owner, droplet.tags))
    throw invalid(`droplet ${droplet.id} (${droplet.name}) does not carry our tags and is left alone`);
  const [own] = markedBalancers(balancers, owner);
  if (
    own !== undefined &&
    droplet?.status === 'active' &&
    droplet.vpc_uuid === own.vpc_uuid &&
    !droplet.tags.includes(balancedTag(owner))
  )
    await putBehind(client, owner, droplet.id);
  return { done: true, value: 'joined' };
}

/** DigitalOcean tells a balancer of its machines' tags a little later: done when the balancer no longer names the machine. */
export async function leaveLoadBalancer(
  client: Client,
  { providerId }: Member,
  owner: Owner,
): Promise<Progress<'left'>> {
  const droplet = await findDroplet(client, providerId);
  if (droplet === undefined) return { done: true, value: 'left' };
  if (droplet.tags.includes(balancedTag(owner))) await client.takeOut(carriersOf(owner), tagged(droplet.id));
  const own = markedBalancers(await listBalancers(client), owner);
  return own.some(({ droplet_ids: ids }) => ids?.includes(droplet.id) === true)
    ? pending(`droplet ${droplet.id} to leave the load balancer`)
    : { done: true, value: 'left' };
}

/** One that carries the owner's tag. Its machines keep theirs, which leads to nothing and goes with the cluster. */
export async function removeBalancer(client: Client, id: string, owner: Owner): Promise<Progress<'gone'>> {
  const balancers = await listBalancers(client);
  const found = balancers.find((balancer) => balancer.id === id);
  if (found === undefined) return { done: true, value: 'gone' };
  if (!markedBalancers(balancers, owner).includes(found))
    throw invalid(`load balancer ${found.name} (${id}) does not carry our tag and is left alone`);
  await client.remove(`load_balancers/${id}`);
  return pending(`load balancer ${found.name} to be gone`);
}
