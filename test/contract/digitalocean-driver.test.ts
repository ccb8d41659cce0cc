import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { location, offering, setStage, type Wall } from './digitalocean-stage.ts';

/** What the contract cannot say in general: DigitalOcean's own traps. */

const stage = setStage();
const { cloud, api, settle, spec, build, requestFor, wallOf } = stage;

describe('the firewall of a role', () => {
  it('is exactly what was asked for, with outbound open', async () => {
    const network = await build();
    expect(await wallOf('worker')).toMatchObject({
      tags: [`overcast:worker:driver:${stage.owner.clusterId}`],
      droplet_ids: [],
      inbound_rules: [
        { protocol: 'udp', ports: '51820', sources: { addresses: ['0.0.0.0/0', '::/0'] } },
        { protocol: 'udp', ports: '4789', sources: { addresses: [network.range] } },
      ],
      outbound_rules: ['tcp', 'udp', 'icmp'].map((protocol) => ({
        protocol,
        ports: '0',
        destinations: { addresses: ['0.0.0.0/0', '::/0'] },
      })),
    });
  });

  const ssh = { protocol: 'tcp', ports: '22', sources: { addresses: ['0.0.0.0/0'] } };
  it.each<[what: string, change: (wall: Wall) => Promise<unknown>]>([
    [
      'a rule was added by hand',
      (wall) => api('POST', `firewalls/${wall.id}/rules`, { inbound_rules: [ssh] }),
    ],
    [
      'a rule was removed by hand',
      (wall) => api('DELETE', `firewalls/${wall.id}/rules`, { inbound_rules: [wall.inbound_rules[0]] }),
    ],
    [
      'outbound was closed by hand',
      (wall) => api('DELETE', `firewalls/${wall.id}/rules`, { outbound_rules: wall.outbound_rules }),
    ],
    ['its tag was taken off', (wall) => api('DELETE', `firewalls/${wall.id}/tags`, { tags: wall.tags })],
    [
      'a single machine was added to it',
      (wall) => api('POST', `firewalls/${wall.id}/droplets`, { droplet_ids: [1] }),
    ],
    ['it was deleted', (wall) => api('DELETE', `firewalls/${wall.id}`)],
  ])('is repaired when %s, and only it', async (_what, change) => {
    await build();
    const [before, other] = [await wallOf('worker'), await wallOf('control-plane')];
    await change(before);
    await build();
    const { id: _id, ...after } = (await wallOf('worker')) as Wall & { created_at: string };
    expect(after).toMatchObject({
      name: before.name,
      inbound_rules: before.inbound_rules,
      outbound_rules: before.outbound_rules,
      tags: before.tags,
      droplet_ids: [],
    });
    expect(await wallOf('control-plane')).toEqual(other);
  });
});

const range = (network: string) => ({ network, subnet: network });

describe('the network’s range', () => {
  it.each([
    ['overlaps another VPC of the account', '10.64.0.0/20'],
    ['is one that DigitalOcean keeps for itself', '10.10.0.0/20'],
  ])('is the next candidate when the first %s', async (_why, first) => {
    await api('POST', 'vpcs', {
      name: `other-${randomUUID()}`,
      region: 'fra1',
      ip_range: '10.64.0.0/16',
    }).catch(() => undefined);
    const network = await build({ candidates: [range(first), range('10.65.0.0/20')] });
    expect(network.range).toBe('10.65.0.0/20');
    await settle(() => cloud().collapse(stage.owner, location));
  });

  it('stays what it is when the candidates change', async () => {
    const before = await build();
    expect(await build({ candidates: [range('10.66.0.0/20')] })).toEqual(before);
  });

  it('is refused when nothing is free', async () => {
    const { range: taken } = await build();
    stage.owner = { ...stage.owner, clusterId: randomUUID() };
    await expect(build({ candidates: [range(taken)] })).rejects.toMatchObject({ name: 'InvalidRequest' });
  });
});

it('a VPC of our name without our marks is not touched', async () => {
  const name = `overcast-${stage.owner.clusterId}`;
  await api('POST', 'vpcs', { name, region: 'nyc1', description: 'somebody else’s' });
  await expect(build()).rejects.toMatchObject({ name: 'InvalidRequest' });
  await expect(cloud().collapse(stage.owner, location)).resolves.toMatchObject({ done: true });
  expect(stage.world.resources().map((row) => row.name)).toContain(name);
});

describe('the default VPC of a region', () => {
  const elsewhere = (region: string) => ({ region, zone: '' });
  interface SeenVpc {
    readonly id: string;
    readonly name: string;
    readonly region: string;
    readonly default: boolean;
  }
  const defaultOf = async (region: string): Promise<SeenVpc | undefined> => {
    const { vpcs } = (await api('GET', 'vpcs?per_page=200')) as { vpcs: SeenVpc[] };
    return vpcs.find((vpc) => vpc.region === region && vpc.default);
  };

  it('is never a cluster’s, not even in a region without any', async () => {
    const place = elsewhere('syd1');
    const network = await build({ location: place });
    expect(await defaultOf('syd1')).toMatchObject({ name: 'default-syd1' });
    expect((await defaultOf('syd1'))?.id).not.toBe(network.parts['vpcId']);
    await settle(() => cloud().collapse(stage.owner, place));
  });

  it('is made once by two clusters that begin at the same time', async () => {
    const place = elsewhere('blr1');
    const [one, other] = [stage.owner, { ...stage.owner, clusterId: randomUUID() }];
    const both = [one, other].map((each) =>
      settle(() => cloud().ensureNetwork(spec({ owner: each, location: place }))),
    );
    await Promise.all(both);
    expect(await defaultOf('blr1')).toMatchObject({ name: 'default-blr1' });
    for (const each of [one, other]) await settle(() => cloud().collapse(each, place));
  });

  it.each(['ensureNetwork', 'collapse'] as const)('is given away by %s when it became ours', async (how) => {
    const network = await build();
    await api('PATCH', `vpcs/${network.parts['vpcId']}`, { default: true });
    if (how === 'ensureNetwork') {
      await build();
      expect((await defaultOf(location.region))?.id).not.toBe(network.parts['vpcId']);
    }
    await settle(() => cloud().collapse(stage.owner, location));
    expect(await defaultOf(location.region)).toMatchObject({ name: `default-${location.region}` });
  });
});

describe('without a client token', () => {
  it('a create is the same one by its token, whatever user-data a newer platform would send', async () => {
    const request = requestFor(await build());
    await cloud().createMachine(request);
    const newer = { ...request, userData: '#cloud-config\nhostname: newer\n' };
    const machine = await settle(() => cloud().createMachine(newer));
    expect(await settle(() => cloud().createMachine(request))).toEqual(machine);
    const [seen, ...others] = await cloud().observe([stage.owner], location);
    expect([seen?.machines, others]).toEqual([[machine], []]);
  });

  it('a machine of an older attempt of the same node is not taken for this one’s', async () => {
    const network = await build();
    const older = requestFor(network);
    const first = await settle(() => cloud().createMachine(older));
    const newer = { ...older, token: randomUUID() };
    const second = await settle(() => cloud().createMachine(newer));
    expect(second.providerId).not.toBe(first.providerId);
    expect(second.nodeId).toBe(first.nodeId);
    expect(await settle(() => cloud().createMachine(older))).toEqual(first);
  });

  it('a machine that lists hide for a while is made twice at most, and the younger one goes', async () => {
    const network = await build();
    const request = requestFor(network);
    stage.world.change({ timeScale: 50 });
    stage.world.addFault({
      id: 'hide',
      cloud: 'digitalocean',
      operation: 'createMachine',
      effect: 'hide',
      times: 1,
      seconds: 10,
    });
    await cloud().createMachine(request);
    await cloud().createMachine(request);
    const machine = await settle(() => cloud().createMachine(request));
    stage.world.change({ timeScale: 1000 });
    const living = () =>
      stage.world.living('digitalocean').filter((m) => m.networkId === network.parts['vpcId']);
    await expect.poll(() => living().map(({ id }) => id), { timeout: 5000 }).toEqual([machine.providerId]);
  });

  it('a create is sent once, whatever answers it', async () => {
    const request = requestFor(await build());
    stage.world.addFault({
      id: 'down',
      cloud: 'digitalocean',
      operation: 'createMachine',
      effect: 'unavailable',
      times: 1,
    });
    const before = stage.world.calls()['digitalocean/createMachine'] ?? 0;
    await expect(cloud().createMachine(request)).rejects.toMatchObject({ name: 'CloudUnavailable' });
    expect(stage.world.calls()['digitalocean/createMachine']).toBe(before + 1);
  });
});

it('spot is refused: there is none', async () => {
  const network = await build();
  await expect(
    cloud().createMachine(requestFor(network, { offering: { ...offering, lifecycle: 'spot' } })),
  ).rejects.toMatchObject({ name: 'InvalidRequest' });
});

describe('collapsing', () => {
  it('keeps the firewalls until the last droplet is gone, and leaves none of the cluster’s tags', async () => {
    const network = await build();
    const requests = [requestFor(network), requestFor(network, { name: 'driver-2', role: 'control-plane' })];
    await Promise.all(requests.map((request) => settle(() => cloud().createMachine(request))));
    stage.world.change({ timeScale: 20 });
    await expect(cloud().collapse(stage.owner, location)).resolves.toMatchObject({ done: false });
    await expect(wallOf('worker')).resolves.toBeDefined();
    stage.world.change({ timeScale: 1000 });
    await settle(() => cloud().collapse(stage.owner, location));
    const { tags } = (await api('GET', 'tags?per_page=200')) as { tags: { name: string }[] };
    const left = tags.filter(({ name }) =>
      [stage.owner.clusterId, ...requests.flatMap(({ nodeId, token }) => [nodeId, token])].some((text) =>
        name.includes(text),
      ),
    );
    expect(left).toEqual([]);
  });

  it('spares a machine that somebody gave a role’s tag, to borrow its firewall', async () => {
    const network = await build();
    const request = requestFor(network);
    const machine = await settle(() => cloud().createMachine(request));
    const { droplet } = (await api('POST', 'droplets', {
      name: 'bystander',
      region: location.region,
      size: offering.instanceType,
      image: 'ubuntu-24-04-x64',
      tags: [`overcast:worker:driver:${stage.owner.clusterId}`],
    })) as { droplet: { id: number } };
    await settle(() => cloud().collapse(stage.owner, location));
    const living = stage.world.living('digitalocean').map(({ id }) => id);
    expect(living).toContain(String(droplet.id));
    await expect(api('GET', `droplets/${droplet.id}`)).resolves.toMatchObject({
      droplet: { tags: [`overcast:worker:driver:${stage.owner.clusterId}`] },
    });
    expect(living).not.toContain(machine.providerId);
  });

  it('deletes one by one what lost its role’s tag', async () => {
    const network = await build();
    const request = requestFor(network);
    const machine = await settle(() => cloud().createMachine(request));
    await api(
      'DELETE',
      `tags/${encodeURIComponent(`overcast:worker:driver:${stage.owner.clusterId}`)}/resources`,
      {
        resources: [{ resource_id: machine.providerId, resource_type: 'droplet' }],
      },
    );
    await settle(() => cloud().collapse(stage.owner, location));
    expect(stage.world.living('digitalocean').map(({ id }) => id)).not.toContain(machine.providerId);
  });
});

it('a deleted machine takes its own tags with it', async () => {
  const request = requestFor(await build());
  const { providerId } = await settle(() => cloud().createMachine(request));
  const { nodeId, name } = request;
  await settle(() => cloud().deleteMachine({ nodeId, name, location, providerId }, stage.owner));
  const { tags } = (await api('GET', 'tags?per_page=200')) as { tags: { name: string }[] };
  expect(tags.filter((tag) => tag.name.includes(nodeId) || tag.name.includes(request.token))).toEqual([]);
});
