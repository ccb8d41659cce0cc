import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDigitalOceanSimulator } from './digitalocean/index.ts';
import { serveSimulator } from './server.ts';
import { DamageRefused, World } from './world.ts';

const world = new World({ timeScale: 1000 });
let url = '';
let close: () => Promise<void>;

beforeAll(async () => {
  ({ url, close } = await serveSimulator(world, createDigitalOceanSimulator(world)));
});
afterAll(async () => {
  await close();
  world.close();
});

const ask = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: 'Bearer test' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as never) };
};

describe('the control endpoint', () => {
  it('places a stranger in a network, which the cloud’s own API then shows without tags', async () => {
    // The region's first is its default, which cannot be deleted.
    await ask('POST', '/v2/vpcs', { name: 'default-nyc1', region: 'nyc1', ip_range: '10.99.0.0/20' });
    const made = await ask('POST', '/v2/vpcs', { name: 'net', region: 'nyc1', ip_range: '10.100.0.0/20' });
    const { id: networkId } = (made.body as unknown as { vpc: { id: string } }).vpc;
    const placed = await ask('POST', '/_control/strangers', {
      cloud: 'digitalocean',
      networkId,
      name: 'bystander',
    });
    expect(placed).toMatchObject({ status: 201, body: { cloud: 'digitalocean', name: 'bystander' } });
    expect(await ask('GET', '/v2/droplets')).toMatchObject({
      body: { droplets: [{ name: 'bystander', tags: [], vpc_uuid: networkId }], meta: { total: 1 } },
    });
    expect(await ask('GET', '/_control/resources')).toMatchObject({
      body: [
        { kind: 'machine', name: 'bystander', tags: [], inside: networkId },
        { kind: 'vpc', name: 'net' },
      ],
    });
    expect(await ask('DELETE', `/v2/vpcs/${networkId}`)).toMatchObject({ status: 409 });
  });

  it('kills a machine behind everyone’s back, and never shows user-data', async () => {
    const { body } = await ask('GET', '/_control/machines');
    const [machine] = body as unknown as { id: string; userData?: string }[];
    expect(machine).not.toHaveProperty('userData');
    expect(await ask('POST', `/_control/machines/digitalocean/${machine?.id}/kill`)).toMatchObject({
      status: 200,
    });
    expect(await ask('GET', '/v2/droplets')).toMatchObject({ body: { droplets: [] } });
  });

  it('does what people do in a console, where its cloud has that', async () => {
    const done: unknown[] = [];
    // A cloud of its own, so that what the simulators can do is theirs to test.
    const other = new World({ timeScale: 1000 });
    const served = await serveSimulator(other, {
      ...createDigitalOceanSimulator(other),
      cloud: 'digitalocean',
    });
    const network = {
      cloud: 'gcp',
      kind: 'network',
      id: 'net-1',
      name: 'overcast-c-1',
      state: 'READY',
      tags: [],
    } as const;
    other.lists(() => [network]);
    other.suffers('gcp', {
      'remove-route': (target) => (done.push(target), 'route-1'),
      'delete-network': () => {
        throw new DamageRefused('machines are in it');
      },
      'delete-subnet': () => undefined,
      'remove-tags': ({ machine }) => machine?.id,
    });
    const damage = async (body: unknown) => {
      const response = await fetch(`${served.url}/_control/damage`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      return [response.status, await response.json()];
    };
    const gcp = { cloud: 'gcp', networkId: 'net-1' };
    expect(await damage({ ...gcp, kind: 'remove-route' })).toEqual([
      201,
      { cloud: 'gcp', kind: 'remove-route', id: 'route-1' },
    ]);
    expect(await damage({ cloud: 'gcp', clusterId: 'c-1', kind: 'remove-route' })).toMatchObject([201, {}]);
    expect(done).toEqual([{ networkId: 'net-1' }, { networkId: 'net-1' }]);
    expect(await damage({ ...gcp, kind: 'delete-network' })).toEqual([409, { error: 'machines are in it' }]);
    for (const [body, status] of [
      [{ ...gcp, kind: 'delete-subnet' }, 404],
      [{ ...gcp, networkId: 'net-2', kind: 'remove-route' }, 404],
      [{ cloud: 'gcp', machineId: 'nobody', kind: 'remove-tags' }, 404],
      [{ ...gcp, kind: 'remove-tags' }, 400],
      [{ cloud: 'oracle', kind: 'remove-route' }, 400],
    ] as const)
      expect((await damage(body))[0]).toBe(status);
    expect(await damage({ ...gcp, kind: 'add-spare-disk' })).toEqual([
      400,
      {
        error: 'kind: gcp has delete-network, delete-subnet, remove-route, remove-tags',
        kinds: ['delete-network', 'delete-subnet', 'remove-route', 'remove-tags'],
      },
    ]);
    await served.close();
    other.close();
  });

  it('counts the calls that reached the cloud', async () => {
    const before = world.calls()['digitalocean/verifyAccount'] ?? 0;
    await ask('GET', '/v2/account');
    expect(await ask('GET', '/_control/calls')).toMatchObject({
      body: { 'digitalocean/verifyAccount': before + 1 },
    });
  });

  it('adds faults, each in the words of the cloud it strikes', async () => {
    await ask('POST', '/_control/faults', { cloud: 'digitalocean', effect: 'throttle', seconds: 7 });
    const response = await fetch(`${url}/v2/account`, { headers: { authorization: 'Bearer test' } });
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await response.json()).toMatchObject({ id: 'too_many_requests' });
    expect(await ask('GET', '/v2/account')).toMatchObject({ status: 200 });
  });

  it.each([
    ['a cloud that is not simulated', 'faults', { cloud: 'oracle', effect: 'throttle' }, 400],
    ['an unknown effect', 'faults', { cloud: 'aws', effect: 'earthquake' }, 400],
    ['an unknown operation', 'faults', { cloud: 'aws', effect: 'cut', operation: 'sing' }, 400],
    ['a stranger in no network', 'strangers', { cloud: 'digitalocean', networkId: 'none', name: 'x' }, 404],
    ['a stranger in no cloud', 'strangers', { cloud: 'oracle', networkId: 'none', name: 'x' }, 400],
    ['a route that does not exist', 'nothing', {}, 404],
  ])('refuses %s', async (_what, route, body, status) => {
    expect((await ask('POST', `/_control/${route}`, body)).status).toBe(status);
  });
});
