import { cloudNames } from '../domain/cloud.ts';
import type { ClusterCloud } from '../domain/cluster.ts';
import { plusSeconds, type Instant } from '../domain/ids.ts';
import { attemptsMaxOf, type Node } from '../domain/node.ts';
import { isSameOffering, type Lifecycle, type Market, type Offering } from '../domain/offering.ts';
import { isCoolingOff, suitableOfferings, type Wanted } from './choose-offering.ts';

export interface NextOffering {
  readonly offering: Offering;
  readonly accountId: string;
}

/** How long an offering is left alone after it failed a node; a quota takes people to change. */
const coolOffSeconds: Readonly<Record<string, number>> = {
  CapacityUnavailable: 15 * 60,
  // A cloud that takes machines back is short of them.
  Interrupted: 15 * 60,
  QuotaExceeded: 60 * 60,
};
const coolOffSecondsOtherwise = 5 * 60;

/** Until when an offering cools off. `error` is the cloud error's name, or whatever else ended the attempt. */
export const coolOffUntil = (options: { error: string; now: Instant }): Instant =>
  plusSeconds(options.now, coolOffSeconds[options.error] ?? coolOffSecondsOtherwise);

/** What a node may be made from in the end: what is tried differs by what it was asked for by. */
interface Sought {
  readonly node: Pick<Node, 'role' | 'shape' | 'offering' | 'cloud' | 'boughtFor'>;
  readonly clouds: readonly ClusterCloud[];
  /** Of all these clouds. */
  readonly market: Market;
}

/**
 * Everything else that would do for a node and is not cooling off, in the order in which it is tried: another type of the
 * same cloud and lifecycle, then on-demand instead of spot, then (workers asked for by shape only) another cloud, each by
 * price.
 */
export function otherOfferings({ node, clouds, market }: Sought): readonly Offering[] {
  const lifecycles: readonly Lifecycle[] =
    node.offering.lifecycle === 'spot' ? ['spot', 'on-demand'] : ['on-demand'];
  const mayMove = node.role === 'worker' && node.shape !== undefined;
  const others = cloudNames.filter(
    (name) => mayMove && name !== node.cloud && clouds.some(({ cloud }) => cloud === name),
  );
  const suitable = (cloud: Node['cloud'], lifecycle: Lifecycle): readonly Offering[] =>
    suitableOfferings({
      cloud,
      offerings: market.offerings,
      wanted: {
        role: node.role,
        lifecycle,
        ...wantedFor(node),
      },
    }).filter(
      (offering) => !isCoolingOff(offering, market.coolOffs) && !isSameOffering(offering, node.offering),
    );
  return [
    ...lifecycles.flatMap((lifecycle) => suitable(node.cloud, lifecycle)),
    ...lifecycles.flatMap((lifecycle) =>
      others.flatMap((cloud) => suitable(cloud, lifecycle)).toSorted((a, b) => a.usdPerHour - b.usdPerHour),
    ),
  ];
}

/** A policy means no type: any of the size would have done, had it been cheaper. */
const wantedFor = ({
  shape,
  offering,
  boughtFor,
}: Sought['node']): Pick<Wanted, 'shape' | 'like' | 'instanceType'> => {
  if (shape !== undefined) return { shape };
  return boughtFor === undefined ? { instanceType: offering.instanceType } : { like: offering };
};

/**
 * What to try after a failed attempt: the first of the other offerings. When everything that would do is cooling off, the
 * same offering once more: the machine may have been to blame. Undefined when no attempt is left.
 */
export function nextOffering(
  options: Sought & { readonly node: Pick<Node, 'attempt' | 'accountId' | 'boughtFor'> },
): NextOffering | undefined {
  const { node, clouds } = options;
  if (node.attempt >= attemptsMaxOf(node)) return undefined;
  for (const offering of otherOfferings(options)) {
    const cloud = clouds.find((candidate) => candidate.cloud === offering.cloud);
    if (cloud !== undefined) return { offering, accountId: cloud.accountId };
  }
  return { offering: node.offering, accountId: node.accountId };
}
