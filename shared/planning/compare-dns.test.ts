import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clusterNames,
  ttlSeconds,
  type DnsRecord,
  type SeenCheck,
  type SeenDns,
  type SeenRecord,
} from '../domain/dns.ts';
import { compareDns, type DnsStep } from './compare-dns.ts';

const clusterId = '0d4a1f6e-7c11-4b7c-9d5a-1f2e3d4c5b6a';
const names = clusterNames('demo', 'example.org');
const id = (part: string): string => `overcast:${clusterId}:${part}`;

const api = (number: number, address = `203.0.113.${number}`): DnsRecord => ({
  name: names.api,
  setIdentifier: id(`node-${number}`),
  routing: 'multivalue',
  target: { addresses: [address] },
  check: { address, port: 6443 },
});
const alias: DnsRecord = {
  name: names.ingress,
  setIdentifier: id('aws'),
  routing: 'weighted',
  target: { alias: 'it.elb.example', zoneId: 'ZNLB' },
};
const wildcard: DnsRecord = {
  name: names.wildcard,
  setIdentifier: id('ingress'),
  routing: 'weighted',
  target: { alias: names.ingress, zoneId: 'Z1' },
};
const wanted = [api(1), api(2), alias, wildcard];

/** A record as the zone has it once it was written. */
const written = (record: DnsRecord, healthCheckId?: string): SeenRecord => ({
  name: record.name,
  type: 'A',
  setIdentifier: record.setIdentifier,
  routing: record.routing,
  ...(record.routing === 'weighted' && { weight: 1 }),
  ...('alias' in record.target
    ? {
        values: [],
        alias: { name: record.target.alias, zoneId: record.target.zoneId, evaluatesHealth: true },
      }
    : { values: record.target.addresses, ttlSeconds }),
  ...(healthCheckId !== undefined && { healthCheckId }),
  raw: undefined,
});
const check = (number: number, given: Partial<SeenCheck> = {}): SeenCheck => ({
  id: `check-${number}`,
  callerReference: `${clusterId}/${number}`,
  target: { address: `203.0.113.${number}`, port: 6443 },
  isAsSet: true,
  ...given,
});
const right: SeenDns = {
  records: [written(api(1), 'check-1'), written(api(2), 'check-2'), written(alias), written(wildcard)],
  checks: [check(1), check(2)],
};
const compare = (seen: SeenDns, want: readonly DnsRecord[] = wanted) =>
  compareDns({ clusterId, names, wanted: want, seen });
const changesOf = (step: DnsStep | undefined): readonly string[] =>
  step?.kind === 'change-records'
    ? step.changes.map(({ action, record }) => `${action} ${record.setIdentifier?.split(':')[2] ?? ''}`)
    : [];
const messages = (seen: SeenDns): readonly string[] => compare(seen).flaws.map(({ message }) => message);
const changed = (index: number, given: Partial<SeenRecord>): SeenDns => ({
  ...right,
  records: right.records.map((record, at) => (at === index ? { ...record, ...given } : record)),
});

describe('what is as it should be', () => {
  it('is left alone', () => {
    expect(compare(right)).toEqual({ flaws: [] });
  });

  it('is not disturbed by what others have in the zone and in the account', () => {
    const others: SeenDns = {
      records: [
        { name: 'shop.demo.example.org', type: 'A', routing: 'simple', values: ['192.0.2.1'], raw: {} },
        { name: names.ingress, type: 'MX', routing: 'simple', values: ['10 mail.example.org'], raw: {} },
        { name: names.ingress, type: 'TXT', routing: 'simple', values: ['"proof"'], raw: {} },
      ],
      checks: [check(9, { callerReference: 'somebody' })],
    };
    const seen = {
      records: [...right.records, ...others.records],
      checks: [...right.checks, ...others.checks],
    };
    expect(compare(seen)).toEqual({ flaws: [] });
    expect(compare(seen, []).step).toMatchObject({
      kind: 'change-records',
      changes: [{ action: 'delete' }, { action: 'delete' }, { action: 'delete' }, { action: 'delete' }],
    });
  });
});

describe('what differs is said, and put right in this order', () => {
  it('checks first, since records name them', () => {
    const { flaws, step } = compare({ records: [], checks: [] });
    expect(step).toEqual({
      kind: 'create-checks',
      targets: [
        { address: '203.0.113.1', port: 6443 },
        { address: '203.0.113.2', port: 6443 },
      ],
    });
    expect(flaws).toHaveLength(6);
  });

  it('then all records in one batch, an alias after what it leads to', () => {
    const { step } = compare({ records: [], checks: right.checks });
    expect(changesOf(step)).toEqual(['create node-1', 'create node-2', 'create aws', 'create ingress']);
    expect(step).toMatchObject({ changes: [{ healthCheckId: 'check-1' }, {}, {}, {}] });
  });

  it('and checks that serve nothing last', () => {
    const seen = { ...right, checks: [...right.checks, check(7)] };
    expect(compare(seen).step).toEqual({ kind: 'remove-checks', ids: ['check-7'] });
    expect(messages(seen)).toEqual(['health check check-7 of 203.0.113.7 serves no record']);
  });

  it('takes an alias away before what it leads to', () => {
    expect(changesOf(compare(right, [api(1), api(2)]).step)).toEqual(['delete aws', 'delete ingress']);
  });

  it.each<[string, number, Partial<SeenRecord>]>([
    ['leads to 192.0.2.66 and not to 203.0.113.1', 0, { values: ['192.0.2.66'] }],
    ['is kept for 5 s and not 60', 0, { ttlSeconds: 5 }],
    ['does not follow its health check', 0, { healthCheckId: 'another' }],
    ['has weight 0 and not 1', 2, { weight: 0 }],
    [
      'leads to elsewhere.example and not to it.elb.example',
      2,
      { alias: { name: 'elsewhere.example', zoneId: 'ZNLB', evaluatesHealth: true } },
    ],
    [
      'no longer follows the health of what it leads to',
      2,
      { alias: { name: 'it.elb.example', zoneId: 'ZNLB', evaluatesHealth: false } },
    ],
    [
      'is an alias into another zone',
      2,
      { alias: { name: 'it.elb.example', zoneId: 'Z9', evaluatesHealth: true } },
    ],
  ])('%s', (message, index, given) => {
    const { flaws, step } = compare(changed(index, given));
    expect(flaws).toMatchObject([{ kind: 'changed', message: expect.stringContaining(message) as string }]);
    expect(changesOf(step)).toEqual([index === 0 ? 'upsert node-1' : 'upsert aws']);
  });

  it('routing cannot be changed in place', () => {
    expect(changesOf(compare(changed(2, { routing: 'other' })).step)).toEqual(['delete aws', 'create aws']);
  });

  it('a control plane that is no more leaves the answer, and its successor comes in', () => {
    const want = [api(1), api(3), alias, wildcard];
    expect(compare(right, want).step).toMatchObject({ kind: 'create-checks' });
    const seen = { ...right, checks: [...right.checks, check(3)] };
    expect(changesOf(compare(seen, want).step)).toEqual(['create node-3', 'delete node-2']);
  });

  it('a check that was changed by hand is made anew', () => {
    const seen = { ...right, checks: [check(1, { isAsSet: false }), check(2)] };
    expect(compare(seen).step).toMatchObject({ kind: 'create-checks' });
    const anew = { ...seen, checks: [...seen.checks, check(5, { target: check(1).target as never })] };
    expect(compare(anew).step).toMatchObject({ changes: [{ action: 'upsert', healthCheckId: 'check-5' }] });
  });

  it('of two checks of the same the first by its id stays', () => {
    const twin = check(8, { target: check(1).target as never });
    expect(compare({ ...right, checks: [twin, ...right.checks] }).step).toEqual({
      kind: 'remove-checks',
      ids: ['check-8'],
    });
  });
});

describe('a name that is somebody else’s', () => {
  const theirs: SeenRecord = {
    name: names.ingress,
    type: 'A',
    routing: 'simple',
    values: ['192.0.2.1'],
    raw: {},
  };

  it.each<[string, Partial<SeenRecord>]>([
    ['as it has a plain address', {}],
    ['as it is an alias name', { type: 'CNAME' }],
    ['as another cluster answers there', { setIdentifier: 'overcast:another:aws', routing: 'weighted' }],
  ])('is told and nothing is added there, %s', (_, given) => {
    const seen = { ...right, records: [...right.records.slice(0, 2), { ...theirs, ...given }] };
    const { flaws, step } = compare(seen, [api(1), api(2), alias]);
    expect(flaws).toMatchObject([{ kind: 'taken', subject: names.ingress }]);
    expect(step).toBeUndefined();
  });

  it('does not keep ours beside it from being right, or from going', () => {
    const beside = { ...theirs, setIdentifier: 'canary', routing: 'weighted' } as const;
    const seen = changed(2, { weight: 9 });
    const both = { ...seen, records: [...seen.records, beside] };
    expect(changesOf(compare(both).step)).toEqual(['upsert aws']);
    expect(changesOf(compare(both, [api(1), api(2)]).step)).toEqual(['delete aws', 'delete ingress']);
  });
});

describe('for any zone', () => {
  const numbers = fc.subarray([1, 2, 3, 4]);
  const foreign: SeenRecord[] = [
    { name: names.api, type: 'TXT', routing: 'simple', values: ['"x"'], raw: {} },
    { name: 'x.demo.example.org', type: 'A', routing: 'simple', values: ['192.0.2.9'], raw: {} },
  ];

  /** The zone and the checks after a step, as Route 53 carries it out. */
  function after(seen: SeenDns, step: DnsStep): SeenDns {
    if (step.kind === 'create-checks')
      return {
        ...seen,
        checks: [
          ...seen.checks,
          ...step.targets.map((target) => ({
            ...check(0),
            id: `new-${target.address}`,
            callerReference: `${clusterId}/new`,
            target,
          })),
        ],
      };
    if (step.kind === 'remove-checks')
      return { ...seen, checks: seen.checks.filter((each) => !step.ids.includes(each.id)) };
    let { records } = seen;
    for (const change of step.changes) {
      const others = records.filter(
        ({ name, setIdentifier }) =>
          name !== change.record.name || setIdentifier !== change.record.setIdentifier,
      );
      records =
        change.action === 'delete' ? others : [...others, written(change.record, change.healthCheckId)];
    }
    return { ...seen, records };
  }

  it('becomes right in a few steps, stays right, and nobody else’s is touched', () => {
    fc.assert(
      fc.property(numbers, numbers, numbers, fc.boolean(), (want, there, checked, hasForeign) => {
        const wantedNow = want.map((number) => api(number));
        let seen: SeenDns = {
          records: [
            ...there.map((number) => written(api(number), `check-${number}`)),
            ...(hasForeign ? foreign : []),
          ],
          checks: [...checked.map((number) => check(number)), check(9, { callerReference: 'theirs' })],
        };
        for (let steps = 0; steps < 4; steps += 1) {
          const { step } = compare(seen, wantedNow);
          if (step === undefined) break;
          seen = after(seen, step);
        }
        expect(compare(seen, wantedNow)).toEqual({ flaws: [] });
        expect(seen.records.filter(({ setIdentifier }) => setIdentifier === undefined)).toEqual(
          hasForeign ? foreign : [],
        );
        expect(seen.checks).toContainEqual(check(9, { callerReference: 'theirs' }));
        expect(seen.checks).toHaveLength(want.length + 1);
      }),
    );
  });
});
