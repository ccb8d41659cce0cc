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

/** Whether one of the two tags names another owner. What carries neither is nobody's, or somebody took its tags away. */
export const isOfAnother = (tags: readonly Tag[] | undefined, owner: Owner): boolean =>
  !['', owner.installation].includes(tag(tags, tagKeys.installation)) ||
  !['', owner.clusterId].includes(tag(tags, tagKeys.cluster));

interface Named {
  readonly name: string;
  readonly nodeId?: string;
}

export const tagsFor = (owner: Owner, { name, nodeId }: Named): Tag[] => [
  { Key: tagKeys.name, Value: name },
  { Key: tagKeys.installation, Value: owner.installation },
  { Key: tagKeys.cluster, Value: owner.clusterId },
  ...(nodeId === undefined ? [] : [{ Key: tagKeys.node, Value: nodeId }]),
];

/** Which of its tags a resource has lost. A name that somebody changed is theirs to choose; one that is gone is not. */
export const lostTags = (tags: readonly Tag[] | undefined, wanted: readonly Tag[]): Tag[] =>
  wanted.filter(({ Key = '', Value = '' }) => {
    const seen = tag(tags, Key);
    return Key === tagKeys.name ? seen === '' && Value !== '' : seen !== Value;
  });

/** Tags in the create call itself: there is no moment in which the resource exists without them. */
export const tagging = (types: readonly ResourceType[], owner: Owner, more: Named): TagSpecification[] =>
  types.map((type) => ({ ResourceType: type, Tags: tagsFor(owner, more) }));

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
