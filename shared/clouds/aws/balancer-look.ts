import {
  DescribeListenersCommand,
  DescribeTagsCommand,
  DescribeTargetHealthCommand,
  paginateDescribeLoadBalancers,
  paginateDescribeTargetGroups,
  type ElasticLoadBalancingV2Client,
  type Listener,
  type LoadBalancer,
  type Tag,
  type TargetGroup,
} from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Owner } from '../../domain/cloud.ts';
import { balancerName, isTargetGroupOf } from './balancer-names.ts';
import { codeOf, tolerating } from './errors.ts';
import { everyPage } from './look.ts';
import { chunks, isOwnedBy } from './tags.ts';

/** With the tags that are had by another call. */
export type Tagged<T> = T & { readonly Tags: Tag[] };

/** Whatever has the name of a cluster's balancer or of its target groups, whosever it is. */
export interface Balancers {
  readonly loadBalancers: readonly Tagged<LoadBalancer>[];
  readonly targetGroups: readonly Tagged<TargetGroup>[];
}

/** What only a balancer's own lists tell of it. */
export interface BalancerDetails {
  readonly listeners: readonly Listener[];
  /** Instances that take new connections, by target group. */
  readonly targets: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Source: Elastic Load Balancing API Reference, PageSize; DescribeTags, ResourceArns. */
const pageSize = 400;
const taggedMax = 20;

/** It went between two calls: the next look tells. */
export const gone = /NotFound(Exception)?$/;

/** Two lists of the whole region, whose entries cannot be asked for by tag, and the tags of those that are ours by name. */
export async function lookAtBalancers(
  client: ElasticLoadBalancingV2Client,
  owners: readonly Owner[],
): Promise<Balancers> {
  if (owners.length === 0) return { loadBalancers: [], targetGroups: [] };
  const [all, groups] = await Promise.all([
    everyPage(paginateDescribeLoadBalancers({ client, pageSize }, {}), (page) => page.LoadBalancers),
    everyPage(paginateDescribeTargetGroups({ client, pageSize }, {}), (page) => page.TargetGroups),
  ]);
  const names = new Set(owners.map(balancerName));
  const loadBalancers = all.filter(({ LoadBalancerName = '' }) => names.has(LoadBalancerName));
  const targetGroups = groups.filter(({ TargetGroupName }) =>
    owners.some((owner) => isTargetGroupOf(TargetGroupName, owner)),
  );
  const tags = await tagsOf(client, [
    ...loadBalancers.flatMap(({ LoadBalancerArn }) => LoadBalancerArn ?? []),
    ...targetGroups.flatMap(({ TargetGroupArn }) => TargetGroupArn ?? []),
  ]);
  return {
    loadBalancers: loadBalancers.flatMap((one) => withTags(one, one.LoadBalancerArn, tags)),
    targetGroups: targetGroups.flatMap((one) => withTags(one, one.TargetGroupArn, tags)),
  };
}

/** What went between the list and its tags is not there. */
const withTags = <T>(
  one: T,
  arn: string | undefined,
  tags: ReadonlyMap<string, Tag[]>,
): readonly Tagged<T>[] => {
  const Tags = tags.get(arn ?? '');
  return Tags === undefined ? [] : [{ ...one, Tags }];
};

async function tagsOf(
  client: ElasticLoadBalancingV2Client,
  arns: readonly string[],
): Promise<ReadonlyMap<string, Tag[]>> {
  const ask = async (ResourceArns: string[]): Promise<readonly (readonly [string, Tag[]])[]> => {
    try {
      const { TagDescriptions = [] } = await client.send(new DescribeTagsCommand({ ResourceArns }));
      return TagDescriptions.map(({ ResourceArn = '', Tags = [] }) => [ResourceArn, Tags] as const);
    } catch (error) {
      if (!gone.test(codeOf(error))) throw error;
      // One that is gone spoils the answer for all.
      if (ResourceArns.length === 1) return [];
      return (await Promise.all(ResourceArns.map((arn) => ask([arn])))).flat();
    }
  };
  return new Map((await Promise.all(chunks(arns, taggedMax).map(ask))).flat());
}

/** The cluster's own among those of its names. */
export const balancersOf = (seen: Balancers, owner: Owner): Balancers => ({
  loadBalancers: seen.loadBalancers.filter(
    ({ LoadBalancerName }) => LoadBalancerName === balancerName(owner),
  ),
  targetGroups: seen.targetGroups.filter(({ TargetGroupName }) => isTargetGroupOf(TargetGroupName, owner)),
});

export const ownedBalancers = (seen: Balancers, owner: Owner): Balancers => {
  const named = balancersOf(seen, owner);
  return {
    loadBalancers: named.loadBalancers.filter(({ Tags }) => isOwnedBy(Tags, owner)),
    targetGroups: named.targetGroups.filter(({ Tags }) => isOwnedBy(Tags, owner)),
  };
};

/** One call for a balancer and one for each of its target groups: they are told of one at a time. */
export async function detailsOf(
  client: ElasticLoadBalancingV2Client,
  { loadBalancers: [balancer], targetGroups }: Balancers,
): Promise<BalancerDetails> {
  const listeners: Listener[] = [];
  const targets = new Map<string, ReadonlySet<string>>();
  await Promise.all([
    tolerating(gone, async () => {
      const { LoadBalancerArn } = balancer ?? {};
      if (LoadBalancerArn === undefined) return;
      const { Listeners = [] } = await client.send(new DescribeListenersCommand({ LoadBalancerArn }));
      listeners.push(...Listeners);
    }),
    ...targetGroups.map(({ TargetGroupArn = '' }) =>
      tolerating(gone, async () => {
        const { TargetHealthDescriptions = [] } = await client.send(
          new DescribeTargetHealthCommand({ TargetGroupArn }),
        );
        const taking = TargetHealthDescriptions.filter(
          ({ TargetHealth }) => TargetHealth?.State !== 'draining',
        );
        targets.set(TargetGroupArn, new Set(taking.flatMap(({ Target }) => Target?.Id ?? [])));
      }),
    ),
  ]);
  return { listeners, targets };
}
