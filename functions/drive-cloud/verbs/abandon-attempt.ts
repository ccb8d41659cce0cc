import type { CloudName } from '../../../shared/domain/cloud.ts';
import type { Cluster } from '../../../shared/domain/cluster.ts';
import { attemptsMaxOf, type Node } from '../../../shared/domain/node.ts';
import type { Offering } from '../../../shared/domain/offering.ts';
import { coolOffUntil, nextOffering, type NextOffering } from '../../../shared/planning/next-offering.ts';
import { Superseded } from '../../../shared/runtime/errors.ts';
import { readMarket } from '../../../shared/runtime/market.ts';
import { ownedNode } from '../../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../../shared/runtime/progress.ts';
import type { CoolOff } from '../../../shared/runtime/table.ts';
import { groundOf, type DriveParts, type NodeRequest } from '../parts.ts';
import { takeDownAttempt } from '../take-down.ts';

const reasonCharactersMax = 900;

export type AbandonOutcome =
  /** `attempt` is the one that has ended: its machine is to be forgotten before the next comes. */
  | { readonly done: true; readonly next: 'retry'; readonly cloud: CloudName; readonly attempt: number }
  | { readonly done: true; readonly next: 'give-up' }
  /** There is nothing to abandon: the node has joined, and only the news of it was lost. */
  | { readonly done: true; readonly next: 'joined' }
  | Pending;

/**
 * Ends an attempt that came to nothing: deletes whatever exists of it, also a machine whose create was never answered;
 * lets its offering cool off; says whether and where another attempt follows.
 */
export async function abandonAttempt(
  parts: DriveParts,
  request: NodeRequest & { readonly reason: string },
): Promise<AbandonOutcome> {
  const { clusterId, number, executionArn } = request;
  const { nodes, clusters, coolOffs } = parts.store;
  const node = await ownedNode(parts.store, request, executionArn);
  const cluster = await clusters.get(clusterId);
  if (cluster?.desired !== 'present' || node.desired !== 'present')
    throw new Superseded(`node ${number} is no longer wanted`);

  const inProgress = node.createRequest;
  // A repeat after the last write: the attempt is over, and where the next one goes is stored.
  if (inProgress === undefined) return outcomeAfter(node);

  const reason = request.reason.slice(0, reasonCharactersMax) || 'no reason given';
  if (node.failure === undefined) {
    const marked = await nodes.recordFailure(clusterId, number, {
      attempt: node.attempt,
      failure: { reason },
      unlessJoined: true,
    });
    if (marked === undefined) {
      const now = await ownedNode(parts.store, request, executionArn);
      if (now.attempt === node.attempt && now.joinedAt !== undefined) return { done: true, next: 'joined' };
      throw new Superseded(`node ${number} is at another attempt`);
    }
  }
  // A machine that called back shows that its offering is to be had: what failed then is not the cloud's to mend.
  const isOfferingAtFault = node.sessionHash === undefined;
  if (isOfferingAtFault) await coolOffs.put(coolOffOf(parts, inProgress.offering, reason));

  const gone = await takeDownAttempt(parts, await groundOf(parts, cluster), { cluster, node });
  if (!gone.done) return pending(gone.waitingFor, gone.retryAfterSeconds);
  await clusters.releaseJoin(clusterId, number);

  const next = isOfferingAtFault ? await chooseNext(parts, cluster, node) : undefined;
  const ended = await nodes.endAttempt(clusterId, number, {
    executionArn,
    attempt: node.attempt,
    ...(next !== undefined && {
      next: {
        ...next,
        ...(node.offering.lifecycle === 'spot' &&
          next.offering.lifecycle !== 'spot' && { standsInFor: 'spot' as const }),
      },
    }),
  });
  if (ended === undefined) throw new Superseded(`node ${number} has changed hands`);
  const outcome = outcomeAfter(ended);
  parts.log.info('attempt abandoned', {
    clusterId,
    number,
    executionArn,
    attempt: node.attempt,
    reason,
    outcome,
  });
  return outcome;
}

const outcomeAfter = (node: Node): AbandonOutcome =>
  node.attempt >= attemptsMaxOf(node)
    ? { done: true, next: 'give-up' }
    : { done: true, next: 'retry', cloud: node.cloud, attempt: node.attempt };

/** @param reason begins with the cloud error's name when a cloud refused: `CapacityUnavailable: aws: …`. */
const coolOffOf = ({ clock }: DriveParts, offering: Offering, reason: string): CoolOff => ({
  cloud: offering.cloud,
  region: offering.region,
  zone: offering.zone,
  instanceType: offering.instanceType,
  lifecycle: offering.lifecycle,
  until: coolOffUntil({ error: reason.split(':', 1)[0] ?? '', now: clock.now() }),
  reason,
});

/** Undefined when no attempt is left. */
async function chooseNext(
  { store, clock }: DriveParts,
  cluster: Cluster,
  node: Node,
): Promise<NextOffering | undefined> {
  const standing = new Set(
    (await store.parts.list(cluster.id))
      .filter(({ network }) => network !== undefined)
      .map(({ cloud }) => cloud),
  );
  // Another cloud is only of use where the cluster's network stands already.
  const clouds = cluster.clouds.filter(({ cloud }) => cloud === node.cloud || standing.has(cloud));
  const market = await readMarket(store, { region: cluster.region, clouds }, clock.now());
  return nextOffering({ node, clouds, market });
}
