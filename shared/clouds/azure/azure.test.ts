import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createAzureSimulator } from '../../../local/clouds/azure/index.ts';
import type { GenericOperation, World } from '../../../local/clouds/world.ts';
import { placeIn, startWorld } from '../../../test/contract/subject.ts';
import type { Owner } from '../../domain/cloud.ts';
import type { NetworkSpec } from '../../domain/network.ts';
import type { MachineRequest, Progress } from '../contract.ts';
import { azureCredentials, createAzure } from './index.ts';
import { strangersAmong } from './observe.ts';

/* What only Azure does; what every cloud must do is in the contract's suite. */

const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a03';
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

const specOf = (owner: Owner): NetworkSpec => ({
  owner,
  clusterName: 'azure',
  location,
  candidates,
  firewall: {
    'control-plane': [
      {
        protocol: 'tcp',
        fromPort: 6443,
        toPort: 6443,
        source: { kind: 'anywhere' },
        purpose: 'Kubernetes API',
      },
      { protocol: 'udp', fromPort: 51820, toPort: 51820, source: { kind: 'anywhere' }, purpose: 'WireGuard' },
    ],
    worker: [
      { protocol: 'tcp', fromPort: 30000, toPort: 32767, source: { kind: 'anywhere' }, purpose: 'NodePorts' },
      { protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' },
    ],
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

const request = async (owner: Owner, change: Partial<MachineRequest> = {}): Promise<MachineRequest> => ({
  owner,
  nodeId: randomUUID(),
  token: randomUUID(),
  name: `azure-${owner.clusterId.slice(0, 8)}-1`,
  role: 'worker',
  offering,
  network: await settle(() => cloud().ensureNetwork(specOf(owner))),
  diskGib: 64,
  userData: '#cloud-config\n',
  ...change,
});

/** Somebody at the portal. */
async function portal(method: string, owner: Owner, path: string, body?: unknown): Promise<Row> {
  const version = path.startsWith('Microsoft.Network')
    ? '2025-05-01'
    : path.includes('/disks/')
      ? '2025-01-02'
      : '2026-03-01';
  const response = await fetch(
    `${url}/subscriptions/${subscriptionId}/resourceGroups/${groupOf(owner)}/providers/${path}?api-version=${version}`,
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

const rows = (owner: Owner) => world.resources().filter(({ inside }) => inside === groupOf(owner));
const calls = (operation: GenericOperation): number => world.calls()[`azure/${operation}`] ?? 0;
const rulesOf = async (owner: Owner, role: string) => {
  const firewall = await portal('GET', owner, `Microsoft.Network/networkSecurityGroups/firewall-${role}`);
  return (firewall['properties'] as { securityRules: { name: string; properties: Row }[] }).securityRules;
};

describe('credentials', () => {
  it.each([
    ['an application', { subscriptionId, tenantId: 't', clientId: 'c', clientSecret: 's' }, true],
    ['a simulator', { subscriptionId, endpoint: 'http://127.0.0.1:1' }, true],
    ['an application without a secret', { subscriptionId, tenantId: 't', clientId: 'c' }, false],
    ['a misspelt member', { subscriptionId, endpoint: 'http://127.0.0.1:1', clientsecret: 's' }, false],
  ])('of %s', (_, secret, good) => {
    expect(azureCredentials.safeParse(secret).success).toBe(good);
  });
});

describe('the firewalls', () => {
  it('let in exactly what was asked for, and end with a rule that closes what Azure leaves open', async () => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const rules = await rulesOf(owner, 'worker');
    expect(
      rules.map(({ properties: p }) =>
        [p['priority'], p['access'], p['protocol'], p['sourceAddressPrefix'], p['destinationPortRange']].join(
          ' ',
        ),
      ),
    ).toEqual(['100 Allow Tcp * 30000-32767', '110 Allow Udp 10.20.0.0/16 4789', '4096 Deny * * *']);
  });

  it.each([
    [
      'a rule that was added by hand',
      'PUT',
      'ssh',
      { priority: 200, destinationPortRange: '22', access: 'Allow' },
    ],
    [
      'a rule that was changed',
      'PUT',
      'tcp-6443-from-anywhere',
      { priority: 100, destinationPortRange: '1-65535', access: 'Allow' },
    ],
    ['a rule that was removed', 'DELETE', 'deny-the-rest', undefined],
  ])('lose or regain %s', async (_, method, name, properties) => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const before = await rulesOf(owner, 'control-plane');
    const body = {
      properties: {
        protocol: 'Tcp',
        direction: 'Inbound',
        sourcePortRange: '*',
        sourceAddressPrefix: '*',
        destinationAddressPrefix: '*',
        ...properties,
      },
    };
    const path = `Microsoft.Network/networkSecurityGroups/firewall-control-plane/securityRules/${name}`;
    await portal(method, owner, path, properties === undefined ? undefined : body);
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const plain = (list: typeof before) =>
      list.map(({ name, properties: { provisioningState: _state, ...p } }) => ({ name, ...p }));
    expect(plain(await rulesOf(owner, 'control-plane'))).toEqual(plain(before));
  });
});

describe('the network', () => {
  it('loses a security group that was put on its subnet, and keeps a subnet and tags that are not ours', async () => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const path = 'Microsoft.Network/virtualNetworks/network';
    await portal('PATCH', owner, path, {
      tags: {
        'overcast:installation': owner.installation,
        'overcast:cluster-id': owner.clusterId,
        costs: 'ours',
      },
    });
    await portal('PUT', owner, `${path}/subnets/theirs`, { properties: { addressPrefix: '10.20.9.0/24' } });
    await portal('PUT', owner, `${path}/subnets/nodes`, {
      properties: { addressPrefix: '10.20.1.0/24', networkSecurityGroup: { id: 'somewhere' } },
    });
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const seen = await portal('GET', owner, path);
    const { subnets } = seen['properties'] as { subnets: { name: string; properties: Row }[] };
    expect(subnets.map(({ name, properties }) => [name, properties['networkSecurityGroup']])).toEqual([
      ['nodes', undefined],
      ['theirs', undefined],
    ]);
    expect(seen['tags']).toMatchObject({ costs: 'ours' });
  });
});

describe('a machine', () => {
  it('has both tags on its disk, interface and address before it is done', async () => {
    const owner = newOwner();
    const wanted = await request(owner);
    await settle(() => cloud().createMachine(wanted));
    const made = rows(owner).filter(({ kind }) =>
      ['machine', 'disk', 'network-interface', 'public-ip-address'].includes(kind),
    );
    expect(made.map(({ kind }) => kind).sort()).toEqual([
      'disk',
      'machine',
      'network-interface',
      'public-ip-address',
    ]);
    for (const { tags } of made)
      expect(tags).toEqual(
        expect.arrayContaining([
          `overcast:installation=${owner.installation}`,
          `overcast:cluster-id=${owner.clusterId}`,
          `overcast:node-id=${wanted.nodeId}`,
        ]),
      );
  });

  it('is no stranger with its disk while it is being made', async () => {
    const owner = newOwner();
    const wanted = await request(owner);
    await cloud().createMachine(wanted);
    expect(rows(owner).find(({ kind }) => kind === 'disk')?.tags).toEqual([]);
    expect((await cloud().observe([owner], location))[0]?.strangers).toEqual([]);
    await settle(() => cloud().collapse(owner, location));
  });

  it('is made by one write', async () => {
    const wanted = await request(newOwner());
    const before = calls('createMachine');
    await settle(() => cloud().createMachine(wanted));
    expect(calls('createMachine') - before).toBe(1);
  });

  it('starts with the user-data that was given', async () => {
    const wanted = await request(newOwner(), { userData: '#cloud-config\nhostname: "ümlaut"\n' });
    const machine = await settle(() => cloud().createMachine(wanted));
    expect(world.machine('azure', machine.providerId)?.userData).toBe(wanted.userData);
  });

  it('can be spot, and vanishes with all its parts when it is evicted', async () => {
    const owner = newOwner();
    const wanted = await request(owner, { offering: { ...offering, lifecycle: 'spot' } });
    const machine = await settle(() => cloud().createMachine(wanted));
    expect(machine.lifecycle).toBe('spot');
    world.terminate('azure', machine.providerId, 0);
    expect(
      rows(owner)
        .map(({ kind }) => kind)
        .sort(),
    ).toEqual(['network-security-group', 'network-security-group', 'virtual-network']);
  });

  it('that failed after it was accepted tells why, and leaves nothing behind', async () => {
    const owner = newOwner();
    const wanted = await request(owner);
    world.addFault({
      id: randomUUID(),
      cloud: 'azure',
      operation: 'createMachine',
      effect: 'no-capacity-later',
      times: 1,
    });
    await expect(settle(() => cloud().createMachine(wanted))).rejects.toMatchObject({
      name: 'CapacityUnavailable',
      code: 'ZonalAllocationFailed',
    });
    const ref = { nodeId: wanted.nodeId, name: wanted.name, location };
    await settle(() => cloud().deleteMachine(ref, owner));
    expect(rows(owner).filter(({ tags }) => tags.some((tag) => tag.endsWith(wanted.nodeId)))).toEqual([]);
  });

  it('of a later node that has the same name is left alone', async () => {
    const owner = newOwner();
    const wanted = await request(owner);
    const { providerId } = await settle(() => cloud().createMachine(wanted));
    const earlier = { nodeId: randomUUID(), name: wanted.name, location, providerId };
    expect(await settle(() => cloud().deleteMachine(earlier, owner))).toBe('gone');
    expect((await cloud().observe([owner], location))[0]?.machines).toMatchObject([{ providerId }]);
    await settle(() => cloud().collapse(owner, location));
  });

  it('of an earlier attempt is not taken for this one', async () => {
    const wanted = await request(newOwner());
    await settle(() => cloud().createMachine(wanted));
    await expect(cloud().createMachine({ ...wanted, token: randomUUID() })).rejects.toMatchObject({
      name: 'InvalidRequest',
      code: 'OtherAttempt',
    });
  });
});

describe('a cluster’s group', () => {
  it.each([
    ['an address', 'Microsoft.Network/publicIPAddresses/theirs', {}],
    [
      'a disk',
      'Microsoft.Compute/disks/theirs',
      { properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 4 } },
    ],
  ])('is not deleted while %s without our tags is in it', async (_, path, body) => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    await portal('PUT', owner, path, { location: location.region, ...body });
    const progress = await cloud().collapse(owner, location);
    expect(progress).toMatchObject({ done: false, blockedBy: [{ name: 'theirs', inside: groupOf(owner) }] });
    expect((await cloud().observe([owner], location))[0]?.strangers).toMatchObject([{ name: 'theirs' }]);
    await portal('DELETE', owner, path);
    await settle(() => cloud().collapse(owner, location));
  });

  it('is not deleted while a machine or service of another group is plugged into its network', async () => {
    const [owner, other] = [newOwner(), newOwner()];
    const network = await settle(() => cloud().ensureNetwork(specOf(owner)));
    await settle(() => cloud().ensureNetwork(specOf(other)));
    const path = 'Microsoft.Network/networkInterfaces/theirs';
    await portal('PUT', other, path, {
      location: location.region,
      properties: {
        ipConfigurations: [{ name: 'one', properties: { subnet: { id: network.parts['subnet'] } } }],
      },
    });
    const stranger = { kind: 'interface', name: 'theirs', inside: groupOf(owner) };
    expect((await cloud().observe([owner], location))[0]?.strangers).toMatchObject([stranger]);
    expect(await cloud().collapse(owner, location)).toMatchObject({ done: false, blockedBy: [stranger] });
    await portal('DELETE', other, path);
    await settle(() => cloud().collapse(owner, location));
  });

  it('is not deleted with a data disk that somebody attached to one of our machines', () => {
    const owner = newOwner();
    const inside = groupOf(owner);
    const base = `/subscriptions/s/resourceGroups/${inside}/providers/Microsoft.Compute`;
    const tags = { 'overcast:installation': owner.installation, 'overcast:cluster-id': owner.clusterId };
    const vm = { id: `${base}/virtualMachines/one`, name: 'one', tags, location: location.region };
    const disk = (name: string) => ({
      id: `${base}/disks/${name}`,
      type: 'Microsoft.Compute/disks',
      name,
      tags: undefined,
      managedBy: vm.id,
    });
    const listed = [
      { ...vm, type: 'Microsoft.Compute/virtualMachines', managedBy: undefined },
      disk('system'),
      disk('data'),
    ];
    const osDisk = { name: 'system', createOption: 'FromImage' };
    const vms = [{ ...vm, storageProfile: { osDisk } }];
    expect(strangersAmong(listed, owner, inside, { vms, nics: [] })).toMatchObject([
      { kind: 'disk', name: 'data' },
    ]);
  });

  it('is not deleted when it does not carry our tags itself', async () => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    const other = { ...owner, installation: 'another' };
    expect(await cloud().collapse(other, location)).toMatchObject({
      done: false,
      blockedBy: [{ kind: 'group' }],
    });
    expect(rows(owner).length).toBeGreaterThan(0);
  });

  it('that is going is waited for', async () => {
    const owner = newOwner();
    await settle(() => cloud().ensureNetwork(specOf(owner)));
    await cloud().collapse(owner, location);
    expect(await cloud().ensureNetwork(specOf(owner))).toMatchObject({ done: false });
    await settle(() => cloud().collapse(owner, location));
    expect(await settle(() => cloud().ensureNetwork(specOf(owner)))).toMatchObject({ cloud: 'azure' });
  });
});

describe('a throttle', () => {
  it('that asks for longer than a moment is the caller’s to wait for', async () => {
    world.addFault({
      id: randomUUID(),
      cloud: 'azure',
      operation: '*',
      effect: 'throttle',
      times: 1,
      seconds: 60,
    });
    const started = Date.now();
    await expect(cloud().verifyAccount()).rejects.toMatchObject({ name: 'Throttled', retryAfterSeconds: 60 });
    expect(Date.now() - started).toBeLessThan(2000);
  });
});
