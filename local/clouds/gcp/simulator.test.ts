import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createGcpSimulator } from './index.ts';

type Json = Record<string, unknown>;
interface Answer {
  readonly status: number;
  readonly body: Json;
}

const zone = 'us-east4-a';
const image = 'projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64';

const instance = (change: Json = {}): Json => ({
  name: 'one',
  machineType: `zones/${zone}/machineTypes/e2-standard-4`,
  disks: [{ boot: true, autoDelete: true, initializeParams: { sourceImage: image, diskSizeGb: '50' } }],
  networkInterfaces: [
    {
      subnetwork: 'regions/us-east4/subnetworks/sub',
      accessConfigs: [{ name: 'nat', type: 'ONE_TO_ONE_NAT' }],
    },
  ],
  ...change,
});
const firewall = (change: Json = {}): Json => ({
  name: 'fw',
  network: 'global/networks/net',
  allowed: [{ IPProtocol: 'tcp', ports: ['22'] }],
  ...change,
});
const subnetwork = (change: Json = {}): Json => ({
  name: 'other',
  network: 'global/networks/net',
  ipCidrRange: '10.1.0.0/24',
  ...change,
});

const reason = ({ status, body }: Answer): string => {
  const error = body['error'] as { errors: { reason: string }[] } | undefined;
  return `${status} ${error?.errors[0]?.reason ?? 'ok'}`;
};

describe('the Compute Engine simulator', () => {
  const world = new World({ timeScale: 2000 });
  let url = '';
  let close: () => Promise<void>;

  const call = async (method: string, path: string, body?: unknown, bearer = 'anybody'): Promise<Answer> => {
    const response = await fetch(`${url}/compute/v1/projects/overcast-test/${path}`, {
      method,
      headers: bearer === '' ? {} : { authorization: `Bearer ${bearer}` },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Json };
  };
  const wait = async (answer: Answer): Promise<Json> => {
    const { selfLink } = answer.body as { selfLink: string };
    const path = selfLink.replace(/^.*\/projects\/overcast-test\//, '');
    return (await call('POST', `${path}/wait`)).body;
  };
  const done = async (method: string, path: string, body?: unknown): Promise<Json> => {
    const answer = await call(method, path, body);
    expect(answer).toMatchObject({ status: 200 });
    const operation = await wait(answer);
    expect(operation).toMatchObject({ status: 'DONE', progress: 100 });
    return operation;
  };

  const list = async (path: string): Promise<string[][]> => {
    const pages: string[][] = [];
    let token = '';
    do {
      const { body } = await call('GET', `${path}&pageToken=${token}`);
      const items = body['items'] as { name: string }[] | Record<string, { instances?: { name: string }[] }>;
      pages.push(
        (Array.isArray(items) ? items : Object.values(items).flatMap((scope) => scope.instances ?? [])).map(
          (item) => item.name,
        ),
      );
      token = (body['nextPageToken'] as string | undefined) ?? '';
    } while (token !== '');
    return pages;
  };
  const briefRoutes = async () =>
    ((await call('GET', `global/routes?filter=${encodeURIComponent('network eq ".*/brief"')}`)).body[
      'items'
    ] ?? []) as Json[];

  beforeAll(async () => {
    ({ url, close } = await serveSimulator(world, createGcpSimulator(world)));
    await done('POST', 'global/networks', { name: 'net', autoCreateSubnetworks: false });
    await done('POST', 'regions/us-east4/subnetworks', {
      name: 'sub',
      network: 'global/networks/net',
      ipCidrRange: '10.0.1.0/24',
    });
  });
  afterAll(async () => {
    await close();
    world.close();
  });

  const zoned = `zones/${zone}/instances`;
  it.each<[string, string, string, unknown, string]>([
    ['an unknown path', 'POST', 'global/gadgets', {}, '404 notFound'],
    ['an unknown verb', 'POST', `${zoned}/one/dance`, {}, '404 notFound'],
    ['an unknown zone', 'GET', 'zones/us-east4-z/instances', undefined, '404 notFound'],
    ['an unknown region', 'GET', 'regions/us-nowhere1/subnetworks', undefined, '404 notFound'],
    ['a body that is no JSON', 'POST', 'global/networks', '{', '400 parseError'],
    [
      'an unknown field',
      'POST',
      'global/networks',
      { name: 'n', autoCreateSubnetworks: false, tags: [] },
      '400 invalid',
    ],
    ['a legacy network', 'POST', 'global/networks', { name: 'n' }, '400 invalid'],
    ['a missing name', 'POST', 'global/networks', { autoCreateSubnetworks: false }, '400 required'],
    [
      'a name in capitals',
      'POST',
      'global/networks',
      { name: 'Net', autoCreateSubnetworks: false },
      '400 invalid',
    ],
    [
      'a name that is taken',
      'POST',
      'global/networks',
      { name: 'net', autoCreateSubnetworks: false },
      '409 alreadyExists',
    ],
    ['a network in use', 'DELETE', 'global/networks/net', undefined, '400 resourceInUseByAnotherResource'],
    ['a network that is not there', 'GET', 'global/networks/none', undefined, '404 notFound'],
    [
      'an overlapping subnet',
      'POST',
      'regions/us-east4/subnetworks',
      subnetwork({ ipCidrRange: '10.0.0.0/16' }),
      '400 invalid',
    ],
    [
      'a subnet with host bits',
      'POST',
      'regions/us-east4/subnetworks',
      subnetwork({ ipCidrRange: '10.1.0.7/24' }),
      '400 invalid',
    ],
    [
      'a tiny subnet',
      'POST',
      'regions/us-east4/subnetworks',
      subnetwork({ ipCidrRange: '10.1.0.0/30' }),
      '400 invalid',
    ],
    [
      'a subnet of nothing',
      'POST',
      'regions/us-east4/subnetworks',
      subnetwork({ network: 'global/networks/no' }),
      '404 notFound',
    ],
    [
      'a lower-case IPProtocol key',
      'POST',
      'global/firewalls',
      firewall({ allowed: [{ ipProtocol: 'tcp' }] }),
      '400 invalid',
    ],
    [
      'an unknown protocol',
      'POST',
      'global/firewalls',
      firewall({ allowed: [{ IPProtocol: 'carrier-pigeon' }] }),
      '400 invalid',
    ],
    [
      'ports of icmp',
      'POST',
      'global/firewalls',
      firewall({ allowed: [{ IPProtocol: 'icmp', ports: ['1'] }] }),
      '400 invalid',
    ],
    [
      'a port that is a number',
      'POST',
      'global/firewalls',
      firewall({ allowed: [{ IPProtocol: 'tcp', ports: [22] }] }),
      '400 invalid',
    ],
    [
      'ports the wrong way round',
      'POST',
      'global/firewalls',
      firewall({ allowed: [{ IPProtocol: 'tcp', ports: ['9-8'] }] }),
      '400 invalid',
    ],
    ['an unknown direction', 'POST', 'global/firewalls', firewall({ direction: 'UP' }), '400 invalid'],
    [
      'allowing and denying',
      'POST',
      'global/firewalls',
      firewall({ denied: [{ IPProtocol: 'all' }] }),
      '400 invalid',
    ],
    [
      'sources of what leaves',
      'POST',
      'global/firewalls',
      firewall({ direction: 'EGRESS', sourceRanges: ['10.0.0.0/8'] }),
      '400 invalid',
    ],
    [
      'a 64-bit integer as a number',
      'POST',
      zoned,
      instance({ disks: [{ boot: true, initializeParams: { sourceImage: image, diskSizeGb: 50 } }] }),
      '400 invalid',
    ],
    [
      'a disk smaller than its image',
      'POST',
      zoned,
      instance({ disks: [{ boot: true, initializeParams: { sourceImage: image, diskSizeGb: '5' } }] }),
      '400 invalid',
    ],
    [
      'an unknown image family',
      'POST',
      zoned,
      instance({
        disks: [
          {
            boot: true,
            initializeParams: { sourceImage: 'projects/ubuntu-os-cloud/global/images/family/beos' },
          },
        ],
      }),
      '404 notFound',
    ],
    [
      'Persistent Disk where only Hyperdisk goes',
      'POST',
      zoned,
      instance({ machineType: `zones/${zone}/machineTypes/n4-highcpu-4` }),
      '400 invalid',
    ],
    [
      'an image of another architecture',
      'POST',
      zoned,
      instance({ machineType: `zones/${zone}/machineTypes/c4a-highcpu-4` }),
      '400 invalid',
    ],
    [
      'an unknown machine type',
      'POST',
      zoned,
      instance({ machineType: `zones/${zone}/machineTypes/e9` }),
      '404 notFound',
    ],
    [
      'a machine type of another zone',
      'POST',
      zoned,
      instance({ machineType: 'zones/us-east4-b/machineTypes/e2-standard-4' }),
      '404 notFound',
    ],
    ['labels in capitals', 'POST', zoned, instance({ labels: { Name: 'x' } }), '400 invalid'],
    ['a label with a colon', 'POST', zoned, instance({ labels: { 'overcast:node': 'x' } }), '400 invalid'],
    [
      'spot that restarts',
      'POST',
      zoned,
      instance({ scheduling: { provisioningModel: 'SPOT', automaticRestart: true } }),
      '400 invalid',
    ],
    [
      'user-data twice',
      'POST',
      zoned,
      instance({
        metadata: {
          items: [
            { key: 'user-data', value: 'a' },
            { key: 'user-data', value: 'b' },
          ],
        },
      }),
      '400 invalid',
    ],
    ['no interface', 'POST', zoned, instance({ networkInterfaces: [] }), '400 required'],
    [
      'a subnet of another region',
      'POST',
      'zones/us-west1-a/instances',
      instance({ machineType: 'zones/us-west1-a/machineTypes/e2-standard-4' }),
      '400 invalid',
    ],
    ['a request id that is no UUID', 'POST', `${zoned}?requestId=1`, instance(), '400 invalid'],
    [
      'a filter with OR',
      'GET',
      `${zoned}?filter=${encodeURIComponent('name=a OR name=b')}`,
      undefined,
      '400 invalid',
    ],
    [
      'a filter of both kinds',
      'GET',
      `${zoned}?filter=${encodeURIComponent('name=a AND name eq "b"')}`,
      undefined,
      '400 invalid',
    ],
    ['an unknown list parameter', 'GET', `${zoned}?limit=3`, undefined, '400 invalid'],
    ['a page of 501', 'GET', `${zoned}?maxResults=501`, undefined, '400 invalid'],
  ])('refuses %s', async (_name, method, path, body, expected) => {
    expect(reason(await call(method, path, body))).toBe(expected);
  });

  it('says no in Google’s words', async () => {
    expect(await call('GET', 'global/networks/none')).toEqual({
      status: 404,
      body: {
        error: {
          code: 404,
          message: "The resource 'projects/overcast-test/global/networks/none' was not found",
          errors: [
            {
              message: "The resource 'projects/overcast-test/global/networks/none' was not found",
              domain: 'global',
              reason: 'notFound',
            },
          ],
          status: 'NOT_FOUND',
        },
      },
    });
  });

  it.each([
    ['no bearer', ''],
    ['a bearer that it does not know', 'revoked'],
  ])('wants to know who calls: %s', async (_name, bearer) => {
    expect(reason(await call('GET', '', undefined, bearer))).toBe('401 authError');
  });

  it('throttles with 403 rateLimitExceeded and fails with 503 backendError', async () => {
    world.addFault({ id: 'a', cloud: 'gcp', operation: 'readNetwork', effect: 'throttle', times: 1 });
    expect(reason(await call('GET', 'global/networks'))).toBe('403 rateLimitExceeded');
    world.addFault({ id: 'b', cloud: 'gcp', operation: 'readNetwork', effect: 'unavailable', times: 1 });
    expect(reason(await call('GET', 'global/networks'))).toBe('503 backendError');
  });

  it('answers one request id with one operation, and refuses it for another request', async () => {
    const requestId = randomUUID();
    const path = `${zoned}?requestId=${requestId}`;
    const [one, same] = [
      await call('POST', path, instance({ name: 'twice' })),
      await call('POST', path, instance({ name: 'twice' })),
    ];
    expect(same.body['name']).toBe(one.body['name']);
    expect(one.body['clientOperationId']).toBe(requestId);
    expect(reason(await call('POST', path, instance({ name: 'another' })))).toBe('400 invalid');
    await wait(one);
    await done('DELETE', `${zoned}/twice`);
  });

  it('takes an instance through its life, its disk with it', async () => {
    world.change({ timeScale: 200 });
    const begun = await call('POST', zoned, instance({ name: 'life', labels: { a: 'b' } }));
    expect(begun.body['status']).toMatch(/PENDING|RUNNING/);
    expect((await call('GET', `${zoned}/life`)).body['status']).toMatch(/PROVISIONING|STAGING/);
    expect(await wait(begun)).toMatchObject({ status: 'DONE', operationType: 'insert' });
    expect((await call('GET', `${zoned}/life`)).body).toMatchObject({
      status: 'RUNNING',
      networkInterfaces: [
        { networkIP: '10.0.1.2', accessConfigs: [{ natIP: expect.stringMatching(/^34\./) }] },
      ],
    });
    expect((await call('GET', `zones/${zone}/disks/life`)).body).toMatchObject({
      sizeGb: '50',
      users: [expect.stringMatching(/\/life$/)],
    });
    expect(reason(await call('DELETE', `zones/${zone}/disks/life`))).toBe(
      '400 resourceInUseByAnotherResource',
    );
    expect(reason(await call('DELETE', 'regions/us-east4/subnetworks/sub'))).toBe(
      '400 resourceInUseByAnotherResource',
    );
    const going = await call('DELETE', `${zoned}/life`);
    expect((await call('GET', `${zoned}/life`)).body['status']).toBe('STOPPING');
    await wait(going);
    expect(reason(await call('GET', `${zoned}/life`))).toBe('404 notFound');
    expect(reason(await call('GET', `zones/${zone}/disks/life`))).toBe('404 notFound');
    world.change({ timeScale: 2000 });
  });

  it('changes labels only for somebody who has seen them', async () => {
    await done('POST', zoned, instance({ name: 'labelled' }));
    const { labelFingerprint } = (await call('GET', `${zoned}/labelled`)).body;
    expect(
      reason(
        await call('POST', `${zoned}/labelled/setLabels`, { labels: { a: 'b' }, labelFingerprint: 'old' }),
      ),
    ).toBe('412 conditionNotMet');
    await done('POST', `${zoned}/labelled/setLabels`, { labels: { a: 'b' }, labelFingerprint });
    expect((await call('GET', `${zoned}/labelled`)).body['labels']).toEqual({ a: 'b' });
    await done('POST', `${zoned}/labelled/stop`);
    expect((await call('GET', `${zoned}/labelled`)).body['status']).toBe('TERMINATED');
    await done('DELETE', `${zoned}/labelled`);
  });

  it('changes network tags only for somebody who has seen them', async () => {
    await done('POST', zoned, instance({ name: 'tagged', tags: { items: ['web'] } }));
    const tags = async () =>
      (await call('GET', `${zoned}/tagged`)).body['tags'] as { items?: string[]; fingerprint: string };
    const before = await tags();
    expect(before.items).toEqual(['web']);
    for (const fingerprint of [undefined, 'old'])
      expect(reason(await call('POST', `${zoned}/tagged/setTags`, { items: ['db'], fingerprint }))).toBe(
        '412 conditionNotMet',
      );
    await done('POST', `${zoned}/tagged/setTags`, { fingerprint: before.fingerprint });
    const after = await tags();
    expect(after).toEqual({ fingerprint: expect.not.stringMatching(before.fingerprint) as string });
    expect(reason(await call('POST', `${zoned}/tagged/setTags`, { ...after, items: ['Not a name'] }))).toBe(
      '400 invalid',
    );
    await done('DELETE', `${zoned}/tagged`);
  });

  it('changes of a network its routing mode alone', async () => {
    const routingConfig = { routingMode: 'GLOBAL' };
    await done('PATCH', 'global/networks/net', { routingConfig });
    expect((await call('GET', 'global/networks/net')).body).toMatchObject({ routingConfig });
    expect(reason(await call('PATCH', 'global/networks/net', { description: 'mine' }))).toBe('400 invalid');
    // Every network here has been in custom mode from the beginning, and there is no way back.
    expect(reason(await call('POST', 'global/networks/net/switchToCustomMode'))).toBe('400 invalid');
  });

  it('reports want of capacity after accepting, with HTTP 200', async () => {
    world.change({ soldOut: { gcp: ['e2-standard-8'] } });
    const operation = await done(
      'POST',
      zoned,
      instance({ machineType: `zones/${zone}/machineTypes/e2-standard-8` }),
    );
    expect(operation).toMatchObject({
      httpErrorStatusCode: 503,
      error: { errors: [{ code: 'ZONE_RESOURCE_POOL_EXHAUSTED' }] },
    });
    expect(reason(await call('GET', `${zoned}/one`))).toBe('404 notFound');
    world.change({ soldOut: {} });
  });

  it('pages and filters lists, also aggregated ones', async () => {
    for (const name of ['p-1', 'p-2', 'p-3'])
      await done('POST', zoned, instance({ name, labels: { group: name === 'p-3' ? 'b' : 'a' } }));
    expect(await list(`${zoned}?maxResults=2`)).toEqual([['p-1', 'p-2'], ['p-3']]);
    expect(await list('aggregated/instances?maxResults=2')).toEqual([['p-1', 'p-2'], ['p-3']]);
    world.change({ pageSizeMax: 1 });
    expect(await list(`${zoned}?maxResults=2`)).toHaveLength(3);
    world.change({ pageSizeMax: 500 });
    for (const [filter, names] of [
      ['labels.group=a', ['p-1', 'p-2']],
      ['labels.group=a AND name=p-2', ['p-2']],
      ['(labels.group = "a") (status != RUNNING)', []],
      ['labels.group:*', ['p-1', 'p-2', 'p-3']],
      ['name eq "p-[23]"', ['p-2', 'p-3']],
      ['name ne p-1', ['p-2', 'p-3']],
    ] as const) {
      const { body } = await call('GET', `${zoned}?filter=${encodeURIComponent(filter)}`);
      expect([filter, ((body['items'] ?? []) as { name: string }[]).map((item) => item.name)]).toEqual([
        filter,
        names,
      ]);
    }
    for (const name of ['p-1', 'p-2', 'p-3']) await done('DELETE', `${zoned}/${name}`);
  });

  it('gives each network its default route, which goes with it', async () => {
    await done('POST', 'global/networks', { name: 'brief', autoCreateSubnetworks: false });
    expect(await briefRoutes()).toMatchObject([{ destRange: '0.0.0.0/0', priority: 1000 }]);
    await done('DELETE', 'global/networks/brief');
    expect(await briefRoutes()).toEqual([]);
  });

  it('replaces a firewall with PUT, changes it with PATCH, and turns it with neither', async () => {
    await done('POST', 'global/firewalls', firewall({ sourceRanges: ['10.0.0.0/8'], targetTags: ['web'] }));
    await done('PATCH', 'global/firewalls/fw', { allowed: [{ IPProtocol: 'udp', ports: ['53'] }] });
    expect((await call('GET', 'global/firewalls/fw')).body).toMatchObject({
      sourceRanges: ['10.0.0.0/8'],
      targetTags: ['web'],
      allowed: [{ IPProtocol: 'udp' }],
    });
    await done('PUT', 'global/firewalls/fw', firewall());
    expect((await call('GET', 'global/firewalls/fw')).body['targetTags']).toBeUndefined();
    expect(reason(await call('PATCH', 'global/firewalls/fw', { direction: 'EGRESS' }))).toBe('400 invalid');
    expect(
      reason(
        await call('PUT', 'global/firewalls/fw', {
          network: 'global/networks/net',
          denied: [{ IPProtocol: 'tcp' }],
        }),
      ),
    ).toBe('400 invalid');
    await done('DELETE', 'global/firewalls/fw');
  });

  it('knows projects, zones, machine types and images', async () => {
    expect((await call('GET', '')).body).toMatchObject({ kind: 'compute#project', name: 'overcast-test' });
    expect((await call('GET', `zones/${zone}`)).body).toMatchObject({ name: zone, status: 'UP' });
    expect((await call('GET', `zones/${zone}/machineTypes/n4-highcpu-4`)).body).toMatchObject({
      guestCpus: 4,
      memoryMb: 8192,
    });
    const response = await fetch(`${url}/compute/v1/${image}`, { headers: { authorization: 'Bearer x' } });
    expect(await response.json()).toMatchObject({ family: 'ubuntu-2404-lts-amd64', diskSizeGb: '10' });
  });
});
