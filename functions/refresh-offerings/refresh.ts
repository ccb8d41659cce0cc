import * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { plusSeconds } from '../../shared/domain/ids.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import type { Connect } from '../../shared/runtime/accounts.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { isCloudError, type Assortment, type OfferingSource } from '../../shared/runtime/cloud.ts';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';

/** From the schedule nothing, and every place is read; from ClusterRequested the cluster, whose place may be a new one. */
export const refreshRequest = z.strictObject({ clusterId: z.optional(z.uuid()) });
export type RefreshRequest = z.infer<typeof refreshRequest>;

export interface RefreshParts {
  readonly cloud: CloudName;
  readonly connect: Connect<OfferingSource>;
  readonly store: Pick<Store, 'clusters' | 'offerings'>;
  readonly clock: Clock;
  readonly log: Log;
}

/** A region, by Overcast's name, and the accounts that have clusters there. */
interface Place {
  readonly region: string;
  readonly accountIds: readonly string[];
}

/** What is younger was read by the last schedule, or for another new cluster. */
const freshSeconds = 3600;
/** Places are read side by side; their accounts' other callers must get their turn too. */
const placesAtOnce = 4;
/** One account's credentials are enough, and if its owner has just revoked them, another's. */
const accountsTriedMax = 3;
/** Fewer than this share of what was known: more likely a cloud's bad day than a sale. */
const shareMin = 0.5;

/**
 * Reads what one cloud sells wherever clusters live, and keeps it for all of them. Prices are public, so that one account's
 * reading serves every account's clusters. Each place for itself: one that cannot be read keeps what was known of it.
 *
 * @throws the first place's error, once all have been tried.
 */
export const refreshOfferings =
  (parts: RefreshParts) =>
  async ({ clusterId }: RefreshRequest): Promise<void> => {
    const places = clusterId === undefined ? await placesInUse(parts) : await newPlace(parts, clusterId);
    const sources = new Map<string, Promise<OfferingSource>>();
    const errors: unknown[] = [];
    for (let first = 0; first < places.length; first += placesAtOnce) {
      const outcomes = await Promise.allSettled(
        places.slice(first, first + placesAtOnce).map((place) => refreshPlace(parts, sources, place)),
      );
      for (const [index, outcome] of outcomes.entries()) {
        if (outcome.status === 'fulfilled') continue;
        const { region } = places[first + index] ?? {};
        parts.log.error('offerings not read', { cloud: parts.cloud, region, error: outcome.reason });
        errors.push(outcome.reason);
      }
    }
    if (errors.length > 0) throw errors[0];
  };

async function placesInUse({ store, cloud }: RefreshParts): Promise<readonly Place[]> {
  const here = (await store.clusters.places()).filter((place) => place.cloud === cloud);
  return [...Map.groupBy(here, ({ region }) => region)].map(([region, places]) => ({
    region,
    accountIds: places.map(({ accountId }) => accountId).toSorted(),
  }));
}

/** The cluster's, unless it has been read lately or the cluster has no part in this cloud. */
async function newPlace({ store, cloud, clock }: RefreshParts, clusterId: string): Promise<readonly Place[]> {
  const cluster = await store.clusters.get(clusterId);
  const entry = cluster?.clouds.find((candidate) => candidate.cloud === cloud);
  if (cluster === undefined || entry === undefined) return [];
  const known = await store.offerings.get(cloud, locationOf(cluster.region, cloud));
  const isFresh = known !== undefined && plusSeconds(known.at, freshSeconds) > clock.now();
  return isFresh ? [] : [{ region: cluster.region, accountIds: [entry.accountId] }];
}

async function refreshPlace(
  parts: RefreshParts,
  sources: Map<string, Promise<OfferingSource>>,
  { region, accountIds }: Place,
): Promise<void> {
  const { cloud, store, clock, log } = parts;
  const location = locationOf(region, cloud);
  // Dated before the look: a price that moves meanwhile counts as not yet seen.
  const at = clock.now();
  const { offerings, leftOut } = await readWithAny(parts, sources, { region, accountIds });
  const known = await store.offerings.get(cloud, location);
  const about = { cloud, region, offerings: offerings.length, leftOut };
  if (offerings.length === 0 || offerings.length < shareMin * (known?.offerings.length ?? 0)) {
    log.warn('too little is sold to be true', { ...about, known: known?.offerings.length });
    return;
  }
  const outcome = await store.offerings.put({ cloud, ...location, at, offerings });
  log.info('offerings read', { ...about, outcome });
}

/** One source for each account: what is the same for all places it reads once. */
async function readWithAny(
  { cloud, connect, log }: RefreshParts,
  sources: Map<string, Promise<OfferingSource>>,
  { region, accountIds }: Place,
): Promise<Assortment> {
  const tried = accountIds.slice(0, accountsTriedMax);
  for (const accountId of tried) {
    const source = sources.get(accountId) ?? connect(accountId);
    sources.set(accountId, source);
    try {
      return await (await source).offerings(locationOf(region, cloud));
    } catch (error) {
      // What the cloud says of itself it would say to any account.
      const isAccounts = !isCloudError(error) || error.name === 'CredentialsRejected';
      if (!isAccounts || accountId === tried.at(-1)) throw error;
      log.warn('another account is asked', { cloud, region, accountId, error });
    }
  }
  throw new Error(`no account of ${cloud} has a cluster in ${region}`);
}
