import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { plusSeconds, type Instant } from '../../shared/domain/ids.ts';
import { workloadNeeded } from '../../shared/planning/watch-workload.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import { shardCount, type Store } from '../../shared/runtime/table.ts';

/** One shard's share of one tick; what is left over is due still at the next. */
const clustersPerShardMax = 200;
/** One observer's list serves this many clusters; their ids fit well into one message. */
const clustersPerMessageMax = 50;
/**
 * Until the reconciler has said when to look again: were its message lost, the next tick but one brings another.
 */
const againAfterSeconds = 75;
const readAtOnce = 20;

interface Parts {
  readonly store: Pick<Store, 'clusters'>;
  readonly observeQueues: Readonly<Record<CloudName, Queue>>;
  readonly observePodsQueue: Queue;
  readonly reconcileQueue: Queue;
  readonly clock: Clock;
  readonly log: Log;
}

/** A minute has passed: whichever clusters are due are looked at in their clouds, and decided about. */
export const onReconcileTick = (parts: Parts) => async (): Promise<void> => {
  const { clock, log } = parts;
  const now = clock.now();
  const shards = Array.from({ length: shardCount }, (_, shard) => shard);
  const due = (
    await Promise.all(shards.map((shard) => parts.store.clusters.due(shard, now, clustersPerShardMax)))
  ).flat();
  const clusters = await readAll(
    parts,
    due.map(({ id }) => id),
  );

  // Each for itself: what does not answer in one cloud must not blind the others.
  const sends = await Promise.allSettled([
    ...cloudNames.map((cloud) => parts.observeQueues[cloud].send(observations(cloud, clusters, now))),
    parts.observePodsQueue.send(
      clusters
        .filter((cluster) => workloadNeeded(cluster) !== undefined)
        .map(({ id }) => ({ clusterId: id })),
    ),
    parts.reconcileQueue.send(due.map(({ id }) => ({ clusterId: id }))),
  ]);
  const failed = sends.find(({ status }) => status === 'rejected');
  if (failed?.status === 'rejected') throw failed.reason;
  // Last, and conditional: a tick that is cut short leaves them due, and a decision that came quicker stays.
  await advance(parts, due, plusSeconds(now, againAfterSeconds));
  log.info('tick', { due: due.length });
};

async function readAll({ store }: Parts, ids: readonly string[]): Promise<readonly Cluster[]> {
  const clusters: Cluster[] = [];
  for (let first = 0; first < ids.length; first += readAtOnce) {
    const read = await Promise.all(ids.slice(first, first + readAtOnce).map((id) => store.clusters.get(id)));
    clusters.push(...read.filter((cluster) => cluster !== undefined));
  }
  return clusters;
}

async function advance(
  { store }: Parts,
  due: readonly { id: string; dueAt: Instant }[],
  next: Instant,
): Promise<void> {
  for (let first = 0; first < due.length; first += readAtOnce) {
    await Promise.all(
      due.slice(first, first + readAtOnce).map(({ id, dueAt }) => store.clusters.advanceDue(id, dueAt, next)),
    );
  }
}

/** What is to be looked at in one cloud: one message per account and region, or several when it holds many clusters. */
function observations(
  cloud: CloudName,
  clusters: readonly Cluster[],
  askedAt: Instant,
): readonly { accountId: string; region: string; clusterIds: readonly string[]; askedAt: Instant }[] {
  const places = clusters.flatMap((cluster) =>
    cluster.clouds
      .filter((entry) => entry.cloud === cloud)
      .map(({ accountId }) => ({ accountId, region: cluster.region, id: cluster.id })),
  );
  const groups = Map.groupBy(places, ({ accountId, region }) => `${accountId}/${region}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { accountId, region } = first;
    const ids = group.map(({ id }) => id);
    return Array.from({ length: Math.ceil(ids.length / clustersPerMessageMax) }, (_, part) => ({
      accountId,
      region,
      clusterIds: ids.slice(part * clustersPerMessageMax, (part + 1) * clustersPerMessageMax),
      askedAt,
    }));
  });
}
