import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createDigitalOceanSimulator } from './index.ts';

const world = new World({ timeScale: 1000 });
let url = '';
let close: () => Promise<void>;
let vpcId = '';

const ask = async (method: string, path: string, body?: unknown, token = 'test') => {
  const response = await fetch(`${url}/v2/${path}`, {
    method,
    headers: { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? {} : JSON.parse(text)) as Record<string, never>,
  };
};

const droplet = {
  name: 'one',
  region: 'nyc1',
  size: 's-2vcpu-4gb',
  image: 'ubuntu-24-04-x64',
};
const firewall = {
  name: 'wall',
  inbound_rules: [{ protocol: 'tcp', ports: '6443', sources: { addresses: ['0.0.0.0/0', '::/0'] } }],
};

beforeAll(async () => {
  ({ url, close } = await serveSimulator(world, createDigitalOceanSimulator(world)));
  await ask('POST', 'vpcs', { name: 'default-nyc1', region: 'nyc1', ip_range: '10.99.0.0/20' });
  const made = await ask('POST', 'vpcs', { name: 'first', region: 'nyc1', ip_range: '10.100.0.0/20' });
  ({ id: vpcId } = made.body['vpc'] as unknown as { id: string });
});
afterAll(async () => {
  await close();
  world.close();
});

describe('refuses what DigitalOcean refuses', () => {
  it.each<[what: string, method: string, path: string, body: unknown, status: number, message: RegExp]>([
    ['text that is no JSON', 'POST', 'vpcs', '{', 400, /JSON/],
    ['an unknown field', 'POST', 'droplets', { ...droplet, color: 'red' }, 422, /color/],
    ['a wrong type', 'POST', 'droplets', { ...droplet, tags: 'one' }, 422, /tags/],
    ['a tag with a dot', 'POST', 'droplets', { ...droplet, tags: ['a.b'] }, 422, /Tags may contain/],
    ['an unknown size', 'POST', 'droplets', { ...droplet, size: 'huge' }, 422, /invalid size/],
    ['an unknown region', 'POST', 'droplets', { ...droplet, region: 'mars1' }, 422, /invalid region/],
    ['an unknown image', 'POST', 'droplets', { ...droplet, image: 'ubuntu-8' }, 422, /invalid image/],
    ['a name with a space', 'POST', 'droplets', { ...droplet, name: 'a b' }, 422, /hostname/],
    [
      'user data over 64 KiB',
      'POST',
      'droplets',
      { ...droplet, user_data: 'x'.repeat(65_537) },
      422,
      /64 KiB/,
    ],
    ['a VPC that does not exist', 'POST', 'droplets', { ...droplet, vpc_uuid: 'none' }, 422, /VPC/],
    ['a misspelt filter', 'GET', 'droplets?tag=one', undefined, 422, /tag/],
    ['deleting droplets without a tag', 'DELETE', 'droplets', undefined, 422, /tag_name/],
    ['a VPC name that is taken', 'POST', 'vpcs', { name: 'first', region: 'nyc1' }, 422, /in use/],
    [
      'a range of another VPC',
      'POST',
      'vpcs',
      { name: 'v', region: 'fra1', ip_range: '10.100.8.0/24' },
      422,
      /overlaps/,
    ],
    [
      'a range that is reserved',
      'POST',
      'vpcs',
      { name: 'v', region: 'nyc1', ip_range: '10.10.0.0/20' },
      422,
      /overlaps/,
    ],
    [
      'a range that is too small',
      'POST',
      'vpcs',
      { name: 'v', region: 'nyc1', ip_range: '10.120.0.0/29' },
      422,
      /between/,
    ],
    [
      'a range with host bits',
      'POST',
      'vpcs',
      { name: 'v', region: 'nyc1', ip_range: '10.120.1.0/20' },
      422,
      /CIDR/,
    ],
    ['a public range', 'POST', 'vpcs', { name: 'v', region: 'nyc1', ip_range: '8.8.0.0/20' }, 422, /RFC1918/],
    [
      'a description over 255 characters',
      'POST',
      'vpcs',
      { name: 'v', region: 'nyc1', description: 'x'.repeat(256) },
      422,
      /description/,
    ],
    [
      'a firewall for a tag that does not exist',
      'POST',
      'firewalls',
      { ...firewall, tags: ['none'] },
      422,
      /tag/,
    ],
    ['a firewall without rules', 'POST', 'firewalls', { name: 'wall' }, 422, /rule/],
    [
      'a rule without sources',
      'POST',
      'firewalls',
      { name: 'wall', inbound_rules: [{ protocol: 'tcp', ports: '1', sources: {} }] },
      422,
      /source/,
    ],
    [
      'a rule with a broken range of ports',
      'POST',
      'firewalls',
      {
        name: 'wall',
        inbound_rules: [{ protocol: 'tcp', ports: '9-1', sources: { addresses: ['0.0.0.0/0'] } }],
      },
      422,
      /ports/,
    ],
    ['a droplet that does not exist', 'GET', 'droplets/1', undefined, 404, /not be found/],
    ['a path that does not exist', 'GET', 'nothing', undefined, 404, /not be found/],
  ])('%s', async (_what, method, path, body, status, message) => {
    const answer = await ask(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body['message']).toMatch(message);
    expect(answer.body).toHaveProperty('request_id');
  });

  it('a token that it does not know', async () => {
    expect(await ask('GET', 'account', undefined, 'revoked')).toMatchObject({
      status: 401,
      body: { id: 'Unauthorized' },
    });
  });

  it('a second firewall of the same name', async () => {
    expect((await ask('POST', 'firewalls', firewall)).status).toBe(202);
    expect(await ask('POST', 'firewalls', firewall)).toMatchObject({ status: 409 });
  });
});

describe('a droplet', () => {
  it('is new without addresses, then active with them, and is still listed for a while when destroyed', async () => {
    world.change({ timeScale: 100 });
    const made = await ask('POST', 'droplets', { ...droplet, tags: ['mine'], vpc_uuid: vpcId });
    expect(made).toMatchObject({ status: 202, body: { droplet: { status: 'new', networks: { v4: [] } } } });
    const { id } = made.body['droplet'] as unknown as { id: number };
    await expect
      .poll(async () => (await ask('GET', `droplets/${id}`)).body, { timeout: 5000 })
      .toMatchObject({
        droplet: {
          status: 'active',
          tags: ['mine'],
          vpc_uuid: vpcId,
          networks: { v4: [{ type: 'private', ip_address: '10.100.0.2' }, { type: 'public' }] },
        },
      });
    world.change({ timeScale: 10 });
    expect((await ask('DELETE', 'droplets?tag_name=mine')).status).toBe(204);
    expect(await ask('DELETE', `droplets/${id}`)).toMatchObject({
      status: 422,
      body: { message: 'Droplet already has a pending event.' },
    });
    expect(await ask('DELETE', `vpcs/${vpcId}`)).toMatchObject({
      status: 409,
      body: { message: 'Can not delete VPC with members' },
    });
    await expect.poll(async () => (await ask('GET', `droplets/${id}`)).status, { timeout: 5000 }).toBe(404);
    expect((await ask('DELETE', `vpcs/${vpcId}`)).status).toBe(204);
  });
});

it('a region’s first VPC is its default, which is given on, never up, and not deleted', async () => {
  const make = async (name: string) =>
    (await ask('POST', 'vpcs', { name, region: 'syd1' })).body['vpc'] as unknown as {
      id: string;
      default: boolean;
    };
  const [one, other] = [await make('one'), await make('other')];
  expect([one.default, other.default]).toEqual([true, false]);
  expect((await ask('DELETE', `vpcs/${one.id}`)).status).toBe(403);
  expect((await ask('PATCH', `vpcs/${one.id}`, { default: false })).status).toBe(403);
  expect((await ask('PATCH', `vpcs/${other.id}`, { default: true })).status).toBe(200);
  expect((await ask('DELETE', `vpcs/${one.id}`)).status).toBe(204);
});

describe('lists', () => {
  it('go on at links.pages.next until the last page', async () => {
    world.change({ timeScale: 1000, pageSizeMax: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e']) await ask('POST', 'tags', { name });
    const names: string[] = [];
    let path: string | undefined = 'tags?per_page=200';
    while (path !== undefined) {
      const { body } = await ask('GET', path);
      const seen = body as unknown as {
        tags: { name: string }[];
        links: { pages?: { next?: string } };
        meta: { total: number };
      };
      expect(seen.tags.length).toBeLessThanOrEqual(2);
      names.push(...seen.tags.map((tag) => tag.name));
      expect(seen.meta.total).toBe(6);
      path = seen.links.pages?.next?.split('/v2/')[1];
    }
    expect(names.sort()).toEqual(['a', 'b', 'c', 'd', 'e', 'mine']);
  });
});
