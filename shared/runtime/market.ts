import { catalogueOfferings } from '../domain/catalogue.ts';
import type { CloudName } from '../domain/cloud.ts';
import type { Instant } from '../domain/ids.ts';
import type { Market, Offering } from '../domain/offering.ts';
import { findRegion } from '../domain/regions.ts';
import type { Store } from '../store/store.ts';

/** Where a cluster stands, or is to: Overcast's name of the region, and its clouds. */
interface Place {
  readonly region: string;
  readonly clouds: readonly { readonly cloud: CloudName }[];
}

/** What one cloud sells in a region, and since when we know. */
export interface Listing {
  readonly cloud: CloudName;
  /** Absent: nothing was read there lately, and the built-in table stands in. */
  readonly at?: Instant;
  readonly offerings: readonly Offering[];
}

const placesOf = ({ region, clouds }: Place) =>
  clouds.flatMap(({ cloud }) => {
    const location = findRegion(region)?.locations[cloud];
    return location === undefined ? [] : [{ cloud, location }];
  });

/** What each cloud sells there: as it was last read, or by the built-in table. A cloud without a place there is left out. */
export const readListings = async (
  store: Pick<Store, 'offerings'>,
  place: Place,
): Promise<readonly Listing[]> =>
  Promise.all(
    placesOf(place).map(async ({ cloud, location }) => {
      const stored = await store.offerings.get(cloud, location);
      return stored === undefined
        ? { cloud, offerings: catalogueOfferings(cloud, location) }
        : { cloud, at: stored.at, offerings: stored.offerings };
    }),
  );

/** What can be bought for a cluster now. */
export async function readMarket(
  store: Pick<Store, 'offerings' | 'coolOffs'>,
  place: Place,
  now: Instant,
): Promise<Market> {
  const [listings, coolOffs] = await Promise.all([
    readListings(store, place),
    Promise.all(
      placesOf(place).map(({ cloud, location }) => store.coolOffs.list(cloud, location.region, now)),
    ),
  ]);
  return { offerings: listings.flatMap(({ offerings }) => offerings), coolOffs: coolOffs.flat() };
}
