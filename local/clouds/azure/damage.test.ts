import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { damageKinds, machineDamageKinds, World } from '../world.ts';
import { createAzureSimulator } from './index.ts';

/* What people's damage leaves behind, as Azure's API then tells it. */

const subscription = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a06';
type Json = Record<string, unknown>;

let world: World;
let url = '';
let close: () => Promise<void>;
let group = '';
beforeAll(async () => {
  world = new World({ timeScale: 2000 });
  ({ url, close } = await serveSimulator(world, createAzureSimulator(world)));
});
afterAll(async () => {
  await close();
  world.close();
});

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: Json }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { authorization: 'Bearer somebody', 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Json };
}

const groupPath = () => `/subscriptions/${subscription}/resourceGroups/${group}`;
const at = (type: string, name: string) => `${groupPath()}/providers/Microsoft.Network/${type}/${name}`;
const network = () => at('virtualNetworks', 'network');
const firewall = () => at('networkSecurityGroups', 'firewall-worker');
const versioned = (path: string) =>
  `${path}?api-version=${path.includes('Compute') ? '2026-03-01' : path.includes('Network') ? '2025-05-01' : '2025-04-01'}`;
const get = async (path: string) => (await ask('GET', versioned(path))).body['properties'] as Json;
const put = async (path: string, body: Json): Promise<void> => {
  const { status, body: answer } = await ask('PUT', versioned(path), { location: 'eastus', ...body });
  expect(`${status} ${JSON.stringify(answer)}`).toMatch(/^20[01] /);
  await expect
    .poll(async () => (await get(path))['provisioningState'], { timeout: 5000, interval: 5 })
    .toBe('Succeeded');
};
const rows = () => world.resources().filter(({ inside }) => inside === group);
const rule = (name: string, priority: number) => ({
  name,
  properties: {
    protocol: 'Tcp',
    access: 'Allow',
    direction: 'Inbound',
    priority,
    sourcePortRange: '*',
    destinationPortRange: String(priority),
    sourceAddressPrefix: '*',
    destinationAddressPrefix: '*',
  },
});
const damage = (kind: string, on: Json = { networkId: network() }) =>
  ask('POST', '/_control/damage', { cloud: 'azure', kind, ...on });

/** A machine with its own interface in the workers' firewall. @returns its id in the world */
async function addMachine(): Promise<string> {
  const name = `vm-${randomUUID().slice(0, 8)}`;
  await put(`${groupPath()}/providers/Microsoft.Compute/virtualMachines/${name}`, {
    tags: { owner: 'us' },
    properties: {
      hardwareProfile: { vmSize: 'Standard_D4als_v6' },
      storageProfile: {
        imageReference: {
          publisher: 'Canonical',
          offer: 'ubuntu-24_04-lts',
          sku: 'server',
          version: 'latest',
        },
        osDisk: { createOption: 'FromImage', deleteOption: 'Delete', name: `${name}-disk` },
      },
      osProfile: { computerName: 'one', adminUsername: 'overcast', adminPassword: 'Swordfish-1' },
      networkProfile: {
        networkApiVersion: '2022-11-01',
        networkInterfaceConfigurations: [
          {
            name: 'nic',
            properties: {
              deleteOption: 'Delete',
              networkSecurityGroup: { id: firewall() },
              ipConfigurations: [
                { name: 'ip', properties: { subnet: { id: `${network()}/subnets/nodes` } } },
              ],
            },
          },
        ],
      },
    },
  });
  return name;
}

beforeEach(async () => {
  group = `group-${randomUUID()}`;
  await put(groupPath(), {});
  await put(network(), {
    properties: {
      addressSpace: { addressPrefixes: ['10.20.0.0/16'] },
      subnets: [{ name: 'nodes', properties: { addressPrefix: '10.20.1.0/24' } }],
    },
  });
  await put(firewall(), { properties: { securityRules: [rule('second', 200), rule('first', 100)] } });
});

const rulesOf = async () =>
  ((await get(firewall()))['securityRules'] as { name: string; properties: Json }[]).map(
    ({ name, properties }) => `${name} ${String(properties['priority'])}`,
  );
const subnetsOf = async () => (await get(network()))['subnets'] as { name: string; properties: Json }[];

it('has all kinds', () => {
  expect(Object.keys(world.damagesOf('azure')).sort()).toEqual(damageKinds.toSorted());
});

describe('of a network', () => {
  it('is the network', async () => {
    expect(await damage('delete-network')).toMatchObject({ status: 201, body: { id: network() } });
    expect(rows().map(({ kind }) => kind)).toEqual(['network-security-group']);
    expect((await damage('delete-network')).status).toBe(404);
  });

  it('is its subnet', async () => {
    expect((await damage('delete-subnet')).body['id']).toBe(`${network()}/subnets/nodes`);
    expect(await subnetsOf()).toEqual([]);
    expect((await damage('delete-subnet')).status).toBe(404);
  });

  it('is a route table that leads nowhere', async () => {
    const { body } = await damage('remove-route');
    expect((await subnetsOf())[0]?.properties['routeTable']).toEqual({ id: body['id'] });
  });

  it('is the first rule of the workers’ firewall, and one for SSH', async () => {
    expect((await damage('remove-firewall-rule')).body['id']).toBe(`${firewall()}/securityRules/first`);
    expect(await rulesOf()).toEqual(['second 200']);
    expect((await damage('add-firewall-rule')).status).toBe(201);
    expect((await damage('add-firewall-rule')).status).toBe(201);
    expect(await rulesOf()).toEqual(['second 200', 'ssh 100']);
  });

  it('is the workers’ firewall, which is taken from machines first', async () => {
    await addMachine();
    expect((await damage('delete-firewall')).status).toBe(201);
    expect(rows().some(({ kind }) => kind === 'network-security-group')).toBe(false);
    const nic = rows().find(({ kind }) => kind === 'network-interface');
    expect((await get(nic?.id ?? ''))['networkSecurityGroup']).toBeUndefined();
    expect((await damage('delete-firewall')).status).toBe(404);
  });

  it('is refused while machines are in it', async () => {
    await addMachine();
    expect((await damage('delete-network')).status).toBe(409);
    expect((await damage('delete-subnet')).status).toBe(409);
    expect(await subnetsOf()).toHaveLength(1);
  });
});

describe('of a machine', () => {
  it('is its tags', async () => {
    const machineId = await addMachine();
    expect((await damage('remove-tags', { machineId })).status).toBe(201);
    expect(rows().find(({ kind }) => kind === 'machine')?.tags).toEqual([]);
  });

  it('is its place in the firewall, once', async () => {
    const machineId = await addMachine();
    const { status, body } = await damage('move-firewall', { machineId });
    expect(status).toBe(201);
    expect((await get(String(body['id'])))['networkSecurityGroup']).toBeUndefined();
    expect((await damage('move-firewall', { machineId })).status).toBe(404);
  });

  it.each([
    ['add-spare-disk', 'disk'],
    ['add-spare-interface', 'network-interface'],
    ['add-spare-address', 'public-ip-address'],
  ])('%s makes an unused %s with its tags', async (kind, made) => {
    const machineId = await addMachine();
    const { body } = await damage(kind, { machineId });
    expect(rows().find(({ id }) => id === body['id'])).toMatchObject({
      kind: made,
      name: `${machineId}-spare`,
      tags: ['owner=us'],
    });
    const path =
      made === 'disk' ? `${String(body['id'])}?api-version=2025-01-02` : versioned(String(body['id']));
    expect((await ask('DELETE', path)).status).toBe(202);
  });

  it.each(machineDamageKinds)('%s of one that is gone is nothing', async (kind) => {
    const machineId = await addMachine();
    world.terminate('azure', machineId, 0);
    expect((await damage(kind, { machineId })).status).toBe(404);
  });
});

it('nobody can say by which machine an interface is used', async () => {
  await put(at('networkInterfaces', 'alone'), {
    properties: {
      virtualMachine: { id: 'mine' },
      ipConfigurations: [{ name: 'ip', properties: { subnet: { id: `${network()}/subnets/nodes` } } }],
    },
  });
  expect((await get(at('networkInterfaces', 'alone')))['virtualMachine']).toBeUndefined();
});
