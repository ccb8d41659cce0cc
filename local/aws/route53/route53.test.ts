import { Socket } from 'node:net';
import {
  ChangeResourceRecordSetsCommand,
  CreateHealthCheckCommand,
  DeleteHealthCheckCommand,
  GetHealthCheckStatusCommand,
  ListHealthChecksCommand,
  ListResourceRecordSetsCommand,
  type Change,
  type ResourceRecordSet,
} from '@aws-sdk/client-route-53';
import { streamDecode, streamEncode } from 'dns-packet';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestRoute53, testZone, type TestRoute53 } from '../../../test/builders/route53.ts';

let at: TestRoute53;
beforeEach(async () => {
  at = await startTestRoute53();
});
afterEach(() => at.close());

const change = (...changes: Change[]) =>
  at.client.send(
    new ChangeResourceRecordSetsCommand({ HostedZoneId: testZone.id, ChangeBatch: { Changes: changes } }),
  );
const create = (record: Partial<ResourceRecordSet>): Change => ({
  Action: 'CREATE',
  ResourceRecordSet: {
    Name: 'demo.overcast.test',
    Type: 'A',
    ...(record.AliasTarget === undefined ? { TTL: 60, ResourceRecords: [{ Value: '192.0.2.1' }] } : {}),
    ...record,
  },
});
const weighted = (part: string, value: string, more: Partial<ResourceRecordSet> = {}): Change =>
  create({ SetIdentifier: part, Weight: 1, ResourceRecords: [{ Value: value }], ...more });
const list = async (from?: string, MaxItems?: number) =>
  at.client.send(
    new ListResourceRecordSetsCommand({
      HostedZoneId: testZone.id,
      StartRecordName: from,
      MaxItems,
    }),
  );
const check = async (address: string, reference = address) => {
  const { HealthCheck } = await at.client.send(
    new CreateHealthCheckCommand({
      CallerReference: reference,
      HealthCheckConfig: { Type: 'TCP', IPAddress: address, Port: 80, RequestInterval: 30 },
    }),
  );
  return HealthCheck?.Id ?? '';
};
const statusOf = async (HealthCheckId: string): Promise<string> => {
  const { HealthCheckObservations } = await at.client.send(
    new GetHealthCheckStatusCommand({ HealthCheckId }),
  );
  return HealthCheckObservations?.[0]?.StatusReport?.Status ?? '';
};
const answers = async (name: string, times = 60): Promise<ReadonlySet<string>> => {
  const seen = new Set<string>();
  for (let question = 0; question < times; question += 1) seen.add((await at.resolve(name)).join());
  return seen;
};

describe('records', () => {
  it('are listed by their labels from the right, escaped, page by page', async () => {
    await change(
      create({ Name: 'zebra.overcast.test' }),
      create({ Name: 'api.demo.overcast.test' }),
      create({ Name: '*.demo.overcast.test' }),
      create({}),
    );
    const { ResourceRecordSets = [] } = await list('demo.overcast.test');
    expect(ResourceRecordSets.map(({ Name }) => Name)).toEqual([
      'demo.overcast.test.',
      String.raw`\052.demo.overcast.test.`,
      'api.demo.overcast.test.',
      'zebra.overcast.test.',
    ]);
    const page = await list('demo.overcast.test', 2);
    expect(page).toMatchObject({ IsTruncated: true, NextRecordName: 'api.demo.overcast.test.' });
  });

  it.each<[string, RegExp, () => Change[]]>([
    ['outside of the zone', /not permitted in zone/, () => [create({ Name: 'demo.example.org' })]],
    ['that are no addresses', /not a valid IPv4/, () => [create({ ResourceRecords: [{ Value: 'x' }] })]],
    ['that are there', /already exists/, () => [create({}), create({})]],
    [
      'of two routing policies at one name',
      /another routing policy/,
      () => [create({}), weighted('aws', '192.0.2.2')],
    ],
    [
      'beside a CNAME',
      /conflicts with other records/,
      () => [create({}), create({ Type: 'CNAME', ResourceRecords: [{ Value: 'a.example' }] })],
    ],
    [
      'that are aliases of nothing',
      /not found/,
      () => [
        create({
          AliasTarget: {
            DNSName: 'no.overcast.test',
            HostedZoneId: testZone.id,
            EvaluateTargetHealth: true,
          },
        }),
      ],
    ],
    [
      'that are deleted otherwise than they are',
      /do not match the current values/,
      () => [create({}), { ...create({ TTL: 5 }), Action: 'DELETE' }],
    ],
    ['that are deleted and not there', /was not found/, () => [{ ...create({}), Action: 'DELETE' }]],
    ['without the field of a policy', /Missing field/, () => [create({ SetIdentifier: 'x' })]],
  ])('%s are refused, and the whole batch with them', async (_, message, changes) => {
    const good = create({ Name: 'good.overcast.test' });
    await expect(change(good, ...changes())).rejects.toMatchObject({
      name: 'InvalidChangeBatch',
      message: expect.stringMatching(message) as string,
    });
    expect((await list('good.overcast.test')).ResourceRecordSets).toEqual([]);
  });

  it('of a zone that is not there, or with a check that is not, are refused by name', async () => {
    const elsewhere = at.client.send(new ListResourceRecordSetsCommand({ HostedZoneId: 'ZNONE' }));
    await expect(elsewhere).rejects.toMatchObject({ name: 'NoSuchHostedZone' });
    const unknown = change(weighted('aws', '192.0.2.1', { HealthCheckId: 'no-such' }));
    await expect(unknown).rejects.toMatchObject({ name: 'NoSuchHealthCheck' });
  });
});

describe('health checks', () => {
  it('are made once for one reference, which is spent once they are deleted', async () => {
    const first = await check('192.0.2.1');
    expect(await check('192.0.2.1')).toBe(first);
    await expect(check('192.0.2.9', '192.0.2.1')).rejects.toMatchObject({
      name: 'HealthCheckAlreadyExists',
    });
    await at.client.send(new DeleteHealthCheckCommand({ HealthCheckId: first }));
    await expect(check('192.0.2.1')).rejects.toMatchObject({ name: 'HealthCheckAlreadyExists' });
    const again = at.client.send(new DeleteHealthCheckCommand({ HealthCheckId: first }));
    await expect(again).rejects.toMatchObject({ name: 'NoSuchHealthCheck' });
  });

  it('are listed page by page', async () => {
    const ids = [await check('192.0.2.1'), await check('192.0.2.2'), await check('192.0.2.3')].toSorted();
    const page = await at.client.send(new ListHealthChecksCommand({ MaxItems: 2 }));
    expect(page).toMatchObject({ IsTruncated: true, NextMarker: ids[2] });
    const rest = await at.client.send(new ListHealthChecksCommand({ Marker: page.NextMarker }));
    expect(rest.HealthChecks?.map(({ Id }) => Id)).toEqual(ids.slice(2));
  });

  it('follow what answers and what does not', async () => {
    const id = await check('192.0.2.1');
    expect(await statusOf(id)).toMatch(/^Success/);
    at.dead.add('192.0.2.1');
    await expect.poll(() => statusOf(id), { timeout: 5000 }).toMatch(/^Failure/);
    at.dead.clear();
    await expect.poll(() => statusOf(id), { timeout: 5000 }).toMatch(/^Success/);
  });
});

describe('a resolver', () => {
  it('is given the weighted records in turn, and all multivalue ones at once', async () => {
    await change(weighted('aws', '192.0.2.1'), weighted('gcp', '192.0.2.2'));
    const multi = (part: string, value: string): Change =>
      create({
        Name: 'api.demo.overcast.test',
        SetIdentifier: part,
        MultiValueAnswer: true,
        ResourceRecords: [{ Value: value }],
      });
    await change(multi('1', '192.0.2.11'), multi('2', '192.0.2.12'));
    expect(await answers('demo.overcast.test')).toEqual(new Set(['192.0.2.1', '192.0.2.2']));
    expect(await answers('API.demo.overcast.test', 5)).toEqual(new Set(['192.0.2.11,192.0.2.12']));
  });

  it('is never given what is weighted with nothing, while anything else is there', async () => {
    await change(weighted('aws', '192.0.2.1', { Weight: 0 }), weighted('gcp', '192.0.2.2'));
    expect(await answers('demo.overcast.test')).toEqual(new Set(['192.0.2.2']));
  });

  it('is no longer given what is not healthy, until nothing else is left', async () => {
    const [one, two] = [await check('192.0.2.1'), await check('192.0.2.2')];
    await change(
      weighted('aws', '192.0.2.1', { HealthCheckId: one }),
      weighted('gcp', '192.0.2.2', { HealthCheckId: two }),
    );
    at.dead.add('192.0.2.1');
    await expect.poll(() => statusOf(one), { timeout: 5000 }).toMatch(/^Failure/);
    expect(await answers('demo.overcast.test')).toEqual(new Set(['192.0.2.2']));
    at.dead.add('192.0.2.2');
    await expect.poll(() => statusOf(two), { timeout: 5000 }).toMatch(/^Failure/);
    expect(await answers('demo.overcast.test')).toEqual(new Set(['192.0.2.1', '192.0.2.2']));
  });

  it('is led through aliases, in the zone and out of it, as long as they are healthy', async () => {
    const elb = { addresses: ['192.0.2.7', '192.0.2.8'], isHealthy: true };
    at.aliases.set('it.elb.example', elb);
    const toElb = { DNSName: 'it.elb.example', HostedZoneId: 'ZELB', EvaluateTargetHealth: true };
    const within = { DNSName: 'demo.overcast.test', HostedZoneId: testZone.id, EvaluateTargetHealth: true };
    await change(
      create({ SetIdentifier: 'aws', Weight: 1, AliasTarget: toElb }),
      weighted('gcp', '192.0.2.2'),
      create({ Name: '*.demo.overcast.test', SetIdentifier: 'all', Weight: 1, AliasTarget: within }),
    );
    const both = new Set(['192.0.2.2', '192.0.2.7,192.0.2.8']);
    expect(await answers('demo.overcast.test')).toEqual(both);
    expect(await answers('shop.demo.overcast.test')).toEqual(both);
    at.aliases.set('it.elb.example', { ...elb, isHealthy: false });
    expect(await answers('a.b.demo.overcast.test')).toEqual(new Set(['192.0.2.2']));
  });

  it('hears that a name is not there, or is and has no address', async () => {
    await change(create({ Name: 'api.demo.overcast.test' }), create({ Name: '*.overcast.test' }));
    await expect(at.resolve('no.api.demo.overcast.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(at.resolve('demo.overcast.test')).rejects.toMatchObject({ code: 'ENODATA' });
    await expect(at.resolve('example.org')).rejects.toMatchObject({ code: 'EREFUSED' });
    expect(await at.resolve('other.overcast.test')).toEqual(['192.0.2.1']);
  });

  it('may ask by TCP too', async () => {
    await change(create({}));
    const socket = new Socket();
    socket.connect(at.dnsPort, '127.0.0.1');
    socket.write(
      streamEncode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'demo.overcast.test' }] }),
    );
    const reply = await new Promise<Buffer>((resolve, reject) => {
      socket.once('data', resolve);
      socket.once('error', reject);
    });
    socket.destroy();
    expect(streamDecode(reply)).toMatchObject({ id: 7, answers: [{ type: 'A', data: '192.0.2.1' }] });
  });
});
