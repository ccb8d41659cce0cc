import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { Machine, MachineRef, MachineRequest, MachineState, Progress } from '../contract.ts';
import { isCloudError } from '../errors.ts';
import { cloudError, invalid, Refused, type Client } from './client.ts';
import {
  attemptTag,
  clusterTag,
  installationTag,
  isOwned,
  nodeIdOf,
  nodeTag,
  ownTagsOf,
  roleTag,
} from './naming.ts';
import * as wire from './wire.ts';

const image = 'ubuntu-24-04-x64';
const bootLookSeconds = 5;
const deleteLookSeconds = 3;

const oneDroplet = z.object({ droplet: wire.droplet });

const states: Record<wire.Droplet['status'], MachineState> = {
  new: 'pending',
  active: 'running',
  off: 'stopped',
  archive: 'stopped',
};

export const listDroplets = (client: Client, tag?: string): Promise<readonly wire.Droplet[]> =>
  client.list('droplets', 'droplets', wire.droplet, tag === undefined ? {} : { tag_name: tag });

export const findDroplet = async (client: Client, id: string): Promise<wire.Droplet | undefined> =>
  (await client.find(`droplets/${encodeURIComponent(id)}`, oneDroplet))?.droplet;

const addressOf = (droplet: wire.Droplet, type: 'public' | 'private'): string =>
  droplet.networks.v4?.find((address) => address.type === type)?.ip_address ?? '';

/** @param nodeId where it is known better than its tags tell. */
export const machineOf = (droplet: wire.Droplet, nodeId = nodeIdOf(droplet.tags)): Machine => ({
  providerId: String(droplet.id),
  name: droplet.name,
  nodeId,
  state: states[droplet.status],
  instanceType: droplet.size_slug,
  lifecycle: 'on-demand',
  zone: '',
  publicAddress: addressOf(droplet, 'public'),
  privateAddress: addressOf(droplet, 'private'),
  createdAt: new Date(droplet.created_at).toISOString(),
});

/** DigitalOcean says both "none left" and "not for you" as 422 with a sentence. */
const refusalOf = (error: Refused): Error => {
  if (/droplet limit|limit (?:has been )?(?:reached|exceeded)/i.test(error.message))
    return cloudError('QuotaExceeded', error.code, error.message, { cause: error });
  if (/not available|unavailable|capacity|sold out/i.test(error.message))
    return cloudError('CapacityUnavailable', error.code, error.message, { cause: error });
  return invalid(error.message, error);
};

/** This attempt's machines that are ours, oldest first: ids only grow. */
const ofAttempt = async (client: Client, request: MachineRequest): Promise<readonly wire.Droplet[]> =>
  [...(await listDroplets(client, attemptTag(request.token)))]
    .filter((droplet) => isOwned(request.owner, droplet.tags))
    .sort((a, b) => a.id - b.id);

/** The answer may be lost while the droplet was made, so nothing is concluded from it but a plain refusal. */
async function send(client: Client, request: MachineRequest): Promise<wire.Droplet | undefined> {
  const { owner, offering, network } = request;
  try {
    const made = await client.create(
      'droplets',
      {
        name: request.name,
        region: offering.region,
        size: offering.instanceType,
        image,
        vpc_uuid: network.parts['vpcId'],
        tags: [
          installationTag(owner),
          clusterTag(owner),
          roleTag(owner, request.role),
          nodeTag(request.nodeId),
          attemptTag(request.token),
        ],
        user_data: request.userData,
      },
      oneDroplet,
    );
    return made.droplet;
  } catch (error) {
    if (error instanceof Refused) throw refusalOf(error);
    if (!isCloudError(error, 'CloudUnavailable')) throw error;
    if ((await ofAttempt(client, request)).length === 0) throw error;
    return undefined;
  }
}

/**
 * DigitalOcean has no client token, so: look for this attempt's tag, create, look again; the lowest id stays and the
 * others are deleted. The disk's size is the droplet size's own: `diskGib` cannot be asked for.
 */
export async function createMachine(client: Client, request: MachineRequest): Promise<Progress<Machine>> {
  if (request.offering.lifecycle !== 'on-demand') throw invalid('DigitalOcean has no spot machines');
  if (request.network.parts['vpcId'] === undefined) throw invalid('the network has no VPC');
  let found = await ofAttempt(client, request);
  if (found.length === 0) {
    const made = await send(client, request);
    found = await ofAttempt(client, request);
    // Lists may lag behind the answer.
    if (made !== undefined && !found.some(({ id }) => id === made.id))
      found = [...found, made].sort((a, b) => a.id - b.id);
  }
  const [kept, ...surplus] = found;
  for (const droplet of surplus) await destroy(client, droplet.id);
  const waitingFor = `droplet ${kept?.id ?? request.name} to become active`;
  if (kept === undefined) return { done: false, retryAfterSeconds: bootLookSeconds, waitingFor };
  const machine = machineOf(kept);
  return machine.state === 'running' && machine.publicAddress !== '' && machine.privateAddress !== ''
    ? { done: true, value: machine }
    : { done: false, retryAfterSeconds: bootLookSeconds, waitingFor };
}

/** A droplet that is already being destroyed refuses to be destroyed again: that is no failure. */
export async function destroy(client: Client, id: number): Promise<void> {
  try {
    await client.remove(`droplets/${id}`);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (!/pending event|locked/i.test(error.message)) throw invalid(error.message, error);
  }
}

export const removeTags = async (client: Client, tags: readonly string[]): Promise<void> => {
  for (const tag of tags) await client.remove(`tags/${encodeURIComponent(tag)}`);
};

/** Those of a dying droplet that no other carries: deleting a tag takes it off every machine. */
export async function removeUnusedTags(
  client: Client,
  droplet: wire.Droplet,
  isKept: (tag: string) => boolean = () => false,
): Promise<void> {
  for (const tag of ownTagsOf(droplet.tags).filter((each) => !isKept(each))) {
    const carriers = await listDroplets(client, tag);
    if (carriers.every(({ id }) => id === droplet.id)) await removeTags(client, [tag]);
  }
}

export async function deleteMachine(
  client: Client,
  ref: MachineRef,
  owner: Owner,
): Promise<Progress<'gone'>> {
  const known = ref.providerId === undefined ? undefined : await findDroplet(client, ref.providerId);
  const droplets =
    ref.providerId === undefined
      ? await listDroplets(client, nodeTag(ref.nodeId))
      : known === undefined
        ? []
        : [known];
  const stranger = droplets.find((droplet) => !isOwned(owner, droplet.tags));
  if (stranger !== undefined)
    throw invalid(`droplet ${stranger.id} (${stranger.name}) does not carry our tags and is left alone`);
  if (droplets.length === 0) {
    // A newer attempt's machine may already carry the node's tag: then the tag is in use and stays.
    if ((await listDroplets(client, nodeTag(ref.nodeId))).length === 0)
      await removeTags(client, [nodeTag(ref.nodeId)]);
    return { done: true, value: 'gone' };
  }
  for (const droplet of droplets) {
    await destroy(client, droplet.id);
    await removeUnusedTags(client, droplet, (tag) => tag === nodeTag(ref.nodeId));
  }
  return {
    done: false,
    retryAfterSeconds: deleteLookSeconds,
    waitingFor: `droplet ${droplets.map(({ id }) => id).join(', ')} to be gone`,
  };
}
