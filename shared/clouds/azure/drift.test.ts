import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAzureSimulator } from '../../../local/clouds/azure/index.ts';
import type { World } from '../../../local/clouds/world.ts';
import { placeIn, startWorld } from '../../../test/contract/subject.ts';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec } from '../../domain/network.ts';
import type { ExpectedMachine, MachineRequest, OwnedResource, Progress } from '../contract.ts';
import { createAzure } from './index.ts';

/* Which differences Azure's driver finds, field by field, and mends; what every cloud must do is in the contract's suite. */

const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a04';
const { location, offering, candidates } = placeIn('azure');
type Row = Record<string, unknown>;

let world: World;
let url = '';
let close: () => Promise<void>;
beforeAll(async () => {
  ({ world, url, close } = await startWorld(createAzureSimulator));
});
afterAll(() => close());
beforeEach(() => world.clearFaults());

const cloud = () => createAzure({ subscriptionId, endpoint: url });
const newOwner = (): Owner => ({ installation: 'azure-test', clusterId: randomUUID() });
const groupOf = (owner: Owner): string => `overcast-${owner.clusterId}`;
const tagsOf = (owner: Owner) => ({
  'overcast:installation': owner.installation,
  'overcast:cluster-id': owner.clusterId,
});

const specOf = (owner: Owner): NetworkSpec => ({
  owner,
  clusterName: 'azure',
  location,
  candidates,
  firewall: {
    'control-plane': [
      { protocol: 'tcp', fromPort: 6443, toPort: 6443, source: { kind: 'anywhere' }, purpose: 'API' },
    ],
    worker: [{ protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' }],
  },
});

async function settle<T>(call: () => Promise<Progress<T>>): Promise<T> {
  const end = Date.now() + 20_000;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await new Promise((resolve) => {
      setTimeout(resolve, 5);
    });
  }
  throw new Error(`still waiting for ${waitingFor}`);
}

const ensure = (owner: Owner) => settle(() => cloud().ensureNetwork(specOf(owner)));

const request = async (owner: Owner, change: Partial<MachineRequest> = {}): Promise<MachineRequest> => ({
  owner,
  nodeId: randomUUID(),
  token: randomUUID(),
  name: `azure-${owner.clusterId.slice(0, 8)}-1`,
  role: 'worker',
  offering,
  network: await ensure(owner),
  diskGib: 64,
  userData: '#cloud-config\n',
  ...change,
});

const scene = async () => {
  const owner = newOwner();
  const wanted = await request(owner);
  const machine = await settle(() => cloud().createMachine(wanted));
  const { nodeId, token, name, role, network } = wanted;
  const expected: ExpectedMachine = { providerId: machine.providerId, nodeId, token, name, role, location };
  const repair = (which = expected) => settle(() => cloud().repairMachine(which, network, owner));
  return { owner, wanted, machine, expected, repair };
};

const watch = async (owner: Owner, machines: readonly ExpectedMachine[] = []) => {
  const [seen] = await cloud().observe(
    [{ ...owner, expected: { network: specOf(owner), machines } }],
    location,
  );
  if (seen === undefined) throw new Error('nothing was observed');
  return seen;
};
const subjects = async (owner: Owner, machines?: readonly ExpectedMachine[]) =>
  (await watch(owner, machines)).flaws.map(({ subject }) => subject);

const versions = [
  ['Microsoft.Network', '2025-05-01'],
  ['/disks/', '2025-01-02'],
  ['Microsoft.Compute', '2026-03-01'],
  ['', '2025-04-01'],
] as const;

/** Somebody at the portal: `path` begins below the cluster's group. */
async function portal(method: string, owner: Owner, path: string, body?: unknown): Promise<Row> {
  const [, version = ''] = versions.find(([part]) => path.includes(part)) ?? [];
  const response = await fetch(
    `${url}/subscriptions/${subscriptionId}/resourceGroups/${groupOf(owner)}${path}?api-version=${version}`,
    {
      method,
      headers: { authorization: 'Bearer somebody', 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    },
  );
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status} ${text}`);
  return text === '' ? {} : (JSON.parse(text) as Row);
}

const ofNetwork = (name: string): string => `/providers/Microsoft.Network/${name}`;
const network = ofNetwork('virtualNetworks/network');
const firewall = ofNetwork('networkSecurityGroups/firewall-worker');
const tagged = [
  ['group', ''],
  ['network', network],
  ['firewall:worker', firewall],
] as const;
const podsRule = 'udp-4789-from-network';
const podsReach = 'udp:4789:10.20.0.0/16';
const range = candidates[0]?.network;
const subnetPut = (extra: Row) => (owner: Owner) =>
  portal('PUT', owner, `${network}/subnets/nodes`, {
    properties: { addressPrefix: candidates[0]?.subnet, ...extra },
  });
const rulePut = (name: string, change: Row) => (owner: Owner) =>
  portal('PUT', owner, `${firewall}/securityRules/${name}`, {
    properties: {
      description: 'pods',
      protocol: 'Udp',
      direction: 'Inbound',
      access: 'Allow',
      priority: 100,
      sourcePortRange: '*',
      sourceAddressPrefix: range,
      destinationAddressPrefix: '*',
      destinationPortRange: '4789',
      ...change,
    },
  });
const untag = (path: string) => (owner: Owner) => portal('PATCH', owner, path, { tags: { costs: 'ours' } });

describe('a network', () => {
  it.each<[string, (owner: Owner) => Promise<unknown>, string]>([
    ['the group’s tags', untag(''), 'group:tags'],
    ['the network’s tags', untag(network), 'network:tags'],
    ['a security group’s tags', untag(firewall), 'firewall:worker:tags'],
    [
      'a second range',
      (owner) =>
        portal('PUT', owner, network, {
          location: location.region,
          tags: tagsOf(owner),
          properties: {
            addressSpace: { addressPrefixes: [range, '10.99.0.0/16'] },
            subnets: [{ name: 'nodes', properties: { addressPrefix: candidates[0]?.subnet } }],
          },
        }),
      `network:range:${range ?? ''},10.99.0.0/16`,
    ],
    [
      'another range of the subnet',
      subnetPut({ addressPrefix: '10.20.7.0/24' }),
      'subnet:range:10.20.7.0/24',
    ],
    ['a security group', subnetPut({ networkSecurityGroup: { id: 'theirs' } }), 'subnet:security-group'],
    ['a NAT gateway', subnetPut({ natGateway: { id: 'theirs' } }), 'subnet:nat-gateway'],
    [
      'a rule’s description',
      rulePut(podsRule, { description: 'x' }),
      `firewall:worker:changed-rule:${podsRule}:${podsReach}`,
    ],
    [
      'a rule’s priority',
      rulePut(podsRule, { priority: 101 }),
      `firewall:worker:changed-rule:${podsRule}:${podsReach}`,
    ],
    [
      'a rule’s access',
      rulePut(podsRule, { access: 'Deny' }),
      `firewall:worker:changed-rule:${podsRule}:deny:${podsReach}`,
    ],
    [
      'a rule’s protocol',
      rulePut(podsRule, { protocol: '*' }),
      `firewall:worker:changed-rule:${podsRule}:any:4789:10.20.0.0/16`,
    ],
    [
      'a rule’s ports',
      rulePut(podsRule, { destinationPortRange: '1-9' }),
      `firewall:worker:changed-rule:${podsRule}:udp:1-9:10.20.0.0/16`,
    ],
    [
      'a rule’s source ports',
      rulePut(podsRule, { sourcePortRange: '7' }),
      `firewall:worker:changed-rule:${podsRule}:${podsReach}`,
    ],
    [
      'a rule’s source',
      rulePut(podsRule, { sourceAddressPrefix: '*' }),
      `firewall:worker:changed-rule:${podsRule}:udp:4789:0.0.0.0/0`,
    ],
    [
      'a rule’s destination',
      rulePut(podsRule, { destinationAddressPrefix: '10.20.1.4' }),
      `firewall:worker:changed-rule:${podsRule}:${podsReach}`,
    ],
    [
      'a rule’s direction',
      rulePut(podsRule, { direction: 'Outbound' }),
      `firewall:worker:changed-rule:${podsRule}:${podsReach}`,
    ],
    [
      'a second rule',
      rulePut('theirs', { priority: 300, sourceAddressPrefix: '9.9.9.9' }),
      'firewall:worker:surplus-rule:theirs:udp:4789:9.9.9.9',
    ],
    [
      'the rule that closes the rest',
      (owner) => portal('DELETE', owner, `${firewall}/securityRules/deny-the-rest`),
      'firewall:worker:missing-rule:deny-the-rest:deny:any:*:0.0.0.0/0',
    ],
  ])('in which somebody changed %s is found and mended', async (_, change, subject) => {
    const owner = newOwner();
    await ensure(owner);
    await change(owner);
    expect(await subjects(owner)).toEqual([subject]);
    await ensure(owner);
    expect(await subjects(owner)).toEqual([]);
  });

  it.each(tagged)('whose %s keeps people’s own tags when ours come back', async (_, path) => {
    const owner = newOwner();
    await ensure(owner);
    await untag(path)(owner);
    await ensure(owner);
    expect((await portal('GET', owner, path))['tags']).toEqual({ costs: 'ours', ...tagsOf(owner) });
    expect((await watch(owner)).strangers).toEqual([]);
  });

  it.each(tagged)('whose %s carries another owner’s tags is left alone', async (part, path) => {
    const owner = newOwner();
    await ensure(owner);
    const tags = { ...tagsOf(owner), 'overcast:installation': 'another' };
    await portal('PATCH', owner, path, { tags });
    expect(await subjects(owner)).toEqual([`${part}:owner`]);
    await expect(ensure(owner)).rejects.toMatchObject({ name: 'InvalidRequest', code: 'NotOwned' });
    expect((await portal('GET', owner, path))['tags']).toEqual(tags);
  });

  it('of which nothing stands has one flaw', async () => {
    expect(await subjects(newOwner())).toEqual(['group:missing']);
  });

  it('keeps what is people’s: another subnet, DNS servers, outbound rules', async () => {
    const owner = newOwner();
    await ensure(owner);
    await portal('PUT', owner, `${network}/subnets/theirs`, {
      properties: { addressPrefix: '10.20.9.0/24' },
    });
    await rulePut('no-mail', {
      direction: 'Outbound',
      access: 'Deny',
      destinationPortRange: '25',
    })(owner);
    expect(await subjects(owner)).toEqual([]);
  });
});

describe('a machine', () => {
  it('gets the tags back that its interface, address and disk lost, the attempt’s too', async () => {
    const { owner, wanted, machine, expected, repair } = await scene();
    const rows = () => world.resources().filter(({ inside }) => inside === groupOf(owner));
    const before = rows();
    for (const { kind, name } of before) {
      if (kind === 'machine') await untag(`/providers/Microsoft.Compute/virtualMachines/${name}`)(owner);
      if (kind === 'network-interface') await untag(ofNetwork(`networkInterfaces/${name}`))(owner);
      if (kind === 'disk') await untag(`/providers/Microsoft.Compute/disks/${name}`)(owner);
    }
    expect(await subjects(owner, [expected])).toEqual(['tags', 'interface:tags', 'disk:tags']);
    await repair();
    expect(rows().map(({ tags }) => tags.filter((tag) => tag !== 'costs=ours').sort())).toEqual(
      before.map(({ tags }) => tags.toSorted()),
    );
    // As if the create's reply came only now.
    expect(await settle(() => cloud().createMachine(wanted))).toEqual(machine);
  });

  it('is not taken for ours when somebody put another one in its place', async () => {
    const { owner, machine, expected, repair } = await scene();
    const ref = { nodeId: expected.nodeId, name: expected.name, location };
    await settle(() => cloud().deleteMachine(ref, owner));
    const networkId = world
      .resources()
      .find(({ kind, inside }) => kind === 'virtual-network' && inside === groupOf(owner))?.id;
    world.placeStranger({ cloud: 'azure', networkId: networkId ?? '', name: machine.name });
    expect(await watch(owner, [expected])).toMatchObject({ machines: [], flaws: [] });
    await expect(repair()).rejects.toMatchObject({ name: 'InvalidRequest' });
  });

  it('keeps an interface that another owner claims as it is', async () => {
    const { owner, expected, repair } = await scene();
    const nic = world
      .resources()
      .find(({ kind, inside }) => kind === 'network-interface' && inside === groupOf(owner));
    const tags = { 'overcast:installation': 'another' };
    const path = ofNetwork(`networkInterfaces/${nic?.name ?? ''}`);
    await portal('PATCH', owner, path, { tags });
    expect(await subjects(owner, [expected])).toEqual([]);
    expect(await repair()).toBe('right');
    expect((await portal('GET', owner, path))['tags']).toEqual(tags);
  });

  it('stays outside the firewall until the firewall stands again, and then keeps its address', async () => {
    const { owner, machine, expected, repair } = await scene();
    const strike = world.damagesOf('azure')['delete-firewall'];
    strike?.({ networkId: (await ensure(owner)).parts['virtualNetwork'] ?? '' });
    expect(await subjects(owner, [expected])).toEqual(['firewall:worker:missing', 'firewall']);
    await expect(repair()).rejects.toMatchObject({ name: 'InvalidRequest' });
    await ensure(owner);
    await repair();
    expect(await watch(owner, [expected])).toMatchObject({ machines: [machine], flaws: [] });
  });
});

describe('the same attempt with other user-data, from a platform deployed in between,', () => {
  const changed = '#cloud-config\nhostname: later\n';

  it('gets the machine that stands', async () => {
    const { wanted, machine } = await scene();
    expect(await settle(() => cloud().createMachine({ ...wanted, userData: changed }))).toEqual(machine);
    expect(world.machine('azure', machine.providerId)?.userData).toBe(wanted.userData);
  });

  it('gets it also while it is being made, sent at once, or not to be seen yet', async () => {
    const wanted = await request(newOwner());
    world.addFault({
      id: randomUUID(),
      cloud: 'azure',
      operation: 'createMachine',
      effect: 'hide',
      times: 1,
      seconds: 20,
    });
    const both = () =>
      Promise.all(
        [wanted, { ...wanted, userData: changed }].map((one) => settle(() => cloud().createMachine(one))),
      );
    const [one, other] = await both();
    expect(other).toEqual(one);
    expect((await cloud().observe([wanted.owner], location))[0]?.machines).toEqual([one]);
  });

  it('is still another attempt when its token differs', async () => {
    const { wanted } = await scene();
    await expect(
      cloud().createMachine({ ...wanted, token: randomUUID(), userData: changed }),
    ).rejects.toMatchObject({ code: 'OtherAttempt' });
  });
});

describe('a spare', () => {
  const put = (owner: Owner, path: string, body: Row = {}) =>
    portal('PUT', owner, ofNetwork(path), { location: location.region, tags: tagsOf(owner), ...body });
  const stands = async (owner: Owner, path: string) => {
    await expect
      .poll(async () => (await portal('GET', owner, ofNetwork(path)))['properties'], { interval: 5 })
      .toMatchObject({ provisioningState: 'Succeeded' });
  };
  const second = {
    properties: {
      addressSpace: { addressPrefixes: ['10.50.0.0/16'] },
      subnets: [{ name: 'one', properties: { addressPrefix: '10.50.1.0/24' } }],
    },
  };
  const sparesOf = async (owner: Owner): Promise<readonly OwnedResource[]> =>
    (await watch(owner)).resources.filter(({ isSpare }) => isSpare);
  const remove = (owner: Owner, spare: OwnedResource) =>
    settle(() => cloud().removeSpare(spare, owner, location));

  it('address that sits on a spare interface goes after it', async () => {
    const owner = newOwner();
    const { parts } = await ensure(owner);
    const { id } = await put(owner, 'publicIPAddresses/left', {
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    });
    const configuration = { subnet: { id: parts['subnet'] }, publicIPAddress: { id } };
    await stands(owner, 'publicIPAddresses/left');
    await put(owner, 'networkInterfaces/holder', {
      properties: { ipConfigurations: [{ name: 'one', properties: configuration }] },
    });
    const spares = await sparesOf(owner);
    expect(spares.map(({ kind }) => kind)).toEqual(['interface', 'address']);
    expect(await remove(owner, spares[1] as OwnedResource)).toBe('gone');
    expect(await sparesOf(owner)).toEqual([]);
    expect(await remove(owner, spares[0] as OwnedResource)).toBe('gone');
  });

  it('is a second network and a security group that nobody uses, and is removed', async () => {
    const owner = newOwner();
    await ensure(owner);
    await put(owner, 'virtualNetworks/second', second);
    await put(owner, 'networkSecurityGroups/second');
    const spares = await sparesOf(owner);
    expect(spares.map(({ kind }) => kind)).toEqual(['firewall', 'network']);
    for (const spare of spares) expect(await remove(owner, spare)).toBe('gone');
    expect(await subjects(owner)).toEqual([]);
  });

  it('is none while something uses it, or it is in another group', async () => {
    const [owner, other] = [newOwner(), newOwner()];
    await Promise.all([ensure(owner), ensure(other)]);
    const id = String((await put(owner, 'virtualNetworks/second', second))['id']);
    await stands(owner, 'virtualNetworks/second');
    await put(other, 'networkInterfaces/theirs', {
      properties: {
        ipConfigurations: [{ name: 'one', properties: { subnet: { id: `${id}/subnets/one` } } }],
      },
    });
    expect(await sparesOf(owner)).toEqual([]);
    const spare = { kind: 'network', id, name: 'second' };
    await expect(remove(owner, spare)).rejects.toMatchObject({ code: 'InUse' });
    await expect(remove(other, spare)).rejects.toMatchObject({ code: 'NotOwned' });
  });
});
