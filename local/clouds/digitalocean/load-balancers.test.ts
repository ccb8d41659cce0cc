import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createDigitalOceanSimulator } from './index.ts';

/** Its time passes when the test says so. */
class StillWorld extends World {
  #now = Date.now();
  override now(): number {
    return this.#now;
  }
  pass(seconds: number): void {
    this.#now += this.scaled(seconds);
  }
}

const world = new StillWorld({ timeScale: 1 });
let url = '';
let close: () => Promise<void>;
let vpcId = '';
let otherVpcId = '';

const ask = async (method: string, path: string, body?: unknown) => {
  const response = await fetch(`${url}/v2/${path}`, {
    method,
    headers: { authorization: 'Bearer test' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Record<string, never> };
};
const idIn = ({ body }: Awaited<ReturnType<typeof ask>>, name: string): string =>
  String((body[name] as unknown as { id: string | number }).id);

const rule = { entry_protocol: 'tcp', entry_port: 80, target_protocol: 'tcp', target_port: 80 };
const wanted = () => ({
  name: 'front',
  region: 'nyc1',
  vpc_uuid: vpcId,
  tag: 'web',
  forwarding_rules: [rule],
  health_check: { protocol: 'http', port: 8081, path: '/ready' },
});

beforeAll(async () => {
  ({ url, close } = await serveSimulator(world, createDigitalOceanSimulator(world)));
  await ask('POST', 'vpcs', { name: 'default-nyc1', region: 'nyc1', ip_range: '10.99.0.0/20' });
  vpcId = idIn(await ask('POST', 'vpcs', { name: 'one', region: 'nyc1', ip_range: '10.100.0.0/20' }), 'vpc');
  otherVpcId = idIn(
    await ask('POST', 'vpcs', { name: 'two', region: 'nyc1', ip_range: '10.101.0.0/20' }),
    'vpc',
  );
  await ask('POST', 'tags', { name: 'web' });
});
afterAll(async () => {
  await close();
  world.close();
});
beforeEach(async () => {
  const { body } = await ask('GET', 'load_balancers?per_page=200');
  for (const { id } of body['load_balancers'] as unknown as { id: string }[])
    await ask('DELETE', `load_balancers/${id}`);
});

describe('refuses what DigitalOcean refuses of a load balancer', () => {
  it.each<[what: string, change: Record<string, unknown>, message: RegExp]>([
    ['an unknown field', { colour: 'red' }, /colour/],
    ['an unknown region', { region: 'mars1' }, /region/],
    ['a VPC of another region', { region: 'fra1' }, /VPC/],
    ['no forwarding rule', { forwarding_rules: [] }, /forwarding_rules/],
    ['two rules of one port', { forwarding_rules: [rule, rule] }, /distinct/],
    ['a tag that does not exist', { tag: 'none' }, /tag none/],
    ['a tag and droplets', { droplet_ids: [1] }, /together/],
    ['a path of a TCP check', { health_check: { protocol: 'tcp', port: 80, path: '/' } }, /path/],
    [
      'an interval of two seconds',
      { health_check: { protocol: 'tcp', port: 80, check_interval_seconds: 2 } },
      /interval/,
    ],
    [
      'a threshold of one',
      { health_check: { protocol: 'tcp', port: 80, healthy_threshold: 1 } },
      /threshold/,
    ],
  ])('%s', async (_what, change, message) => {
    const answer = await ask('POST', 'load_balancers', { ...wanted(), ...change });
    expect(answer).toMatchObject({ status: 422 });
    expect(answer.body['message']).toMatch(message);
  });

  it('an eleventh one', async () => {
    for (let number = 1; number <= 10; number += 1)
      expect((await ask('POST', 'load_balancers', wanted())).status).toBe(202);
    const refused = await ask('POST', 'load_balancers', wanted());
    expect(refused).toMatchObject({ status: 422 });
    expect(refused.body['message']).toMatch(/limit/);
  });
});

it('is new without an address and takes no change; then it is active, and keeps its VPC', async () => {
  const made = await ask('POST', 'load_balancers', wanted());
  expect(made).toMatchObject({ status: 202, body: { load_balancer: { status: 'new', ip: '' } } });
  const id = idIn(made, 'load_balancer');
  const busy = await ask('PUT', `load_balancers/${id}`, wanted());
  expect(busy).toMatchObject({ status: 403 });
  expect(busy.body['message']).toMatch(/previous actions/);
  world.pass(120);
  const changed = await ask('PUT', `load_balancers/${id}`, { ...wanted(), name: 'renamed' });
  expect(changed).toMatchObject({
    status: 200,
    body: { load_balancer: { status: 'active', name: 'renamed' } },
  });
  expect((changed.body['load_balancer'] as unknown as { ip: string }).ip).toMatch(/^198\.18\./);
  expect((await ask('PUT', `load_balancers/${id}`, { ...wanted(), vpc_uuid: otherVpcId })).status).toBe(422);
});

it('sets what a change leaves out back to what is usual', async () => {
  const id = idIn(await ask('POST', 'load_balancers', { ...wanted(), size_unit: 3 }), 'load_balancer');
  world.pass(120);
  const { health_check: _check, ...rest } = wanted();
  expect(await ask('PUT', `load_balancers/${id}`, rest)).toMatchObject({
    body: { load_balancer: { size_unit: 1, health_check: { protocol: 'tcp', port: 80 } } },
  });
});

it('has the running droplets of its VPC that carry its tag, and holds the VPC', async () => {
  const id = idIn(await ask('POST', 'load_balancers', wanted()), 'load_balancer');
  const droplet = { region: 'nyc1', size: 's-2vcpu-4gb', image: 'ubuntu-24-04-x64', tags: ['web'] };
  const inside = idIn(await ask('POST', 'droplets', { ...droplet, name: 'in', vpc_uuid: vpcId }), 'droplet');
  await ask('POST', 'droplets', { ...droplet, name: 'out', vpc_uuid: otherVpcId });
  await ask('POST', 'droplets', { ...droplet, name: 'bare', vpc_uuid: vpcId, tags: [] });
  const members = async () => (await ask('GET', `load_balancers/${id}`)).body['load_balancer'];
  expect(await members()).toMatchObject({ droplet_ids: [] });
  world.pass(600);
  expect(await members()).toMatchObject({ droplet_ids: [Number(inside)] });
  const { body } = await ask('GET', `vpcs/${vpcId}/members?per_page=200`);
  const urns = (body['members'] as unknown as { urn: string }[]).map(({ urn }) => urn);
  expect(urns).toContain(`do:loadbalancer:${id}`);
  expect((await ask('DELETE', `vpcs/${vpcId}`)).status).toBe(409);
});

it('gets through to a droplet as far as the droplet’s firewalls let it', async () => {
  const id = idIn(await ask('POST', 'load_balancers', wanted()), 'load_balancer');
  const droplet = { region: 'nyc1', size: 's-2vcpu-4gb', image: 'ubuntu-24-04-x64', tags: ['web'] };
  const member = idIn(
    await ask('POST', 'droplets', { ...droplet, name: 'walled', vpc_uuid: vpcId }),
    'droplet',
  );
  const passes = (): readonly number[] => {
    const front = world.fronts().find((each) => each.id === id);
    return [80, 443, 8081].filter((port) => front?.admits(member, port, 'client') === true);
  };
  expect(passes()).toEqual([80, 443, 8081]);
  const inbound = (ports: string, sources: Record<string, readonly string[]>) => ({
    protocol: 'tcp',
    ports,
    sources,
  });
  const wall = idIn(
    await ask('POST', 'firewalls', {
      name: 'wall',
      tags: ['web'],
      inbound_rules: [
        inbound('80', { addresses: ['0.0.0.0/0'] }),
        inbound('443', { addresses: ['10.101.0.0/20'] }),
        inbound('8081', { addresses: ['10.100.0.0/20'] }),
      ],
    }),
    'firewall',
  );
  expect(passes()).toEqual([80, 8081]);
  expect((await ask('DELETE', `firewalls/${wall}`)).status).toBe(204);
  await ask('POST', 'firewalls', {
    name: 'wall',
    tags: ['web'],
    inbound_rules: [inbound('443', { load_balancer_uids: [id] })],
  });
  expect(passes()).toEqual([443]);
});
