import { PricingClient } from '@aws-sdk/client-pricing';
import type { Lifecycle } from '../../domain/offering.ts';
import { assortmentOf } from '../assortment.ts';
import type { OfferingSource } from '../contract.ts';
import { clientsFor, sharedOptions } from './clients.ts';
import type { AwsCredentials } from './credentials.ts';
import { speaking } from './errors.ts';
import { readInstanceTypes, readZones, type ListedType } from './instance-types.ts';
import { readOnDemandPrices, readSpotPrices, type ZonePrices } from './prices.ts';

export { awsCredentials } from './credentials.ts';

/** The Price List answers for all regions, at few endpoints: https://docs.aws.amazon.com/general/latest/gr/billing.html */
const priceListRegion = 'us-east-1';

/**
 * AWS's instance types, zones, spot prices and price list. Zone names are each account's own, so what is read with one
 * account's credentials is right for the others but for where, within the region, a letter lies.
 *
 * The credentials need, on all resources: ec2:DescribeInstanceTypes, DescribeInstanceTypeOfferings,
 * DescribeSpotPriceHistory; pricing:GetProducts.
 */
export function createAwsOfferings(
  credentials: AwsCredentials,
  options: { readonly now?: () => Date } = {},
): OfferingSource {
  const clients = clientsFor(credentials);
  const priceList = new PricingClient({ ...sharedOptions(credentials), region: priceListRegion });
  const now = options.now ?? (() => new Date());

  return {
    name: 'aws',
    offerings: (location) =>
      speaking(
        (async () => {
          const { region, zone } = location;
          const { patient } = clients.ec2(region);
          // One list after the other: none is left running when one fails, and the account's other callers are not crowded out.
          const types = await readInstanceTypes(patient);
          const zonesOfType = await readZones(patient, zone);
          const spot = await readSpotPrices(patient, { zone, at: now() });
          const onDemand = await readOnDemandPrices(priceList, region);
          const zones = zonesThatCount(location, zonesOfType);
          const assortment = assortmentOf('aws', location);
          for (const type of types) {
            const objection = objectionTo(type, zones, zonesOfType.get(type.name));
            if (objection === undefined)
              assortment.sell(type, pricesOf(type, onDemand.get(type.name), spot.get(type.name), zones));
            else assortment.leaveOut(objection);
          }
          return assortment.result();
        })(),
      ),
  };
}

/** `us-east-1a`; not `us-east-1-bos-1a` or `us-east-1-wl1-bos-wlz-1`, which lie elsewhere and cost more. */
const isOwnZone = (region: string, zone: string): boolean =>
  zone.startsWith(region) && /^[a-z]$/.test(zone.slice(region.length));

/** Where the place has no zone, a machine may come to stand in any of the region's own. */
function zonesThatCount(
  { region, zone }: { region: string; zone: string },
  zonesOfType: ReadonlyMap<string, ReadonlySet<string>>,
): readonly string[] {
  if (zone !== '') return [zone];
  const known = new Set([...zonesOfType.values()].flatMap((zones) => [...zones]));
  return [...known].filter((each) => isOwnZone(region, each));
}

function objectionTo(
  type: ListedType,
  zones: readonly string[],
  zonesOfType: ReadonlySet<string> | undefined,
): string | undefined {
  if (type.isBareMetal) return 'bare metal';
  if (type.hasAccelerators) return 'accelerators';
  const isSold = zones.length > 0 && zones.every((zone) => zonesOfType?.has(zone) === true);
  return isSold ? undefined : 'not sold here';
}

/** Whichever zone it will be: the dearest, and none where one of them has none. */
function pricesOf(
  type: ListedType,
  onDemand: number | undefined,
  spot: ZonePrices | undefined,
  zones: readonly string[],
): Partial<Record<Lifecycle, number | undefined>> {
  return {
    ...(type.usageClasses.includes('on-demand') && { 'on-demand': onDemand }),
    ...(type.usageClasses.includes('spot') && {
      spot: Math.max(...zones.map((zone) => spot?.get(zone)?.usdPerHour ?? Number.NaN)),
    }),
  };
}
