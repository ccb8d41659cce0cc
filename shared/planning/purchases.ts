import type { CloudParts, Cluster } from '../domain/cluster.ts';
import { plusSeconds, type Instant } from '../domain/ids.ts';
import type { Node, PlannedNode } from '../domain/node.ts';
import type { Market, Offering } from '../domain/offering.ts';
import { isCoolingOff } from './choose-offering.ts';
import { mayBeBought } from './may-be-bought.ts';

/** A node that a policy wants; its number and id come with the plan. */
export type WantedNode = Omit<PlannedNode, 'id' | 'number'>;

/** All that are wanted and not given up, control planes too. */
export const vcpusOf = (nodes: readonly Node[]): number =>
  nodes
    .filter(({ desired, phase }) => desired === 'present' && phase !== 'failed' && phase !== 'deleted')
    .reduce((sum, { offering }) => sum + offering.vcpus, 0);

/**
 * What policies may buy for a cluster: where a network of it stands and its cloud answers, nothing that is cooling off unless
 * that is asked for, and no shares of vCPUs or vCPUs on credit unless their family is named: a pod that asks for one would
 * have less.
 */
export function offeringsToBuy(options: {
  readonly cluster: Pick<Cluster, 'clouds' | 'policies'>;
  readonly parts: readonly CloudParts[];
  readonly market: Market;
  readonly alsoCoolingOff?: boolean;
}): readonly Offering[] {
  const { cluster, parts, market, alsoCoolingOff = false } = options;
  const clouds = parts
    .filter(({ network, failure }) => network !== undefined && failure === undefined)
    .map(({ cloud }) => cloud)
    .filter((cloud) => cluster.clouds.some((each) => each.cloud === cloud));
  return market.offerings.filter(
    (offering) =>
      clouds.includes(offering.cloud) &&
      mayBeBought(offering, cluster.policies, clouds) &&
      (offering.burstable !== true || cluster.policies.purchasing?.families !== undefined) &&
      (alsoCoolingOff || !isCoolingOff(offering, market.coolOffs)),
  );
}

/** So many plans in a row may come to nothing at once: their offerings cool off, and the next may be had. */
const failuresAtOnceMax = 5;
const backoffMinutesMax = 60;

/**
 * When policies may buy again. Nodes that were bought and came to nothing, since the last one that became ready, make the next
 * wait: twice as long each time, 1 to 60 minutes. Nothing is kept for it: deleted nodes are remembered for a day.
 */
export function purchasesResumeAt(nodes: readonly Node[]): Instant | undefined {
  const bought = nodes.filter(({ boughtFor }) => boughtFor !== undefined);
  const lastSuccess = bought
    .map(({ readyAt, createdAt }) => (readyAt === undefined ? '' : createdAt))
    .toSorted()
    .at(-1);
  // Of one plan all nodes have one time.
  const failures = [
    ...new Set(
      bought
        .filter(({ failure, readyAt }) => failure !== undefined && readyAt === undefined)
        .map(({ createdAt }) => createdAt)
        .filter((at) => lastSuccess === undefined || at > lastSuccess),
    ),
  ].toSorted();
  const last = failures.at(-1);
  const beyond = failures.length - failuresAtOnceMax;
  if (last === undefined || beyond <= 0) return undefined;
  return plusSeconds(last, Math.min(backoffMinutesMax, 2 ** (beyond - 1)) * 60);
}
