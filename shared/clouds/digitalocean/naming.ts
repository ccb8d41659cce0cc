import type { Owner } from '../../domain/cloud.ts';
import type { NodeRole } from '../../domain/network.ts';

/*
 * How a cluster's things are known in DigitalOcean. Droplets carry flat tags; VPCs and firewalls carry none, so they are
 * found by a name made of the cluster's UUID, and marked: a VPC by its description (JSON of the owner's two tags), a
 * firewall by the role tag it applies to, which holds the installation and the cluster.
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

export const roles: readonly NodeRole[] = ['control-plane', 'worker'];

export const isOwned = (owner: Owner, tags: readonly string[]): boolean =>
  tags.includes(installationTag(owner)) && tags.includes(clusterTag(owner));

export const nodeIdOf = (tags: readonly string[]): string =>
  tags.find((tag) => tag.startsWith(nodePrefix))?.slice(nodePrefix.length) ?? '';

/** Tags that no other machine has: they go with it, or the account would collect them. */
export const ownTagsOf = (tags: readonly string[]): readonly string[] =>
  tags.filter((tag) => tag.startsWith(nodePrefix) || tag.startsWith(attemptPrefix));

export const vpcName = (owner: Owner): string => `overcast-${owner.clusterId}`;
export const firewallName = (owner: Owner, role: NodeRole): string => `overcast-${owner.clusterId}-${role}`;

/** At most 255 characters fit. */
export const vpcDescription = (owner: Owner): string =>
  JSON.stringify({
    'overcast:installation': owner.installation,
    'overcast:cluster-id': owner.clusterId,
  });
