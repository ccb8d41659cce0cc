import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { aCluster, exampleTime } from '../../test/builders/cluster.ts';
import { anOffering } from '../../test/builders/node.ts';
import { testClock } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';
import { createMemoryOfferings, MemoryWorld } from '../../shared/clouds/memory/index.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import type { Assortment, OfferingSource } from '../../shared/runtime/cloud.ts';
import type { LogFields } from '../../shared/runtime/log.ts';
import { refreshOfferings } from './refresh.ts';

const stores: TestStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
});

const clustersIn = (region: string, cloud: CloudName, ...accountIds: readonly string[]) =>
  accountIds.map((accountId) =>
    aCluster({ id: randomUUID(), name: `in-${region}`, region, clouds: [{ cloud, accountId }] }),
  );

/** A table with these clusters, and a cloud in memory. */
async function scene(given: {
  readonly clusters: readonly Cluster[];
  readonly revoked?: readonly string[];
  readonly sells?: (region: string) => Assortment;
}) {
  const test = await startTestStore({ now: () => exampleTime });
  stores.push(test);
  const { store } = test;
  for (const cluster of given.clusters) await store.clusters.create(cluster);
  const clock = testClock();
  const world = new MemoryWorld({ name: 'aws', now: clock.now });
  const asked: string[] = [];
  const connected: string[] = [];
  const lines: { decision: string; fields: LogFields }[] = [];
  const note = (decision: string, fields: LogFields = {}) => lines.push({ decision, fields });
  const refresh = refreshOfferings({
    cloud: 'aws',
    connect: async (accountId): Promise<OfferingSource> => {
      connected.push(accountId);
      const source = createMemoryOfferings(world, { revoked: given.revoked?.includes(accountId) ?? false });
      return {
        ...source,
        offerings: async (location) => {
          asked.push(`${accountId} ${location.region}`);
          return given.sells?.(location.region) ?? source.offerings(location);
        },
      };
    },
    store,
    clock,
    log: { info: note, warn: note, error: note },
  });
  const stored = (region: string) => store.offerings.get('aws', locationOf(region, 'aws'));
  return { refresh, world, clock, asked, connected, lines, stored };
}

const account = (): string => randomUUID();

describe('refreshing', () => {
  it('reads each place where clusters live once, whoever’s they are, and keeps what is sold', async () => {
    const [one, other] = [account(), account()];
    const at = await scene({
      clusters: [
        ...clustersIn('us-east', 'aws', one, one, other),
        ...clustersIn('eu-west', 'aws', one),
        ...clustersIn('ap-south', 'gcp', one),
      ],
    });
    await at.refresh({});
    const first = [one, other].toSorted()[0] ?? '';
    expect(at.asked.toSorted()).toEqual([`${first} us-east-1`, `${one} eu-west-2`].toSorted());
    expect(new Set(at.connected).size).toBe(at.connected.length);
    expect(await at.stored('us-east')).toMatchObject({ zone: 'us-east-1a', at: exampleTime });
    expect((await at.stored('us-east'))?.offerings.length).toBeGreaterThan(20);
    expect(await at.stored('ap-south')).toBeUndefined();
    expect(at.lines.map(({ fields }) => fields)).toContainEqual({
      cloud: 'aws',
      region: 'eu-west',
      offerings: 26,
      leftOut: {},
      outcome: 'written',
    });
  });

  it('again writes nothing, and what moved is written', async () => {
    const at = await scene({ clusters: clustersIn('ca-central', 'aws', account()) });
    await at.refresh({});
    at.clock.advance(3600);
    await at.refresh({});
    expect((await at.stored('ca-central'))?.at).toBe(exampleTime);
    at.world.priceFactors.set('c6a.large spot', 3);
    await at.refresh({});
    expect((await at.stored('ca-central'))?.at).toBe(at.clock.now());
    expect(at.lines.map(({ fields }) => fields['outcome'])).toEqual(['written', 'unchanged', 'written']);
  });

  it('asks another account when one is refused, three at most', async () => {
    const accounts = [account(), account(), account(), account()].toSorted();
    const at = await scene({
      clusters: clustersIn('eu-paris', 'aws', ...accounts),
      revoked: accounts.slice(0, 2),
    });
    await at.refresh({});
    expect(at.asked).toEqual(accounts.slice(0, 3).map((each) => `${each} eu-west-3`));
    expect(await at.stored('eu-paris')).toBeDefined();
    const none = await scene({ clusters: clustersIn('eu-paris', 'aws', ...accounts), revoked: accounts });
    await expect(none.refresh({})).rejects.toMatchObject({ name: 'CredentialsRejected' });
    expect(none.asked).toHaveLength(3);
  });

  it('of one place that fails leaves the others, keeps what was known, and fails in the end', async () => {
    const mine = account();
    const at = await scene({
      clusters: [...clustersIn('ap-sydney', 'aws', mine), ...clustersIn('ap-northeast', 'aws', mine)],
    });
    await at.refresh({});
    at.clock.advance(3600);
    at.world.priceFactors.set('c6a.large spot', 2);
    // The first place's call and the driver's own repeats.
    at.world.addFault({ effect: 'unavailable', operation: 'readOfferings', times: 1 });
    await expect(at.refresh({})).rejects.toMatchObject({ name: 'CloudUnavailable' });
    const read = [await at.stored('ap-sydney'), await at.stored('ap-northeast')].map((known) => known?.at);
    expect(new Set(read)).toEqual(new Set([exampleTime, at.clock.now()]));
    expect(at.lines.filter(({ decision }) => decision === 'offerings not read')).toHaveLength(1);
  });

  it('takes no empty or much shorter list for what is sold', async () => {
    let sold = 10;
    const at = await scene({
      clusters: clustersIn('us-northwest', 'aws', account()),
      sells: () => ({
        offerings: Array.from({ length: sold }, (_, index) => anOffering({ instanceType: `t${index}` })),
        leftOut: {},
      }),
    });
    for (const [count, expected] of [
      [0, undefined],
      [10, 10],
      [4, 10],
      [5, 5],
      [0, 5],
    ] as const) {
      sold = count;
      at.clock.advance(60);
      await at.refresh({});
      expect((await at.stored('us-northwest'))?.offerings.length).toBe(expected);
    }
  });
});

describe('a new cluster', () => {
  it('has its place read at once, unless that was done within the hour', async () => {
    const [cluster] = clustersIn('us-west', 'aws', account());
    const at = await scene({ clusters: [cluster!] });
    await at.refresh({ clusterId: cluster!.id });
    await at.refresh({ clusterId: cluster!.id });
    expect(at.asked).toHaveLength(1);
    expect(await at.stored('us-west')).toMatchObject({ zone: '' });
    at.clock.advance(3600);
    await at.refresh({ clusterId: cluster!.id });
    expect(at.asked).toHaveLength(2);
  });

  it('without a part in this cloud, or that is gone, is nothing to it', async () => {
    const [elsewhere] = clustersIn('us-east', 'gcp', account());
    const at = await scene({ clusters: [elsewhere!] });
    await at.refresh({ clusterId: elsewhere!.id });
    await at.refresh({ clusterId: randomUUID() });
    expect(at.asked).toEqual([]);
  });
});
