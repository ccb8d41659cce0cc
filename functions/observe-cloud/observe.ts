import * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import type { ConnectCloud } from '../../shared/runtime/accounts.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { parsePayload } from '../../shared/runtime/observability.ts';
import type { Queue } from '../../shared/runtime/queue.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** What tick-clusters asks for: these clusters share an account and a region, so one list serves them all. */
export const observeMessage = z.strictObject({
  accountId: z.string().check(z.minLength(1)),
  /** Overcast's name of the region: `us-east`. */
  region: z.string().check(z.minLength(1)),
  clusterIds: z.array(z.uuid()).check(z.minLength(1)),
});

export interface ObserveParts {
  readonly cloud: CloudName;
  readonly connect: ConnectCloud;
  readonly store: Pick<Store, 'observations'>;
  readonly reconcileQueue: Queue;
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
    const { accountId, region, clusterIds } = parsePayload(observeMessage, body);
    const cloud = await parts.connect(accountId);
    // Dated before the look: whatever happens while the pages come in counts as not yet seen.
    const at = parts.clock.now();
    const observations = await cloud.observe(
      clusterIds.map((clusterId) => ({ installation: parts.installationId, clusterId })),
      locationOf(region, parts.cloud),
    );
    for (const { resources, strangers, ...observation } of observations)
      await parts.store.observations.put(
        parts.cloud,
        { ...observation, resources: resources.slice(0, shownMax), strangers: strangers.slice(0, shownMax) },
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
    });
  };
