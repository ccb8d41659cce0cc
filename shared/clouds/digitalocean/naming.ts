import type { Owner } from '../../domain/cloud.ts';
import type { NodeRole } from '../../domain/network.ts';

/*
 * How a cluster's things are known in DigitalOcean. Droplets carry flat tags; VPCs and firewalls carry none, so they are
 * found by a name made of the cluster's UUID, and marked: a VPC by its description (JSON of the owner's two tags), a
 * firewall by the role tag it applies to, which holds the installation and the cluster, and a load balancer likewise by the
 * tag of the machines that are behind it.
 */

export const installationTag = (owner: Owner): string => `overcast:installation:${owner.installation}`;
export const clusterTag = (owner: Owner): string => `overcast:cluster-id:${owner.clusterId}`;

const nodePrefix = 'overcast:node-id:';
export const nodeTag = (nodeId: string): string => `${nodePrefix}${nodeId}`;

/** An attempt's own tag: a machine of an older attempt of the same node is another machine. */
const attemptPrefix = 'overcast:attempt:';
export const attemptTag = (token: string): string => `${attemptPrefix}${token}`;

/** What a firewall applies to, and what one call deletes: it names both owner's marks, so it cannot hit a stranger. */
export const roleTag = (owner: Owner, role: NodeRole): string =>
  `overcast:${role}:${owner.installation}:${owner.clusterId}`;

const balancedPrefix = 'overcast:balanced:';
/** Of the machines behind the owner's load balancer. */
export const balancedTag = (owner: Owner): string =>
  `${balancedPrefix}${owner.installation}:${owner.clusterId}`;

export const isOthersBalancedTag = (owner: Owner, tag: string): boolean =>
  tag.startsWith(balancedPrefix) && tag !== balancedTag(owner);

export const roles: readonly NodeRole[] = ['control-plane', 'worker'];

const roleTagPattern = /^overcast:(?:control-plane|worker):/;

/** What only one role's machines, or one machine, may carry. */
export const isRoleOrNodeTag = (tag: string): boolean =>
  roleTagPattern.test(tag) || tag.startsWith(nodePrefix);

const isOthersRoleTag = (owner: Owner, tag: string): boolean =>
  roleTagPattern.test(tag) && !roles.some((role) => tag === roleTag(owner, role));

/** Names another installation or another cluster. */
export const isOthersTag = (owner: Owner, tag: string): boolean =>
  isOthersRoleTag(owner, tag) ||
  (tag.startsWith('overcast:installation:') && tag !== installationTag(owner)) ||
  (tag.startsWith('overcast:cluster-id:') && tag !== clusterTag(owner));

/**
 * A machine that says by any of its marks that it is somebody else's. A role's tag alone, on a machine that carries both of
 * the owner's, says no more than that somebody put it there.
 */
export const isOthersMachine = (owner: Owner, tags: readonly string[]): boolean =>
  tags.some((tag) => isOthersTag(owner, tag) && !(isOthersRoleTag(owner, tag) && isOwned(owner, tags)));

/** Tags that name the owner: whoever lets a firewall apply to them opens the owner's machines. */
export const namesOwner = (owner: Owner, tag: string): boolean =>
  tag === installationTag(owner) ||
  tag === clusterTag(owner) ||
  tag === balancedTag(owner) ||
  roles.some((role) => tag === roleTag(owner, role));

export const isOwned = (owner: Owner, tags: readonly string[]): boolean =>
  tags.includes(installationTag(owner)) && tags.includes(clusterTag(owner));

export const nodeIdOf = (tags: readonly string[]): string =>
  tags.find((tag) => tag.startsWith(nodePrefix))?.slice(nodePrefix.length) ?? '';

/** Tags that no other machine has: they go with it, or the account would collect them. */
export const ownTagsOf = (tags: readonly string[]): readonly string[] => tags.filter(isMachinesOwnTag);

export const isMachinesOwnTag = (tag: string): boolean =>
  tag.startsWith(nodePrefix) || tag.startsWith(attemptPrefix);

export const vpcName = (owner: Owner): string => `overcast-${owner.clusterId}`;
export const balancerName = (owner: Owner): string => `overcast-${owner.clusterId}`;
export const firewallName = (owner: Owner, role: NodeRole): string => `overcast-${owner.clusterId}-${role}`;

/** At most 255 characters fit. */
export const vpcDescription = (owner: Owner): string =>
  JSON.stringify({
    'overcast:installation': owner.installation,
    'overcast:cluster-id': owner.clusterId,
  });
