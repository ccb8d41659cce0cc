import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestRoute53, testZone, type TestRoute53 } from '../../test/builders/route53.ts';
import type { DnsRecord } from '../domain/dns.ts';
import { createDns } from './dns.ts';

let at: TestRoute53;
beforeAll(async () => {
  at = await startTestRoute53();
});
afterAll(() => at.close());

const record = (cluster: string, number: number): DnsRecord => ({
  name: `api.${cluster}.${testZone.name}`,
  setIdentifier: `node-${String(number).padStart(4, '0')}`,
  routing: 'multivalue',
  target: { addresses: ['203.0.113.7'] },
});
const create = (cluster: string, count: number) =>
  at.dns.change(
    Array.from({ length: count }, (_, number) => ({
      action: 'create' as const,
      record: record(cluster, number),
    })),
  );

describe('the zone', () => {
  it('is read to its last page, and a cluster’s part of it without its neighbours’', async () => {
    expect(await create('demo', 700)).toBe('changed');
    expect(await create('demo-2', 3)).toBe('changed');
    expect(await create('dem', 2)).toBe('changed');
    const { records } = await at.dns.look();
    expect(records.filter(({ type }) => type === 'A')).toHaveLength(705);
    const own = (await at.dns.look('demo')).records;
    expect(own).toHaveLength(700);
    expect(new Set(own.map(({ name }) => name))).toEqual(new Set([`api.demo.${testZone.name}`]));
    expect((await at.dns.look('demo-2')).records).toHaveLength(3);
    expect((await at.dns.look('none')).records).toEqual([]);
  });

  it('is not changed when any change of a batch cannot be made', async () => {
    const fresh = { action: 'create', record: record('fresh', 1) } as const;
    const outcome = await at.dns.change([fresh, { action: 'create', record: record('demo', 1) }]);
    expect(outcome).toEqual({ objection: expect.stringContaining('already exists') as string });
    expect((await at.dns.look('fresh')).records).toEqual([]);
  });

  it.each([
    ['does not exist', { id: 'Z0NOBODYS', name: testZone.name }, 'look'],
    ['has another name', { id: testZone.id, name: 'example.org' }, 'change'],
  ] as const)('that %s is refused for good', async (_, zone, call) => {
    const dns = createDns({ client: at.client, zone });
    const foreign = { ...record('demo', 1), name: 'api.demo.example.org' };
    const tried = call === 'look' ? dns.look() : dns.change([{ action: 'create', record: foreign }]);
    await expect(tried).rejects.toMatchObject({ name: 'InvalidRequest', cloud: 'aws' });
  });
});

describe('health checks', () => {
  it('are made once for a reference, and a reference that was used is told apart', async () => {
    const target = { address: '203.0.113.7', port: 6443 };
    expect(await at.dns.createCheck(target, 'one')).toBe('created');
    expect(await at.dns.createCheck(target, 'one')).toBe('created');
    expect(await at.dns.createCheck({ ...target, port: 80 }, 'one')).toBe('spent');
    const { checks } = await at.dns.look('none');
    expect(checks).toMatchObject([{ callerReference: 'one', target, isAsSet: true }]);
    const [check] = checks;
    await at.dns.removeCheck(check?.id ?? '');
    await at.dns.removeCheck(check?.id ?? '');
    expect(await at.dns.createCheck(target, 'one')).toBe('spent');
  });

  it('beyond what the account may have are refused as a quota', async () => {
    const make = (number: number) =>
      at.dns.createCheck({ address: `198.51.100.${number % 250}`, port: number }, `many-${number}`);
    const all = async (): Promise<void> => {
      for (let number = 1; number <= 201; number += 1) await make(number);
    };
    await expect(all()).rejects.toMatchObject({ name: 'QuotaExceeded' });
    expect((await at.dns.look('none')).checks).toHaveLength(200);
  });
});
