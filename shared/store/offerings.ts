import { createHash } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Offering } from '../domain/offering.ts';
import { plusSeconds } from '../domain/ids.ts';
import { keys } from './keys.ts';
import type { OfferingListing, OfferingStore } from './store.ts';
import { epochSeconds, type Table } from './table.ts';

/** Prices older than this are nothing to go by. */
const keptSeconds = 24 * 3600;
/** The same list is not written again before half of that is over. */
const rewrittenAfterSeconds = keptSeconds / 2;

/** One type: name, architecture, vCPUs, GiB, on-demand price, spot price, whether it is burstable. */
type Row = readonly [string, 'amd64' | 'arm64', number, number, number | null, number | null, 0 | 1];

/** Sorted, so that the same offerings are the same text. */
function rowsOf(offerings: readonly Offering[]): readonly Row[] {
  const byType = Map.groupBy(offerings, ({ instanceType }) => instanceType);
  return [...byType]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, [first, second]]) => {
      if (first === undefined) throw new Error('a group without a member');
      const price = (lifecycle: string): number | null =>
        [first, second].find((offering) => offering?.lifecycle === lifecycle)?.usdPerHour ?? null;
      const { architecture, vcpus, memoryGib, burstable } = first;
      return [name, architecture, vcpus, memoryGib, price('on-demand'), price('spot'), burstable ? 1 : 0];
    });
}

const offeringsOf = (
  rows: readonly Row[],
  place: Pick<Offering, 'cloud' | 'region' | 'zone'>,
): readonly Offering[] =>
  rows.flatMap(([instanceType, architecture, vcpus, memoryGib, onDemand, spot, burstable]) =>
    (
      [
        ['on-demand', onDemand],
        ['spot', spot],
      ] as const
    ).flatMap(([lifecycle, usdPerHour]) =>
      usdPerHour === null
        ? []
        : [
            {
              ...place,
              instanceType,
              architecture,
              lifecycle,
              vcpus,
              memoryGib,
              usdPerHour,
              ...(burstable === 1 && { burstable: true as const }),
            },
          ],
    ),
  );

/** One item for each place, and why: docs/decisions/20261129-offerings-are-one-item-per-place.md */
export const offeringStore = (table: Table): OfferingStore => ({
  async put({ cloud, region, zone, at, offerings }) {
    const key = keys.offerings(cloud, region, zone);
    const text = JSON.stringify(rowsOf(offerings));
    const digest = createHash('sha256').update(text).digest('base64url');
    const stored = await table.get(key);
    if (stored?.['digest'] === digest && plusSeconds(String(stored['at']), rewrittenAfterSeconds) > at)
      return 'unchanged';
    const isWritten = await table.put(
      key,
      {
        cloud,
        region,
        zone,
        at,
        digest,
        packed: deflateRawSync(text, { level: 9 }),
        expiresAt: epochSeconds(plusSeconds(at, keptSeconds)),
      },
      // Two may read at once: what was read later stays.
      { when: 'attribute_not_exists(#pk) OR #at <= :at', values: { at } },
    );
    return isWritten ? 'written' : 'overtaken';
  },

  async get(cloud, { region, zone }): Promise<OfferingListing | undefined> {
    const item = await table.get(keys.offerings(cloud, region, zone));
    if (item === undefined) return undefined;
    const text = inflateRawSync(item['packed'] as Uint8Array).toString('utf8');
    const rows = JSON.parse(text) as readonly Row[];
    return {
      cloud,
      region,
      zone,
      at: String(item['at']),
      offerings: offeringsOf(rows, { cloud, region, zone }),
    };
  },
});
