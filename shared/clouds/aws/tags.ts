import type { Filter, ResourceType, Tag, TagSpecification } from '@aws-sdk/client-ec2';
import type { Owner } from '../../domain/cloud.ts';

export const tagKeys = {
  installation: 'overcast:installation',
  cluster: 'overcast:cluster-id',
  node: 'overcast:node-id',
  /** What the EC2 console shows as a resource's name. */
  name: 'Name',
} as const;

/** Source: EC2 API Reference, Filter: up to 200 values per filter. */
export const filterValuesMax = 200;

export const tag = (tags: readonly Tag[] | undefined, key: string): string =>
  tags?.find((candidate) => candidate.Key === key)?.Value ?? '';

export const isOwnedBy = (tags: readonly Tag[] | undefined, owner: Owner): boolean =>
  tag(tags, tagKeys.installation) === owner.installation && tag(tags, tagKeys.cluster) === owner.clusterId;

/** Tags in the create call itself: there is no moment in which the resource exists without them. */
export const tagging = (
  types: readonly ResourceType[],
  owner: Owner,
  more: { readonly name: string; readonly nodeId?: string },
): TagSpecification[] =>
  types.map((type) => ({
    ResourceType: type,
    Tags: [
      { Key: tagKeys.name, Value: more.name },
      { Key: tagKeys.installation, Value: owner.installation },
      { Key: tagKeys.cluster, Value: owner.clusterId },
      ...(more.nodeId === undefined ? [] : [{ Key: tagKeys.node, Value: more.nodeId }]),
    ],
  }));

/** Finds what carries both tags of one owner, and of one node when it is given. */
export const filtersFor = (owner: Owner, nodeId?: string): Filter[] => [
  { Name: `tag:${tagKeys.installation}`, Values: [owner.installation] },
  { Name: `tag:${tagKeys.cluster}`, Values: [owner.clusterId] },
  ...(nodeId === undefined ? [] : [{ Name: `tag:${tagKeys.node}`, Values: [nodeId] }]),
];

export function chunks<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < all.length; start += size) parts.push(all.slice(start, start + size));
  return parts;
}

/** Finds what may belong to any of many owners; the pairs of the two tags must still be compared. */
export const filtersForMany = (owners: readonly Owner[]): Filter[][] => {
  const installations = [...new Set(owners.map((owner) => owner.installation))];
  const clusters = [...new Set(owners.map((owner) => owner.clusterId))];
  return chunks(clusters, filterValuesMax).map((values) => [
    { Name: `tag:${tagKeys.installation}`, Values: installations },
    { Name: `tag:${tagKeys.cluster}`, Values: values },
  ]);
};
