import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { anOffering } from '../../test/builders/node.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { plusSeconds, type Instant } from '../domain/ids.ts';
import type { Offering } from '../domain/offering.ts';
import { keys } from './keys.ts';
import type { OfferingListing } from './store.ts';
import { openTable } from './table.ts';

let test: TestStore;
let clock = exampleTime;
beforeAll(async () => {
  test = await startTestStore({ now: () => clock });
});
afterAll(async () => test.close());

const hour = 3600;
const after = (seconds: number): Instant => plusSeconds(exampleTime, seconds);
let places = 0;
/** A place of its own for each test. */
const aListing = (given: Partial<OfferingListing> = {}): OfferingListing => {
  const place = { cloud: 'aws' as const, region: `region-${(places += 1)}`, zone: 'a' };
  const offering = (change: Partial<Offering>) => anOffering({ ...place, ...change });
  return {
    ...place,
    at: exampleTime,
    offerings: [
      offering({ instanceType: 'c6a.large', vcpus: 2, memoryGib: 3.75 }),
      offering({ instanceType: 'c6a.large', vcpus: 2, memoryGib: 3.75, lifecycle: 'spot', usdPerHour: 0.05 }),
      offering({ instanceType: 't3.medium', burstable: true }),
      offering({ instanceType: 'x8g.large', architecture: 'arm64', lifecycle: 'spot' }),
    ],
    ...given,
  };
};
const stored = ({ cloud, region, zone }: OfferingListing) =>
  test.store.offerings.get(cloud, { region, zone });

describe('what a cloud sells in a place', () => {
  it('comes back as it was, in whatever order it came', async () => {
    const listing = aListing();
    const shuffled = { ...listing, offerings: listing.offerings.toReversed() };
    expect(await test.store.offerings.put(shuffled)).toBe('written');
    expect(await stored(listing)).toEqual(listing);
    expect(await test.store.offerings.put(listing)).toBe('unchanged');
  });

  it('is of its zone alone, or of none', async () => {
    const listing = aListing({ zone: '' });
    expect(await stored(listing)).toBeUndefined();
    await test.store.offerings.put(listing);
    expect(await stored(listing)).toMatchObject({ zone: '' });
    expect(await stored({ ...listing, zone: 'a' })).toBeUndefined();
    expect(await stored({ ...listing, cloud: 'gcp' })).toBeUndefined();
  });

  it('is written when it changed, and when it did not, then only after half a day', async () => {
    const listing = aListing();
    const put = (at: Instant, offerings = listing.offerings) =>
      test.store.offerings.put({ ...listing, at, offerings });
    await put(exampleTime);
    expect(await put(after(11 * hour))).toBe('unchanged');
    expect((await stored(listing))?.at).toBe(exampleTime);
    expect(await put(after(12 * hour))).toBe('written');
    expect(await put(after(13 * hour), listing.offerings.slice(1))).toBe('written');
    expect((await stored(listing))?.offerings).toHaveLength(3);
  });

  it('that was read later stays, however many write at once', async () => {
    const listing = aListing();
    const readings = Array.from({ length: 12 }, (_, minute) => ({
      ...listing,
      at: after(minute * 60),
      offerings: [anOffering({ ...listing.offerings[0], usdPerHour: minute + 1 })],
    }));
    await Promise.all(readings.map((reading) => test.store.offerings.put(reading)));
    expect(await test.store.offerings.put(readings[3]!)).toBe('overtaken');
    expect(await stored(listing)).toEqual(readings.at(-1));
  });

  it('is nothing to go by after a day', async () => {
    const listing = aListing();
    await test.store.offerings.put(listing);
    clock = after(24 * hour - 1);
    expect(await stored(listing)).toEqual(listing);
    clock = after(24 * hour);
    expect(await stored(listing)).toBeUndefined();
    clock = exampleTime;
  });

  it('of a whole zone with a thousand types is one small item', async () => {
    const listing = aListing();
    const offerings = Array.from({ length: 1000 }, (_, index) =>
      (['on-demand', 'spot'] as const).map((lifecycle) =>
        anOffering({
          ...listing.offerings[0],
          instanceType: `c${index % 90}a.${index}xlarge`,
          lifecycle,
          usdPerHour: Math.round(1e6 * Math.abs(Math.sin(index + (lifecycle === 'spot' ? 0.5 : 0)))) / 1e6,
        }),
      ),
    ).flat();
    await test.store.offerings.put({ ...listing, offerings });
    const item = await openTable({ client: test.client, tableName: test.tableName, now: () => clock }).get(
      keys.offerings('aws', listing.region, 'a'),
    );
    const packed = item?.['packed'] as Uint8Array;
    expect(packed.byteLength).toBeLessThan(16 * 1024);
    expect(inflateRawSync(packed).byteLength).toBeLessThan(64 * 1024);
    expect((await stored(listing))?.offerings).toHaveLength(2000);
  });
});
