import * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { secondsBetween } from '../../shared/domain/ids.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import { deferredSecondsMax } from '../../shared/planning/call-budget.ts';
import { expectedMachines } from '../../shared/planning/expected-machines.ts';
import { expectedLoadBalancer } from '../../shared/planning/plan-load-balancer.ts';
import { planNetwork } from '../../shared/planning/plan-network.ts';
import type { ConnectObserver } from '../../shared/runtime/accounts.ts';
import { attemptToken } from '../../shared/runtime/attempt-token.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { isCloudError, type Watched } from '../../shared/runtime/cloud.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { pauseLooks, takeLook } from './take-calls.ts';

/** What tick-clusters asks for: these clusters share an account and a region, so one list serves them all. */
export const observeMessage = z.strictObject({
  accountId: z.string().check(z.minLength(1)),
  /** Overcast's name of the region: `us-east`. */
  region: z.string().check(z.minLength(1)),
  clusterIds: z.array(z.uuid()).check(z.minLength(1)),
  /** When the tick asked; a look that waits for its cloud's time is not put off for ever. Absent: just now. */
  askedAt: z.optional(z.string()),
});

export interface ObserveParts {
  readonly cloud: CloudName;
  readonly connect: ConnectObserver;
  readonly store: Pick<Store, 'observations' | 'clusters' | 'nodes' | 'parts' | 'callBudgets'>;
  readonly reconcileQueue: Queue;
  /** Its own, for looks that wait. */
  readonly ownQueue: Queue;
  readonly clock: Clock;
  readonly log: Log;
  readonly installationId: string;
}

/** Of what is only shown and counted, so many: an item holds 400 KB, and one crowded cluster must not cost the others theirs. */
const shownMax = 100;

/** Looks, stores what it saw, and lets the reconciler decide. Changes nothing anywhere. */
export const observe =
  (parts: ObserveParts) =>
  async (body: unknown): Promise<void> => {
    const message = parsePayload(observeMessage, body);
    const { accountId, region, clusterIds } = message;
    const watched = await watchedOf(parts, clusterIds);
    const isBalanced = ({ expected }: Watched): boolean => typeof expected?.loadBalancer === 'object';
    const taken = await takeLook(parts, message, {
      clusters: watched.length,
      loadBalancers: watched.filter(isBalanced).length,
    });
    if (!taken.isGranted) return putOff(parts, message, taken.afterSeconds);
    const cloud = await parts.connect(accountId);
    // Dated before the look: whatever happens while the pages come in counts as not yet seen.
    const at = parts.clock.now();
    const observations = await lookAt(parts, message, () =>
      cloud.observe(watched, locationOf(region, parts.cloud)),
    );
    if (typeof observations === 'number') return putOff(parts, message, observations);
    for (const { resources, strangers, flaws, ...observation } of observations)
      await parts.store.observations.put(
        parts.cloud,
        {
          ...observation,
          // What is left over first: that is what something is done about.
          resources: resources
            .toSorted((a, b) => Number(b.isSpare ?? false) - Number(a.isSpare ?? false))
            .slice(0, shownMax),
          strangers: strangers.slice(0, shownMax),
          flaws: flaws.slice(0, shownMax),
        },
        at,
      );
    await parts.reconcileQueue.send(clusterIds.map((clusterId) => ({ clusterId })));
    parts.log.info('observed', {
      cloud: parts.cloud,
      accountId,
      region,
      clusters: observations.length,
      machines: observations.reduce((sum, { machines }) => sum + machines.length, 0),
      strangers: observations.reduce((sum, { strangers }) => sum + strangers.length, 0),
      flaws: observations.reduce((sum, { flaws }) => sum + flaws.length, 0),
    });
  };

/** What was seen, or for how many seconds the cloud wants to be left alone: somebody else uses the account as well. */
async function lookAt<Seen>(
  parts: ObserveParts,
  message: z.infer<typeof observeMessage>,
  look: () => Promise<readonly Seen[]>,
): Promise<readonly Seen[] | number> {
  try {
    return await look();
  } catch (error) {
    if (!isCloudError(error, 'Throttled')) throw error;
    return pauseLooks(parts, message, error.retryAfterSeconds);
  }
}

/**
 * Sends the message to its own queue again, for later. A failure would come back after the queue's own time, and after a few
 * of those land among the dead letters; a new message is told when. One that is too old goes: the tick has asked again.
 */
async function putOff(
  { cloud, ownQueue, clock, log }: ObserveParts,
  message: z.infer<typeof observeMessage>,
  afterSeconds: number,
): Promise<void> {
  const { accountId, region, clusterIds, askedAt = clock.now() } = message;
  const waited = secondsBetween(askedAt, clock.now());
  const isLeft = waited + afterSeconds > deferredSecondsMax;
  if (!isLeft) await ownQueue.send([{ ...message, askedAt }], Math.max(1, afterSeconds));
  log.warn(isLeft ? 'look left to the next tick' : 'look put off', {
    cloud,
    accountId,
    region,
    clusters: clusterIds.length,
    waited,
    afterSeconds,
  });
}

const readAtOnce = 20;

/** The clusters, and of those whose network stands here what should be there. */
async function watchedOf(parts: ObserveParts, clusterIds: readonly string[]): Promise<readonly Watched[]> {
  const { store, installationId: installation } = parts;
  const known = new Map((await store.clusters.getMany(clusterIds)).map((cluster) => [cluster.id, cluster]));
  const watched: Watched[] = [];
  for (let first = 0; first < clusterIds.length; first += readAtOnce)
    watched.push(
      ...(await Promise.all(
        clusterIds.slice(first, first + readAtOnce).map(async (clusterId) => {
          const cluster = known.get(clusterId);
          const expected = cluster && (await expectedOf(parts, cluster));
          return { installation, clusterId, ...(expected && { expected }) };
        }),
      )),
    );
  return watched;
}

/** Undefined while the network is not built yet, and once all of it is to go. */
async function expectedOf(
  { store, cloud, installationId }: ObserveParts,
  cluster: Cluster,
): Promise<Watched['expected']> {
  if (cluster.desired === 'absent') return undefined;
  const stands = await store.parts.get(cluster.id, cloud);
  if (stands?.network === undefined) return undefined;
  const nodes = await store.nodes.list(cluster.id);
  return {
    network: planNetwork({ cluster, cloud, installation: installationId, known: stands.network }),
    machines: expectedMachines(cluster, nodes, cloud, attemptToken),
    ...expectedLoadBalancer({ cluster, nodes, stands, installation: installationId }),
  };
}
