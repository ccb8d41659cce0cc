import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exampleTime } from '../../test/builders/cluster.ts';
import { anOffering } from '../../test/builders/node.ts';
import { startPeopleApi, type PeopleApi } from '../../test/builders/people-api.ts';
import type { OfferingList } from '../../shared/domain/api-types.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { regions } from '../../shared/domain/regions.ts';

let api: PeopleApi;
beforeAll(async () => {
  api = await startPeopleApi();
});
afterAll(() => api.close());

const get = (query: string) => api.call<OfferingList>('GET', `/offerings${query}`);
const namesOf = ({ items }: OfferingList) =>
  items.map(({ cloud, instanceType, lifecycle }) => `${cloud} ${instanceType} ${lifecycle}`);

describe('what can be bought', () => {
  it('is the built-in table’s where nobody has read anything yet, cheapest first', async () => {
    const { status, json } = await get('?region=us-east&limit=200');
    expect(status).toBe(200);
    expect(json.prices).toEqual(['aws', 'gcp', 'azure', 'digitalocean'].map((cloud) => ({ cloud })));
    const prices = json.items.map(({ usdPerUnitHour }) => usdPerUnitHour);
    expect(prices).toEqual(prices.toSorted((a, b) => a - b));
    expect(json.items.find(({ instanceType }) => instanceType === 'c-4')).toEqual({
      cloud: 'digitalocean',
      region: 'nyc1',
      zone: '',
      instanceType: 'c-4',
      architecture: 'amd64',
      lifecycle: 'on-demand',
      vcpus: 4,
      memoryGib: 8,
      usdPerHour: 0.125,
      burstable: false,
      usdPerUnitHour: 0.024643,
      allocatable: { cpuMillis: 3920, memoryMib: 5633, pods: 110 },
    });
  });

  it('is what was read there last, with what is left alone for now', async () => {
    const place = { cloud: 'aws', region: 'eu-west-2', zone: 'eu-west-2a' } as const;
    const offerings = [
      anOffering({ ...place, instanceType: 'x99.large' }),
      anOffering({ ...place, instanceType: 'x99.large', lifecycle: 'spot', usdPerHour: 0.05 }),
    ];
    await api.tests.store.offerings.put({ ...place, at: exampleTime, offerings });
    const until = '2026-11-23T04:15:00.000Z';
    await api.tests.store.coolOffs.put({
      ...place,
      instanceType: 'x99.large',
      lifecycle: 'spot',
      until,
      reason: 'CapacityUnavailable',
    });
    const { json } = await get('?region=eu-west&cloud=aws');
    expect(namesOf(json)).toEqual(['aws x99.large spot', 'aws x99.large on-demand']);
    expect(json.items.map(({ coolingOffUntil }) => coolingOffUntil)).toEqual([until, undefined]);
    expect(json.prices).toEqual([{ cloud: 'aws', at: exampleTime }]);
    expect(namesOf((await get('?region=eu-west&cloud=aws&lifecycle=on-demand')).json)).toEqual([
      'aws x99.large on-demand',
    ]);
  });

  it('comes page by page, each offering once', async () => {
    const whole = namesOf((await get('?region=us-east&lifecycle=spot&limit=200')).json);
    const paged: string[] = [];
    let cursor = '';
    for (let pages = 0; pages < 50; pages += 1) {
      const { json } = await get(`?region=us-east&lifecycle=spot&limit=5${cursor}`);
      paged.push(...namesOf(json));
      if (json.cursor === undefined) break;
      cursor = `&cursor=${json.cursor}`;
    }
    expect(paged).toEqual(whole);
    expect(whole.length).toBeGreaterThan(20);
  });

  const names = regions.map(({ name }) => name);
  it.each<[string, string, readonly string[] | undefined]>([
    ['', 'region: is required', names],
    ['?region=mars', 'region: "mars" is not known', names],
    ['?region=us-east&cloud=oracle', 'cloud: "oracle" is not known', cloudNames],
    [
      '?region=us-northwest&cloud=digitalocean',
      'cloud: digitalocean has no place in us-northwest',
      ['aws', 'gcp', 'azure'],
    ],
    ['?region=us-east&lifecycle=reserved', 'lifecycle: "reserved" is not known', ['on-demand', 'spot']],
    ['?region=us-east&limit=0', 'limit: a whole number', undefined],
    ['?region=us-east&cursor=nonsense', 'cursor: is not one', undefined],
    [
      `?region=us-east&cursor=${Buffer.from('["cheap","x"]').toString('base64url')}`,
      'cursor: is not one',
      undefined,
    ],
  ])('is not told for %j', async (query, detail, allowed) => {
    const { status, json } = await get(query);
    expect(status).toBe(400);
    expect(json.detail).toContain(detail);
    if (allowed !== undefined) expect(json.errors?.[0]?.allowed).toEqual(allowed);
  });
});
