import type { Owner } from '../../domain/cloud.ts';
import type { ClusterId, NodeId } from '../../domain/ids.ts';
import type { NodeRole } from '../../domain/network.ts';

export type Tags = Readonly<Record<string, string>>;

const installationTag = 'overcast:installation';
const clusterTag = 'overcast:cluster-id';
const nodeTag = 'overcast:node-id';
/** The attempt that made a machine: names repeat over a node's attempts, tokens do not. */
const tokenTag = 'overcast:token';

/** Everything of a cluster sits in this one group, whose deletion takes it all. */
export const groupName = (clusterId: ClusterId): string => `overcast-${clusterId}`;
export const networkName = 'network';
export const subnetName = 'nodes';
export const firewallName = (role: NodeRole): string => `firewall-${role}`;

export const ownerTags = (owner: Owner): Record<string, string> => ({
  [installationTag]: owner.installation,
  [clusterTag]: owner.clusterId,
});

export const nodeTags = (owner: Owner, nodeId: NodeId): Record<string, string> => ({
  ...ownerTags(owner),
  [nodeTag]: nodeId,
});

export const machineTags = (owner: Owner, nodeId: NodeId, token: string): Record<string, string> => ({
  ...nodeTags(owner, nodeId),
  [tokenTag]: token,
});

export const isOwned = (tags: Tags | undefined, owner: Owner): boolean =>
  tags?.[installationTag] === owner.installation && tags[clusterTag] === owner.clusterId;

/** Says that it belongs to somebody else, which the mere loss of tags does not. */
export const isAnothers = (tags: Tags | undefined, owner: Owner): boolean =>
  Object.entries(ownerTags(owner)).some(([key, value]) => (tags?.[key] ?? value) !== value);

export const nodeIdIn = (tags: Tags | undefined): NodeId => tags?.[nodeTag] ?? '';
export const tokenIn = (tags: Tags | undefined): string => tags?.[tokenTag] ?? '';

export const carries = (tags: Tags | undefined, wanted: Tags): boolean =>
  Object.entries(wanted).every(([key, value]) => tags?.[key] === value);

/** Azure spells groups in ids in whatever case it likes; ids are compared without it. */
export const sameId = (a: string | undefined, b: string | undefined): boolean =>
  a !== undefined && b !== undefined && a.toLowerCase() === b.toLowerCase();

export const groupIn = (id: string | undefined): string =>
  /\/resourcegroups\/([^/]+)/i.exec(id ?? '')?.[1]?.toLowerCase() ?? '';

export const nameIn = (id: string | undefined): string => id?.slice(id.lastIndexOf('/') + 1) ?? '';
