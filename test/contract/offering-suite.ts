import { beforeAll, describe, expect, it } from 'vitest';
import type { PriceChange } from '../../local/clouds/prices.ts';
import type { OfferingSource } from '../../shared/clouds/contract.ts';
import { CloudError, type CloudErrorName } from '../../shared/clouds/errors.ts';
import type { Location } from '../../shared/domain/cloud.ts';
import type { Offering } from '../../shared/domain/offering.ts';
import type { ControlClient } from './control-client.ts';

/*
 * What every source of offerings must do, whichever cloud it is: registered beside the driver's own contract, in
 * test/contract/<cloud>.test.ts.
 */

export interface OfferingGround {
  /** A new one each time, as each refresh has. */
  readonly source: () => OfferingSource;
  readonly brokenSource: OfferingSource;
  /** Undefined: the endpoint is not one of our simulators. */
  readonly control?: ControlClient;
  /** What is sold in a place as the other side knows it; undefined: nobody here knows. */
  readonly sold?: (location: Location) => readonly Offering[];
  close(): Promise<void>;
}

export interface OfferingSubject {
  readonly name: string;
  readonly location: Location;
  /** Another place of the same cloud. */
  readonly elsewhere: Location;
  /** What in `location` is not sold to us, by the reason that is given. */
  readonly leftOut: Readonly<Record<string, number>>;
  readonly burstable: readonly string[];
  readonly move: Omit<PriceChange, 'cloud'> & { readonly seenOn: string };
  readonly create: () => Promise<OfferingGround>;
}

/** Small enough that every list has several pages. */
export const offeringPageSizeMax = 25;

const sorted = (offerings: readonly Offering[]): readonly Offering[] =>
  offerings.toSorted((a, b) =>
    `${a.instanceType} ${a.lifecycle}` < `${b.instanceType} ${b.lifecycle}` ? -1 : 1,
  );

export function describeOfferings(subject: OfferingSubject): void {
  let ground: OfferingGround;
  const { location, elsewhere } = subject;

  /** In worlds of their own, at the same time: they are waiting for most of it. */
  const badDays: [string, (control: ControlClient, ground: OfferingGround) => Promise<void>][] = [
    [
      'a cloud that does not answer is CloudUnavailable',
      async (control, { source }) => {
        await control.addFault({ effect: 'unavailable', times: 100 });
        await failsWith('CloudUnavailable', source());
        await control.clearFaults();
        await control.addFault({ effect: 'cut', times: 100 });
        await failsWith('CloudUnavailable', source());
      },
    ],
    [
      'a list that breaks off after its first pages is no list',
      async (control, { source }) => {
        await control.change({ pageSizeMax: offeringPageSizeMax });
        await control.addFault({ operation: 'readOfferings', effect: 'unavailable', skip: 2, times: 100 });
        await failsWith('CloudUnavailable', source());
      },
    ],
    [
      'a single throttle is survived',
      async (control, { source, sold }) => {
        await control.addFault({ operation: 'readOfferings', effect: 'throttle', seconds: 1 });
        const { offerings } = await source().offerings(location);
        if (sold !== undefined) expect(offerings).toHaveLength(sold(location).length);
      },
    ],
    [
      'throttling that does not end is Throttled with retryAfterSeconds',
      async (control, { source }) => {
        await control.addFault({ effect: 'throttle', seconds: 1, times: 1000 });
        expect((await failsWith('Throttled', source())).retryAfterSeconds).toBeGreaterThan(0);
      },
    ],
  ];

  const failsWith = async (name: CloudErrorName, source: OfferingSource): Promise<CloudError> => {
    const error = await source.offerings(location).then(
      ({ offerings }) => new Error(`it sold ${offerings.length} offerings`),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CloudError)) throw error;
    expect(error).toMatchObject({ name, cloud: source.name });
    return error;
  };

  const nobody = `${subject.name} at this endpoint has no /_control: nobody can make this happen or knows what it sells`;

  /* oxlint-disable vitest/valid-title -- rules are registered by name, in two places */
  describe(`${subject.name} sells as the contract says`, () => {
    beforeAll(async () => {
      ground = await subject.create();
      return () => ground.close();
    });
    /** Those that need fate's hand, or somebody who knows what is sold, are skipped where there is nobody. */
    const keeps = (
      rule: string,
      body: (control: ControlClient, sold: NonNullable<OfferingGround['sold']>) => Promise<void>,
    ): void =>
      it(rule, async ({ skip }) => {
        const { control, sold } = ground;
        if (control === undefined || sold === undefined) return skip(nobody);
        return body(control, sold);
      });

    it('every offering is of its place, has a size and a price, and is there once', async () => {
      const source = ground.source();
      const { offerings } = await source.offerings(location);
      expect(offerings.length).toBeGreaterThan(0);
      const names = offerings.map(({ instanceType, lifecycle }) => `${instanceType} ${lifecycle}`);
      expect(new Set(names).size).toBe(names.length);
      for (const offering of offerings) {
        expect(offering).toMatchObject({ cloud: source.name, ...location });
        expect(offering.vcpus).toBeGreaterThan(0);
        expect(offering.memoryGib).toBeGreaterThan(0);
        expect(offering.usdPerHour).toBeGreaterThan(0);
      }
    });

    keeps('all that is sold is found through all pages, at its price', async (control, sold) => {
      await control.change({ pageSizeMax: offeringPageSizeMax });
      const { offerings } = await ground.source().offerings(location);
      expect(sorted(offerings)).toEqual(sorted(sold(location)));
      await control.change({ pageSizeMax: 10_000 });
    });

    keeps('one source answers for several places', async (_, sold) => {
      const source = ground.source();
      const both = await Promise.all([source.offerings(location), source.offerings(elsewhere)]);
      expect(both.map(({ offerings }) => sorted(offerings))).toEqual(
        [location, elsewhere].map((place) => sorted(sold(place))),
      );
    });

    keeps('what cannot be had or has no price is left out, and counted by its reason', async () => {
      const { leftOut } = await ground.source().offerings(location);
      expect(leftOut).toEqual(subject.leftOut);
    });

    it('types whose vCPUs are shares or run on credits are marked, and no others of their size', async () => {
      const { offerings } = await ground.source().offerings(location);
      const marked = new Set(
        offerings.filter(({ burstable }) => burstable === true).map(({ instanceType }) => instanceType),
      );
      for (const name of subject.burstable) expect(marked).toContain(name);
      expect(marked.size).toBeLessThan(offerings.length / 2);
    });

    keeps('a price that moved is found by the next reading', async (control) => {
      const { seenOn, ...change } = subject.move;
      const price = async (): Promise<number> =>
        (await ground.source().offerings(location)).offerings.find(
          ({ instanceType, lifecycle }) => instanceType === seenOn && lifecycle === change.lifecycle,
        )?.usdPerHour ?? Number.NaN;
      const before = await price();
      await control.movePrice(change);
      expect((await price()) / before).toBeCloseTo(change.factor, 4);
      await control.movePrice({ ...change, factor: 1 });
      expect(await price()).toBe(before);
    });

    it('credentials that are refused are CredentialsRejected', async () => {
      await failsWith('CredentialsRejected', ground.brokenSource);
    });

    keeps('reading changes nothing, and asks for nothing but prices and sizes', async (control) => {
      const before = [await control.resources(), await control.calls()] as const;
      await ground.source().offerings(location);
      expect(await control.resources()).toEqual(before[0]);
      const after = await control.calls();
      const made = Object.keys(after).filter((name) => after[name] !== before[1][name]);
      expect(made.map((name) => name.split('/')[1])).toEqual(['readOfferings']);
    });

    for (const [rule, body] of badDays)
      it.concurrent(rule, async ({ skip }) => {
        const apart = await subject.create();
        try {
          if (apart.control === undefined) skip(nobody);
          else await body(apart.control, apart);
        } finally {
          await apart.close();
        }
      });
  });
  /* oxlint-enable */
}
