import type { OfferingList, OfferingView } from '../../shared/domain/api-types.ts';
import { cloudNames, isCloudName, type CloudName } from '../../shared/domain/cloud.ts';
import { lifecycles, usdPerUnitHour, type Lifecycle, type Offering } from '../../shared/domain/offering.ts';
import { findRegion, regions } from '../../shared/domain/regions.ts';
import { allocatableOf } from '../../shared/planning/allocatable.ts';
import { rankOfferings, type Rank } from '../../shared/planning/rank-offerings.ts';
import { readListings } from '../../shared/runtime/market.ts';
import { invalidFields } from '../../shared/runtime/people-http/problem.ts';
import { decodeCursor, encodeCursor, InvalidCursor } from '../../shared/runtime/table.ts';
import type { ApiDependencies } from './api.ts';
import { limitOf, type ApiContext } from '../../shared/runtime/people-http/request.ts';

interface Asked {
  readonly region: string;
  readonly clouds: readonly { readonly cloud: CloudName }[];
  readonly lifecycle: Lifecycle | undefined;
}

/** What the clouds sell in a region, cheapest first. @throws Problem 400 with the field that is wrong and what is allowed. */
export async function listOfferings(
  { store, clock }: Pick<ApiDependencies, 'store' | 'clock'>,
  context: ApiContext,
): Promise<OfferingList> {
  const asked = askedFor(context);
  const [limit, after] = [limitOf(context), afterOf(context.req.query('cursor'))];
  const listings = await readListings(store, asked);
  const { page, next } = rankOfferings({
    offerings: listings
      .flatMap(({ offerings }) => offerings)
      .filter(({ lifecycle }) => (asked.lifecycle ?? lifecycle) === lifecycle),
    limit,
    ...(after && { after }),
  });
  const now = clock.now();
  const coolOffs = (
    await Promise.all(
      [...new Map(page.map(({ cloud, region }) => [cloud, region]))].map(([cloud, region]) =>
        store.coolOffs.list(cloud, region, now),
      ),
    )
  ).flat();
  return {
    items: page.map((offering) => {
      const coolOff = coolOffs.find(
        (each) =>
          each.instanceType === offering.instanceType &&
          each.lifecycle === offering.lifecycle &&
          each.cloud === offering.cloud &&
          each.zone === offering.zone,
      );
      return { ...offeringView(offering), ...(coolOff && { coolingOffUntil: coolOff.until }) };
    }),
    prices: listings.map(({ cloud, at }) => ({ cloud, ...(at !== undefined && { at }) })),
    ...(next && { cursor: encodeCursor([String(next.usdPerUnitHour), next.name]) }),
  };
}

const mebibyte = 2 ** 20;

function offeringView(offering: Offering): OfferingView {
  const { cpuMillis, memoryBytes, pods } = allocatableOf(offering);
  return {
    ...offering,
    burstable: offering.burstable ?? false,
    usdPerUnitHour: usdPerUnitHour(offering),
    allocatable: { cpuMillis, memoryMib: Math.floor(memoryBytes / mebibyte), pods },
  };
}

function askedFor(context: ApiContext): Asked {
  const wrong = (field: string, message: string, allowed: readonly string[]) =>
    invalidFields(400, [{ field, message, allowed }]);
  const { region: name, cloud, lifecycle } = context.req.query();
  const region = name === undefined ? undefined : findRegion(name);
  if (region === undefined)
    throw wrong(
      'region',
      name === undefined ? 'is required' : `"${name}" is not known`,
      regions.map((each) => each.name),
    );
  const here = cloudNames.filter((each) => region.locations[each] !== undefined);
  if (cloud !== undefined && (!isCloudName(cloud) || !here.includes(cloud)))
    throw wrong(
      'cloud',
      isCloudName(cloud) ? `${cloud} has no place in ${region.name}` : `"${cloud}" is not known`,
      here,
    );
  const known = lifecycles.find((each) => each === lifecycle);
  if (lifecycle !== undefined && known === undefined)
    throw wrong('lifecycle', `"${lifecycle}" is not known`, lifecycles);
  return {
    region: region.name,
    clouds: here.filter((each) => cloud === undefined || each === cloud).map((each) => ({ cloud: each })),
    lifecycle: known,
  };
}

/** @throws InvalidCursor */
function afterOf(cursor: string | undefined): Rank | undefined {
  if (cursor === undefined) return undefined;
  const [price = '', name = ''] = decodeCursor(cursor, 2);
  if (!(Number(price) > 0)) throw new InvalidCursor();
  return { usdPerUnitHour: Number(price), name };
}
