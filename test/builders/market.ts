import { catalogueOfferings } from '../../shared/domain/catalogue.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import type { Market, OfferingName } from '../../shared/domain/offering.ts';
import { findRegion } from '../../shared/domain/regions.ts';

/** What the clouds sell by the built-in table, in US East where no other region is said. */
export const aMarket = (
  given: {
    readonly region?: string;
    readonly clouds?: readonly CloudName[];
    readonly coolOffs?: readonly OfferingName[];
  } = {},
): Market => ({
  offerings: (given.clouds ?? cloudNames).flatMap((cloud) => {
    const location = findRegion(given.region ?? 'us-east')?.locations[cloud];
    return location === undefined ? [] : catalogueOfferings(cloud, location);
  }),
  coolOffs: given.coolOffs ?? [],
});
