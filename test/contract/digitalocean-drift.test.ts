import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { ExpectedMachine, Flaw } from '../../shared/clouds/contract.ts';
import type { NetworkSpec } from '../../shared/domain/network.ts';
import { location, offering, setStage, type Wall } from './digitalocean-stage.ts';

/** Drift that only DigitalOcean has, and how its flaws are named. */

const stage = setStage();
const { cloud, api, settle, spec, build, requestFor, wallOf } = stage;

const see = async (change: Partial<NetworkSpec> = {}, machines: readonly ExpectedMachine[] = []) => {
  const [seen] = await cloud().observe(
    [{ ...stage.owner, expected: { network: spec(change), machines } }],
    location,
  );
  if (seen === undefined) throw new Error('nothing seen');
  return seen;
};
const flawsOf = async (
  change: Partial<NetworkSpec> = {},
  machines: readonly ExpectedMachine[] = [],
): Promise<readonly Flaw[]> => (await see(change, machines)).flaws;
const subjectsOf = async (...args: Parameters<typeof flawsOf>): Promise<readonly string[]> =>
  (await flawsOf(...args)).map(({ subject }) => subject);

const workerTag = () => `overcast:worker:driver:${stage.owner.clusterId}`;
const encoded = encodeURIComponent;

const machineIn = async (change: Parameters<typeof requestFor>[1] = {}) => {
  const network = await build();
  const request = requestFor(network, change);
  const machine = await settle(() => cloud().createMachine(request));
  const { nodeId, token, name, role } = request;
  const expected: ExpectedMachine = { providerId: machine.providerId, nodeId, token, name, role, location };
  return { network, request, machine, expected };
};

interface SeenDroplet {
  readonly id: number;
  readonly tags: readonly string[];
}
const dropletOf = async (id: string): Promise<SeenDroplet> =>
  ((await api('GET', `droplets/${id}`)) as { droplet: SeenDroplet }).droplet;

const tagging = (tag: string, id: string | number) => [
  `tags/${encoded(tag)}/resources`,
  { resources: [{ resource_id: String(id), resource_type: 'droplet' }] },
];
const putOn = async (tag: string, id: string | number): Promise<void> => {
  await api('POST', 'tags', { name: tag });
  const [path, body] = tagging(tag, id);
  await api('POST', path as string, body);
};

describe('a role’s firewall', () => {
  const ssh = { protocol: 'tcp', ports: '22', sources: { addresses: ['0.0.0.0/0'] } };
  it.each<[what: string, change: (wall: Wall) => Promise<unknown>, flaws: readonly [string, RegExp][]]>([
    [
      'a rule that was added',
      (wall) => api('POST', `firewalls/${wall.id}/rules`, { inbound_rules: [ssh] }),
      [['firewall:worker:surplus-rule:in:tcp:22:0.0.0.0/0', /tcp 22 from 0\.0\.0\.0\/0 was added by hand/]],
    ],
    [
      'a rule that was removed',
      (wall) => api('DELETE', `firewalls/${wall.id}/rules`, { inbound_rules: [wall.inbound_rules[0]] }),
      [['firewall:worker:missing-rule:in:udp:51820:0.0.0.0/0,::/0', /udp 51820 from .* is missing/]],
    ],
    [
      'a way out that was closed',
      (wall) => api('DELETE', `firewalls/${wall.id}/rules`, { outbound_rules: [wall.outbound_rules[1]] }),
      [
        [
          'firewall:worker:missing-rule:out:udp:0:0.0.0.0/0,::/0',
          /outbound udp on all ports to .* is missing/,
        ],
      ],
    ],
    [
      'tags that were emptied',
      (wall) => api('DELETE', `firewalls/${wall.id}/tags`, { tags: wall.tags }),
      [['firewall:worker:missing-tag:', /holds for no machine/]],
    ],
    [
      'a machine that was put into it by its id',
      (wall) => api('POST', `firewalls/${wall.id}/droplets`, { droplet_ids: [1] }),
      [['firewall:worker:surplus-droplet:1', /droplet 1 was put into it by hand/]],
    ],
    [
      'its end',
      (wall) => api('DELETE', `firewalls/${wall.id}`),
      [['firewall:worker:missing', /worker firewall .* is gone/]],
    ],
  ])('%s is one flaw', async (_what, change, wanted) => {
    await build();
    await change(await wallOf('worker'));
    const flaws = await flawsOf();
    expect(flaws).toHaveLength(wanted.length);
    for (const [i, [subject, message]] of wanted.entries()) {
      expect(flaws[i]?.subject.startsWith(subject)).toBe(true);
      expect(flaws[i]).toMatchObject({ of: 'network', message: expect.stringMatching(message) as string });
    }
    await build();
    expect(await flawsOf()).toEqual([]);
  });

  it('of another name is known by its id, and named as it was', async () => {
    const known = (await build()).parts;
    const { id, inbound_rules, outbound_rules, tags } = await wallOf('worker');
    const name = `renamed-${id}`;
    await api('PUT', `firewalls/${id}`, { name, inbound_rules, outbound_rules, tags });
    expect(await subjectsOf({ known })).toEqual(['firewall:worker:name']);
    await build({ known });
    expect((await wallOf('worker')).id).toBe(id);
    expect(await flawsOf({ known })).toEqual([]);
  });

  it('that also serves another cluster’s machines gives them up, and stays its own cluster’s', async () => {
    await build();
    const [wall, mine] = [await wallOf('worker'), stage.owner];
    stage.owner = { ...mine, clusterId: randomUUID() };
    await build();
    await api('POST', `firewalls/${wall.id}/tags`, { tags: [workerTag()] });
    expect(await subjectsOf()).toEqual([`firewall:${wall.id}:opens-tag:${workerTag()}`]);
    const theirs = workerTag();
    stage.owner = mine;
    expect(await subjectsOf()).toEqual([`firewall:worker:surplus-tag:${theirs}`]);
    await build();
    expect(await flawsOf()).toEqual([]);
    expect(await wallOf('worker')).toMatchObject({ id: wall.id, tags: [workerTag()] });
  });
});

describe('the VPC', () => {
  it.each([
    ['lost its marks', { description: 'somebody wrote here' }, ['vpc:marks']],
    ['lost half of them', { description: '{"overcast:installation":"driver"}' }, ['vpc:marks']],
    ['was renamed', { name: 'other-name' }, ['vpc:name']],
    ['lost both', { name: 'third-name', description: '' }, ['vpc:marks', 'vpc:name']],
    ['became the default', { default: true }, ['vpc:default']],
  ])('that %s is known by its id, and made right', async (_what, change, subjects) => {
    const network = await build();
    const { parts: known } = network;
    await api('PATCH', `vpcs/${known['vpcId']}`, change);
    expect(await subjectsOf({ known })).toEqual(subjects);
    expect(await build({ known })).toEqual(network);
    expect(await flawsOf({ known })).toEqual([]);
    await settle(() => cloud().collapse(stage.owner, location));
  });

  it('that was renamed and kept its marks is found by them, by collapse too', async () => {
    const { parts } = await build();
    await api('PATCH', `vpcs/${parts['vpcId']}`, { name: 'fourth-name' });
    expect(await subjectsOf()).toEqual(['vpc:name']);
    await settle(() => cloud().collapse(stage.owner, location));
    await expect(api('GET', `vpcs/${parts['vpcId']}`)).rejects.toThrow('404');
  });

  it.each([
    ['is another installation’s now', { installation: 'other' }, true],
    ['is another cluster’s now', { clusterId: randomUUID() }, true],
    ['lost its marks and was never recorded', undefined, false],
  ])('that %s is left alone', async (_what, change, isKnown) => {
    const { parts } = await build();
    const marks = { ...stage.owner, ...change };
    const description =
      change === undefined
        ? ''
        : JSON.stringify({
            'overcast:installation': marks.installation,
            'overcast:cluster-id': marks.clusterId,
          });
    await api('PATCH', `vpcs/${parts['vpcId']}`, { description });
    const known = isKnown ? { known: parts } : {};
    expect(await subjectsOf(known)).toEqual(['vpc:claimed']);
    expect((await see(known)).resources.map(({ kind }) => kind)).not.toContain('vpc');
    await expect(build(known)).rejects.toMatchObject({ name: 'InvalidRequest' });
    await expect(api('GET', `vpcs/${parts['vpcId']}`)).resolves.toMatchObject({ vpc: { description } });
  });

  it('that is gone is one flaw, its firewalls being judged when it is back', async () => {
    const { parts } = await build();
    await api('DELETE', `vpcs/${parts['vpcId']}`);
    expect(await subjectsOf({ known: parts })).toEqual(['vpc:missing']);
    await build({ known: parts });
    expect(await flawsOf({ known: parts })).toEqual([]);
  });
});

describe('a firewall of somebody’s that opens our machines', () => {
  const opening = async (aim: { tags?: string[]; droplet_ids?: number[] }): Promise<Wall> => {
    for (const name of aim.tags ?? []) await api('POST', 'tags', { name });
    const { firewall } = (await api('POST', 'firewalls', {
      name: `by-hand-${randomUUID()}`,
      inbound_rules: [{ protocol: 'tcp', ports: '22', sources: { addresses: ['0.0.0.0/0'] } }],
      ...aim,
    })) as { firewall: Wall };
    return firewall;
  };
  const again = async ({ id }: Wall): Promise<Wall> =>
    ((await api('GET', `firewalls/${id}`)) as { firewall: Wall }).firewall;

  it.each<[by: string, tag: (nodeId: string) => string]>([
    ['its role’s tag', () => workerTag()],
    ['its cluster’s tag', () => `overcast:cluster-id:${stage.owner.clusterId}`],
    ['its installation’s tag', () => 'overcast:installation:driver'],
    ['its node’s tag', (nodeId) => `overcast:node-id:${nodeId}`],
  ])('by %s lets go of it, and stands for its own', async (_by, tagOf) => {
    const { request, expected } = await machineIn();
    const tag = tagOf(request.nodeId);
    const wall = await opening({ tags: ['theirs', tag], droplet_ids: [7] });
    expect(await flawsOf({}, [expected])).toMatchObject([
      { of: 'network', subject: `firewall:${wall.id}:opens-tag:${tag}` },
    ]);
    await build();
    expect(await flawsOf({}, [expected])).toEqual([]);
    expect(await again(wall)).toEqual({ ...wall, tags: ['theirs'] });
  });

  it('by its id lets go of it, and of nobody else', async () => {
    const { machine, expected } = await machineIn();
    const wall = await opening({ droplet_ids: [7, Number(machine.providerId)] });
    expect(await subjectsOf({}, [expected])).toEqual([
      `firewall:${wall.id}:opens-droplet:${machine.providerId}`,
    ]);
    await build();
    expect(await flawsOf({}, [expected])).toEqual([]);
    expect(await again(wall)).toEqual({ ...wall, droplet_ids: [7] });
  });

  it('by a tag of somebody’s stays as it is: the machine gives the tag back', async () => {
    const { network, machine, expected } = await machineIn();
    await putOn('harmless', machine.providerId);
    await putOn('open-to-all', machine.providerId);
    const wall = await opening({ tags: ['open-to-all'] });
    expect(await flawsOf({}, [expected])).toMatchObject([
      { of: 'machine', subject: 'tag:surplus:open-to-all', providerId: machine.providerId },
    ]);
    expect(await settle(() => cloud().repairMachine(expected, network, stage.owner))).toBe('right');
    expect(await flawsOf({}, [expected])).toEqual([]);
    expect((await dropletOf(machine.providerId)).tags).toContain('harmless');
    expect(await again(wall)).toEqual(wall);
  });

  it('is nothing to us when it opens nothing, or holds for others alone', async () => {
    const { expected } = await machineIn();
    await opening({ tags: ['theirs'], droplet_ids: [7] });
    await api('POST', 'firewalls', {
      name: `way-out-${randomUUID()}`,
      outbound_rules: [{ protocol: 'tcp', ports: '443', destinations: { addresses: ['0.0.0.0/0'] } }],
      tags: [workerTag()],
    });
    expect(await flawsOf({}, [expected])).toEqual([]);
  });
});

describe('a machine', () => {
  const others = () => `overcast:control-plane:driver:${stage.owner.clusterId}`;
  it.each<[what: string, tag: () => string]>([
    ['the other role’s', others],
    ['another cluster’s role’s', () => `overcast:worker:driver:${randomUUID()}`],
    ['another node’s', () => `overcast:node-id:${randomUUID()}`],
  ])('gives %s tag back', async (_what, tagOf) => {
    const { network, machine, expected } = await machineIn();
    const tag = tagOf();
    await putOn(tag, machine.providerId);
    expect(await flawsOf({}, [expected])).toMatchObject([
      { of: 'machine', subject: `tag:surplus:${tag}`, providerId: machine.providerId },
    ]);
    expect((await see({}, [expected])).machines).toEqual([machine]);
    await settle(() => cloud().repairMachine(expected, network, stage.owner));
    expect(await flawsOf({}, [expected])).toEqual([]);
    expect((await dropletOf(machine.providerId)).tags).not.toContain(tag);
  });

  it('that was renamed is the same, and is put right', async () => {
    const { network, machine, expected } = await machineIn();
    await api('POST', `droplets/${machine.providerId}/actions`, { type: 'rename', name: 'by-hand' });
    const role = workerTag();
    const [path, body] = tagging(role, machine.providerId);
    await api('DELETE', path as string, body);
    const seen = await see({}, [expected]);
    expect(seen.machines).toEqual([{ ...machine, name: 'by-hand' }]);
    expect(seen.flaws).toMatchObject([{ of: 'machine', subject: `tag:missing:${role}` }]);
    await settle(() => cloud().repairMachine(expected, network, stage.owner));
    expect(await flawsOf({}, [expected])).toEqual([]);
    const other = { ...expected, nodeId: randomUUID() };
    await expect(cloud().repairMachine(other, network, stage.owner)).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
  });

  it('is marked again by the attempt that made it, so that a create that is repeated finds it', async () => {
    const { network, request, machine, expected } = await machineIn();
    const tag = `overcast:attempt:${request.token}`;
    const [path, body] = tagging(tag, machine.providerId);
    await api('DELETE', path as string, body);
    expect(await subjectsOf({}, [expected])).toEqual([`tag:missing:${tag}`]);
    await settle(() => cloud().repairMachine(expected, network, stage.owner));
    expect(await settle(() => cloud().createMachine(request))).toEqual(machine);
  });

  it.each([
    ['another cluster', () => `overcast:cluster-id:${randomUUID()}`],
    ['another installation', () => 'overcast:installation:neighbour'],
    ['another cluster’s role', () => `overcast:worker:driver:${randomUUID()}`],
  ])('that lost its tags and carries that of %s is nobody’s to repair', async (_what, tagOf) => {
    const { network, machine, expected } = await machineIn();
    const { tags } = await dropletOf(machine.providerId);
    for (const tag of tags) {
      const [path, body] = tagging(tag, machine.providerId);
      await api('DELETE', path as string, body);
    }
    await putOn(tagOf(), machine.providerId);
    const before = await dropletOf(machine.providerId);
    await expect(cloud().repairMachine(expected, network, stage.owner)).rejects.toMatchObject({
      name: 'InvalidRequest',
    });
    expect(await dropletOf(machine.providerId)).toEqual(before);
    expect(await see({}, [expected])).toMatchObject({
      machines: [],
      flaws: [],
      strangers: [{ id: machine.providerId }],
    });
  });

  it('that is one too many goes without the tags of its twin', async () => {
    const { machine, expected } = await machineIn();
    const { tags } = await dropletOf(machine.providerId);
    const { droplet } = (await api('POST', 'droplets', {
      name: 'driver-1',
      region: location.region,
      size: offering.instanceType,
      image: 'ubuntu-24-04-x64',
      tags,
    })) as { droplet: SeenDroplet };
    const spare = { kind: 'machine', id: String(droplet.id), name: 'driver-1' };
    expect(await settle(() => cloud().removeSpare(spare, stage.owner, location))).toBe('gone');
    expect(await see({}, [expected])).toMatchObject({ machines: [machine], flaws: [] });
    expect((await dropletOf(machine.providerId)).tags.toSorted()).toEqual(tags.toSorted());
  });
});

it('what cannot be left over here is not removed: volumes, reserved addresses, the network’s parts', async () => {
  const { parts } = await build();
  const remove = (kind: string, id = '') =>
    cloud().removeSpare({ kind, id, name: 'it' }, stage.owner, location);
  for (const [kind, id] of [
    ['volume', 'v-1'],
    ['reserved-ip', '192.0.2.1'],
    ['vpc', parts['vpcId']],
    ['firewall', parts['firewallWorker']],
  ] as const)
    await expect(remove(kind, id)).rejects.toMatchObject({ name: 'InvalidRequest' });
  expect(await remove('vpc', randomUUID())).toEqual({ done: true, value: 'gone' });
  expect(await flawsOf()).toEqual([]);
});

describe('damage that the simulator refuses', () => {
  const damage = async (body: Record<string, string>) => {
    const response = await fetch(`${stage.url}/_control/damage`, {
      method: 'POST',
      body: JSON.stringify({ cloud: 'digitalocean', ...body }),
    });
    return { status: response.status, body: await response.json() };
  };
  const kinds = [
    'delete-network',
    'remove-firewall-rule',
    'add-firewall-rule',
    'delete-firewall',
    'remove-tags',
    'move-firewall',
    'delete-balancer',
    'delete-listener',
    'add-listener',
    'change-health-check',
    'remove-balancer-tags',
    'add-foreign-balancer',
    'remove-member',
  ];

  it.each(['delete-subnet', 'remove-route', 'add-spare-disk', 'add-spare-interface', 'add-spare-address'])(
    '%s: DigitalOcean has none, and what it has is named',
    async (kind) => {
      expect(await damage({ kind, clusterId: stage.owner.clusterId })).toMatchObject({
        status: 400,
        body: { kinds },
      });
    },
  );

  it('a VPC that is its region’s default, or has members, is not deleted', async () => {
    const { network } = await machineIn();
    const asked = { kind: 'delete-network', networkId: network.parts['vpcId'] ?? '' };
    expect(await damage(asked)).toMatchObject({ status: 409 });
    await settle(() => cloud().collapse(stage.owner, location));
    const { parts } = await build();
    await api('PATCH', `vpcs/${parts['vpcId']}`, { default: true });
    expect(await damage({ ...asked, networkId: parts['vpcId'] ?? '' })).toMatchObject({ status: 409 });
  });
});
