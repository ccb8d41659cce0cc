import type { Owner } from '../../domain/cloud.ts';
import type { Progress, Stranger } from '../contract.ts';
import { invalid, Refused, type Client } from './client.ts';
import { destroy, listDroplets, removeTags } from './machines.ts';
import { listBalancers, markedBalancers } from './load-balancers.ts';
import { balancedTag, clusterTag, isOwned, ownTagsOf, roles, roleTag } from './naming.ts';
import { listFirewalls, ownFirewall } from './firewalls.ts';
import { strangersIn } from './observe.ts';
import { cedeDefault, listVpcs, ownVpc } from './vpc.ts';
import type * as wire from './wire.ts';

const lookSeconds = 3;

const notYet = (
  waitingFor: string,
  strangers: readonly Stranger[] = [],
): Extract<Progress<never>, { done: false }> => ({
  done: false,
  retryAfterSeconds: lookSeconds,
  waitingFor,
  ...(strangers.length === 0 ? {} : { blockedBy: strangers }),
});

/**
 * All droplets of a role in one call, by the tag that names installation and cluster, if nothing but ours carries it:
 * people put it on machines of their own to borrow the firewall. Else, and where the tag was lost, one by one. Then the
 * tags that were only theirs.
 */
async function destroyAll(client: Client, owner: Owner, droplets: readonly wire.Droplet[]): Promise<void> {
  const ids = new Set(droplets.map(({ id }) => id));
  const isOursAlone = async (tag: string): Promise<boolean> => {
    const carriers = await listDroplets(client, tag);
    return carriers.length > 0 && carriers.every(({ id }) => ids.has(id));
  };
  const tags: string[] = [];
  for (const role of roles) if (await isOursAlone(roleTag(owner, role))) tags.push(roleTag(owner, role));
  await Promise.all(tags.map((tag) => client.remove('droplets', { tag_name: tag })));
  for (const droplet of droplets)
    if (!tags.some((tag) => droplet.tags.includes(tag))) await destroy(client, droplet.id);
  for (const droplet of droplets) await removeTags(client, ownTagsOf(droplet.tags));
}

/**
 * Droplets and load balancers first, all at once; firewalls only when the last is gone, because a droplet without one is open to the
 * world; the VPC last, after one more look for strangers.
 */
export async function collapse(client: Client, owner: Owner): Promise<Progress<'nothing left'>> {
  const [vpcs, tagged, firewalls, balancers] = await Promise.all([
    listVpcs(client),
    listDroplets(client, clusterTag(owner)),
    listFirewalls(client),
    listBalancers(client),
  ]);
  const fronts = markedBalancers(balancers, owner);
  const vpc = ownVpc(vpcs, owner);
  const droplets = tagged.filter((droplet) => isOwned(owner, droplet.tags));
  const walls = roles
    .map((role) => ownFirewall(firewalls, owner, role))
    .filter((firewall) => firewall !== undefined);

  if (droplets.length + fronts.length > 0) {
    await Promise.all([
      destroyAll(client, owner, droplets),
      ...fronts.map(({ id }) => client.remove(`load_balancers/${id}`)),
    ]);
    return notYet(`${droplets.length} droplets and ${fronts.length} load balancers to be gone`);
  }
  if (vpc === undefined && walls.length === 0) {
    // Somebody else's machine may carry a tag of ours: it is not ours to take off.
    for (const tag of [balancedTag(owner), ...roles.map((role) => roleTag(owner, role))])
      if ((await listDroplets(client, tag)).length === 0) await removeTags(client, [tag]);
    if (tagged.length === 0) await removeTags(client, [clusterTag(owner)]);
    return { done: true, value: 'nothing left' };
  }
  const strangers = vpc === undefined ? [] : await strangersIn(client, vpc, owner, { droplets, balancers });
  if (strangers.length > 0) return notYet(`strangers to leave VPC ${vpc?.name ?? ''}`, strangers);
  await Promise.all(walls.map((firewall) => client.remove(`firewalls/${firewall.id}`)));
  if (vpc !== undefined) {
    if (vpc.default === true) await cedeDefault(client, vpcs, vpc);
    try {
      await client.remove(`vpcs/${vpc.id}`);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      // The description says 403, the API says 409; droplets that are gone stay members for some seconds.
      if (!/members/i.test(error.message)) throw invalid(error.message, error);
      return notYet(`the last members to leave VPC ${vpc.name}`);
    }
  }
  return notYet('a last look');
}
