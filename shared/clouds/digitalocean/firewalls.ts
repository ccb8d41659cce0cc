import * as z from 'zod/mini';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec, NodeRole } from '../../domain/network.ts';
import { invalid, Refused, type Client } from './client.ts';
import type { Difference } from './difference.ts';
import { firewallDifferences, wantedFirewall } from './firewall-rules.ts';
import { firewallName, isMachinesOwnTag, isOthersTag, namesOwner, roles, roleTag } from './naming.ts';
import * as wire from './wire.ts';

export const listFirewalls = (client: Client): Promise<readonly wire.Firewall[]> =>
  client.list('firewalls', 'firewalls', wire.firewall);

/** `Network.parts` of each role's firewall. */
export const partOf = { 'control-plane': 'firewallControlPlane', worker: 'firewallWorker' } as const;

/**
 * By its name, or by the id under which it was recorded when people renamed it. One whose tags somebody emptied is still ours
 * to repair; one that serves somebody else's tag and not ours is not.
 */
export function ownFirewall(
  firewalls: readonly wire.Firewall[],
  owner: Owner,
  role: NodeRole,
  known: NetworkSpec['known'] = {},
): wire.Firewall | undefined {
  const possible = firewalls.filter(({ tags }) => {
    const told = tags ?? [];
    return told.includes(roleTag(owner, role)) || !told.some((tag) => isOthersTag(owner, tag));
  });
  return (
    possible.find(({ name }) => name === firewallName(owner, role)) ??
    possible.find(({ id }) => id === known[partOf[role]])
  );
}

const isClaimed = (firewalls: readonly wire.Firewall[], owner: Owner, role: NodeRole): boolean =>
  firewalls.some(({ name }) => name === firewallName(owner, role));

/** What `ensureFirewall` would do. */
export function roleDifferences(
  firewalls: readonly wire.Firewall[],
  spec: NetworkSpec,
  at: { readonly role: NodeRole; readonly range: string },
): readonly Difference[] {
  const { owner } = spec;
  const own = ownFirewall(firewalls, owner, at.role, spec.known);
  if (own === undefined && isClaimed(firewalls, owner, at.role))
    return [
      {
        subject: `firewall:${at.role}:claimed`,
        message: `a firewall named ${firewallName(owner, at.role)} exists and serves another owner's machines`,
      },
    ];
  return firewallDifferences(own, wantedFirewall(spec, at.role, at.range), { owner, role: at.role });
}

export async function ensureFirewall(
  client: Client,
  firewalls: readonly wire.Firewall[],
  spec: NetworkSpec,
  at: { readonly role: NodeRole; readonly range: string },
): Promise<string> {
  const { owner, known } = spec;
  const { role } = at;
  const own = ownFirewall(firewalls, owner, role, known);
  const [difference] = roleDifferences(firewalls, spec, at);
  if (own === undefined && difference?.subject.endsWith(':claimed') === true)
    throw invalid(difference.message);
  if (own !== undefined && difference === undefined) return own.id;
  const wanted = wantedFirewall(spec, role, at.range);
  // A firewall takes only tags that exist; making one that does is no change.
  await client.create('tags', { name: roleTag(owner, role) }, z.unknown());
  try {
    if (own !== undefined) {
      await client.replace(`firewalls/${own.id}`, wanted);
      return own.id;
    }
    const made = await client.create('firewalls', wanted, z.object({ firewall: wire.firewall }));
    return made.firewall.id;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    // A concurrent call made it, or took it away: it is found, or made, by the next look.
    const now = ownFirewall(await listFirewalls(client), owner, role, known);
    if (error.status === 409 && now !== undefined) return now.id;
    throw invalid(`firewall ${wanted.name}: ${error.message}`, error);
  }
}

/** Somebody's firewall that lets something into our machines: DigitalOcean lets pass what any of a machine's firewalls does. */
export interface Opening {
  readonly firewall: wire.Firewall;
  /** Ours, which it applies to. */
  readonly tags: readonly string[];
  readonly dropletIds: readonly number[];
}

const opensSomething = ({ inbound_rules: rules }: wire.Firewall): boolean => (rules ?? []).length > 0;

/** Every firewall that opens something and is neither role's of this owner. */
export function othersFirewalls(
  firewalls: readonly wire.Firewall[],
  owner: Owner,
  known: NetworkSpec['known'],
): readonly wire.Firewall[] {
  const own = new Set(roles.map((role) => ownFirewall(firewalls, owner, role, known)?.id));
  return firewalls.filter((firewall) => !own.has(firewall.id) && opensSomething(firewall));
}

/** Whether it takes our machines' list to tell if one of these applies to them. */
export const needsDroplets = (others: readonly wire.Firewall[]): boolean =>
  others.some(({ tags, droplet_ids: ids }) => (ids ?? []).length > 0 || (tags ?? []).some(isMachinesOwnTag));

/** @param droplets those that carry both of the owner's tags. */
export function openingsOf(
  others: readonly wire.Firewall[],
  owner: Owner,
  droplets: readonly wire.Droplet[],
): readonly Opening[] {
  const ids = new Set(droplets.map(({ id }) => id));
  const machinesTags = new Set(droplets.flatMap(({ tags }) => tags.filter(isMachinesOwnTag)));
  return others
    .map((firewall) => ({
      firewall,
      tags: (firewall.tags ?? []).filter((tag) => namesOwner(owner, tag) || machinesTags.has(tag)),
      dropletIds: (firewall.droplet_ids ?? []).filter((id) => ids.has(id)),
    }))
    .filter(({ tags, dropletIds }) => tags.length + dropletIds.length > 0);
}

export const openingDifferences = (openings: readonly Opening[]): readonly Difference[] =>
  openings.flatMap(({ firewall: { id, name }, tags, dropletIds }) => [
    ...tags.map((tag) => ({
      subject: `firewall:${id}:opens-tag:${tag}`,
      message: `firewall ${name} was made to hold for machines with our tag ${tag}, and opens them`,
    })),
    ...dropletIds.map((dropletId) => ({
      subject: `firewall:${id}:opens-droplet:${dropletId}`,
      message: `firewall ${name} was made to hold for droplet ${dropletId}, and opens it`,
    })),
  ]);

/** Takes what is ours out of it. The firewall itself, and whatever else it holds for, is somebody's. */
export async function close(client: Client, { firewall, tags, dropletIds }: Opening): Promise<void> {
  if (tags.length > 0) await client.takeOut(`firewalls/${firewall.id}/tags`, { tags });
  if (dropletIds.length > 0)
    await client.takeOut(`firewalls/${firewall.id}/droplets`, { droplet_ids: dropletIds });
}
