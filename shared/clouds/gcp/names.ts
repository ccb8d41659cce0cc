import type { Owner } from '../../domain/cloud.ts';
import type { NodeRole } from '../../domain/network.ts';
import { refusal } from './failures.ts';

/**
 * Names and marks. Machines and disks carry labels. Networks, subnets, firewalls and routes have none in Google Cloud:
 * their names derive from the cluster's UUID and their description is a JSON object with the same keys as the labels, which is
 * what makes them ours; the name alone never does.
 */
export const labelKeys = {
  installation: 'overcast-installation',
  clusterId: 'overcast-cluster-id',
  nodeId: 'overcast-node-id',
  /** The create request's token: tells a node's next attempt from this one, since both have the same name. */
  request: 'overcast-request',
} as const;

export const namePrefix = 'overcast-';
export const baseName = (clusterId: string): string => `${namePrefix}${clusterId}`;

/** Network tags that firewalls aim at. They need no cluster's name: a firewall belongs to one network. */
export const roleTags: Readonly<Record<NodeRole, string>> = {
  'control-plane': 'overcast-control-plane',
  worker: 'overcast-worker',
};

export type Labels = Readonly<Record<string, string>>;

const labelValue = /^[a-z0-9_-]{1,63}$/;

export function ownerLabels(owner: Owner): Labels {
  for (const value of [owner.installation, owner.clusterId])
    if (!labelValue.test(value)) throw refusal('invalidLabel', `'${value}' cannot be a label's value`);
  return { [labelKeys.installation]: owner.installation, [labelKeys.clusterId]: owner.clusterId };
}

export const isOwnedBy = (labels: Labels | null | undefined, owner: Owner): boolean =>
  labels?.[labelKeys.installation] === owner.installation && labels[labelKeys.clusterId] === owner.clusterId;

/** A description that carries the owner's marks, and something for people. */
export const markedDescription = (owner: Owner, purpose: string): string =>
  JSON.stringify({ ...ownerLabels(owner), purpose });

export function marksOf(description: string | null | undefined): Labels {
  if (description?.startsWith('{') !== true) return {};
  try {
    return JSON.parse(description) as Labels;
  } catch {
    return {};
  }
}

export const isMarkedBy = (resource: { description?: string | null }, owner: Owner): boolean =>
  isOwnedBy(marksOf(resource.description), owner);
