import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createAzureSimulator } from './index.ts';

/* What the real API is strict about, asked with plain requests. */

const subscription = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a04';
const versions = {
  resources: '2025-04-01',
  network: '2025-05-01',
  compute: '2026-03-01',
  disk: '2025-01-02',
};
const timeScale = 2000;
type Json = Record<string, unknown>;
interface Answer {
  status: number;
  code: string | undefined;
  body: Json;
  headers: Headers;
}

let world: World;
let url = '';
let close: () => Promise<void>;
let group = '';

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(path.startsWith('http') ? path : `${url}${path}`, {
    method,
    headers: { authorization: 'Bearer somebody', 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const text = await response.text();
  const parsed = (text === '' ? {} : JSON.parse(text)) as Json;
  return {
    status: response.status,
    code: (parsed['error'] as { code?: string } | undefined)?.code,
    body: parsed,
    headers: response.headers,
  };
}

const root = `/subscriptions/${subscription}`;
const groupPath = (name = group) => `${root}/resourcegroups/${name}?api-version=${versions.resources}`;
const at = (type: string, version: string) => (name: string) =>
  `${root}/resourceGroups/${group}/providers/${type}/${name}?api-version=${version}`;
const network = at('Microsoft.Network/virtualNetworks', versions.network);
const firewall = at('Microsoft.Network/networkSecurityGroups', versions.network);
const address = at('Microsoft.Network/publicIPAddresses', versions.network);
const nic = at('Microsoft.Network/networkInterfaces', versions.network);
const vm = at('Microsoft.Compute/virtualMachines', versions.compute);

const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, 20);
  });
const put = async (path: string, body: Json): Promise<Answer> => {
  const answer = await ask('PUT', path, { location: 'eastus', ...body });
  await settled();
  return answer;
};

const space = { addressSpace: { addressPrefixes: ['10.20.0.0/16'] } };
const subnet = (name: string, addressPrefix: string) => ({ name, properties: { addressPrefix } });
const subnetReference = () => ({
  id: `${root}/resourceGroups/${group}/providers/Microsoft.Network/virtualNetworks/net/subnets/one`,
});
const rule = (name: string, change: Json = {}) => ({
  name,
  properties: {
    protocol: 'Tcp',
    access: 'Allow',
    direction: 'Inbound',
    priority: 100,
    sourcePortRange: '*',
    destinationPortRange: '22',
    sourceAddressPrefix: '*',
    destinationAddressPrefix: '*',
    ...change,
  },
});
const id = (path: string) => ({ id: path.split('?')[0] });
const machine = (change: Json = {}): Json => ({
  hardwareProfile: { vmSize: 'Standard_D4als_v6' },
  storageProfile: {
    imageReference: { publisher: 'Canonical', offer: 'ubuntu-24_04-lts', sku: 'server', version: 'latest' },
    osDisk: { createOption: 'FromImage', deleteOption: 'Delete', name: `disk-${randomUUID().slice(0, 8)}` },
  },
  osProfile: {
    computerName: 'one',
    adminUsername: 'overcast',
    customData: Buffer.from('hello').toString('base64'),
    adminPassword: 'Swordfish-1',
  },
  networkProfile: {
    networkApiVersion: '2022-11-01',
    networkInterfaceConfigurations: [
      {
        name: 'nic',
        properties: {
          deleteOption: 'Delete',
          ipConfigurations: [{ name: 'ip', properties: { subnet: subnetReference() } }],
        },
      },
    ],
  },
  ...change,
});

beforeAll(async () => {
  world = new World({ timeScale });
  ({ url, close } = await serveSimulator(world, createAzureSimulator(world)));
});
afterAll(async () => {
  await close();
  world.close();
});
beforeEach(async () => {
  world.clearFaults();
  group = `group-${randomUUID()}`;
  await ask('PUT', groupPath(), { location: 'eastus' });
});

describe('at the door', () => {
  it.each<[string, () => Promise<Answer>, number, string | undefined]>([
    [
      'no bearer',
      () => ask('GET', groupPath(), undefined, { authorization: '' }),
      401,
      'AuthenticationFailed',
    ],
    [
      'an unknown bearer',
      () => ask('GET', groupPath(), undefined, { authorization: 'Bearer revoked' }),
      401,
      'InvalidAuthenticationToken',
    ],
    [
      'no api-version',
      () => ask('GET', `${root}/resourcegroups/${group}`),
      400,
      'MissingApiVersionParameter',
    ],
    [
      'an unknown api-version',
      () => ask('GET', network('net').replace(versions.network, '1999-01-01')),
      400,
      'NoRegisteredProviderFound',
    ],
    [
      'a subscription that is no UUID',
      () => ask('GET', '/subscriptions/mine?api-version=2022-12-01'),
      400,
      'InvalidSubscriptionId',
    ],
    [
      'a path that leads nowhere',
      () => ask('GET', `/tenants?api-version=${versions.resources}`),
      404,
      'MissingSubscription',
    ],
    [
      'a type nobody has',
      () => ask('GET', at('Microsoft.Network/wormholes', versions.network)('w')),
      404,
      'InvalidResourceType',
    ],
    ['a group that is not there', () => ask('GET', groupPath('nowhere')), 404, 'ResourceGroupNotFound'],
    [
      'a resource in a group that is not there',
      () => ask('PUT', network('net').replace(group, 'nowhere'), { location: 'eastus', properties: space }),
      404,
      'ResourceGroupNotFound',
    ],
    ['a resource that is not there', () => ask('GET', network('net')), 404, 'ResourceNotFound'],
    ['a body that is no JSON', () => ask('PUT', network('net'), '{'), 400, 'InvalidRequestContent'],
    ['no location', () => ask('PUT', network('net'), { properties: space }), 400, 'LocationRequired'],
    [
      'a filter nobody knows',
      () => ask('GET', `${root}/resources?api-version=${versions.resources}&$filter=colour eq 'red'`),
      400,
      'InvalidFilterInQueryString',
    ],
  ])('refuses %s', async (_, asking, status, code) => {
    expect(await asking()).toMatchObject({ status, code });
  });

  it('takes paths in any case', async () => {
    expect((await ask('GET', groupPath().toUpperCase().replace('API-VERSION', 'api-version'))).status).toBe(
      200,
    );
  });
});

describe('the network provider refuses', () => {
  beforeEach(async () => {
    await put(network('net'), { properties: { ...space, subnets: [subnet('one', '10.20.1.0/24')] } });
  });
  it.each<[string, () => Promise<Answer>, string]>([
    [
      'a range that is none',
      () => put(network('n'), { properties: { addressSpace: { addressPrefixes: ['ten'] } } }),
      'InvalidAddressPrefixFormat',
    ],
    [
      'a range with host bits',
      () => put(network('n'), { properties: { addressSpace: { addressPrefixes: ['10.0.0.1/16'] } } }),
      'InvalidCIDRNotation',
    ],
    [
      'a subnet outside',
      () => put(network('n'), { properties: { ...space, subnets: [subnet('a', '10.21.0.0/24')] } }),
      'NetcfgInvalidSubnet',
    ],
    [
      'subnets that overlap',
      () =>
        put(network('n'), {
          properties: { ...space, subnets: [subnet('a', '10.20.0.0/23'), subnet('b', '10.20.1.0/24')] },
        }),
      'NetcfgSubnetRangesOverlap',
    ],
    [
      'a member it does not know',
      () => put(network('n'), { properties: { ...space, colour: 'red' } }),
      'InvalidRequestFormat',
    ],
    [
      'a member of the wrong type',
      () => put(network('n'), { properties: { addressSpace: { addressPrefixes: '10.0.0.0/8' } } }),
      'InvalidRequestFormat',
    ],
    [
      'rules of one priority',
      () => put(firewall('f'), { properties: { securityRules: [rule('a'), rule('b')] } }),
      'SecurityRuleConflict',
    ],
    [
      'a priority out of range',
      () => put(firewall('f'), { properties: { securityRules: [rule('a', { priority: 99 })] } }),
      'SecurityRuleInvalidPriority',
    ],
    [
      'ports that are none',
      () =>
        put(firewall('f'), { properties: { securityRules: [rule('a', { destinationPortRange: '30-20' })] } }),
      'SecurityRuleInvalidPortRange',
    ],
    [
      'an interface without a subnet',
      () =>
        put(nic('i'), {
          properties: { ipConfigurations: [{ name: 'a', properties: { subnet: { id: 'nowhere' } } }] },
        }),
      'InvalidResourceReference',
    ],
    [
      'a subnet of no network',
      () => put(network('nowhere').replace('nowhere?', 'nowhere/subnets/a?'), { properties: {} }),
      'ParentResourceNotFound',
    ],
  ])('%s', async (_, asking, code) => {
    expect(await asking()).toMatchObject({ code });
  });

  it('what is in use', async () => {
    await put(address('a'), {
      sku: { name: 'Standard' },
      properties: { publicIPAllocationMethod: 'Static' },
    });
    await put(firewall('f'), {});
    const made = await put(nic('i'), {
      properties: {
        networkSecurityGroup: id(firewall('f')),
        ipConfigurations: [
          { name: 'a', properties: { subnet: subnetReference(), publicIPAddress: id(address('a')) } },
        ],
      },
    });
    expect(made.status).toBe(201);
    expect((await ask('DELETE', address('a'))).code).toBe('PublicIPAddressCannotBeDeleted');
    expect((await ask('DELETE', firewall('f'))).code).toBe('InUseNetworkSecurityGroupCannotBeDeleted');
    expect((await ask('DELETE', network('net'))).code).toBe('InUseSubnetCannotBeDeleted');
    const taken = machine({ networkProfile: { networkInterfaces: [id(nic('i'))] } });
    expect((await put(vm('one'), { properties: taken })).status).toBe(201);
    expect((await ask('DELETE', nic('i'))).code).toBe('NicInUse');
    // The interface was not made to go with the machine, so it stays.
    await ask('DELETE', vm('one'));
    await expect.poll(async () => (await ask('GET', vm('one'))).status).toBe(404);
    expect((await ask('DELETE', nic('i'))).status).toBe(202);
  });
});

describe('the compute provider', () => {
  beforeEach(async () => {
    await put(network('net'), { properties: { ...space, subnets: [subnet('one', '10.20.1.0/24')] } });
  });
  it.each<[string, () => Json, string]>([
    ['a size nobody has', () => machine({ hardwareProfile: { vmSize: 'Standard_Z1' } }), 'InvalidParameter'],
    [
      'no way to log in',
      () => machine({ osProfile: { computerName: 'one', adminUsername: 'overcast' } }),
      'InvalidParameter',
    ],
    [
      'custom data that is not base64',
      () =>
        machine({
          osProfile: { computerName: 'one', adminUsername: 'overcast', adminPassword: 'x', customData: '#!' },
        }),
      'InvalidParameter',
    ],
    ['a member it does not know', () => machine({ colour: 'red' }), 'BadRequest'],
    [
      'an eviction policy of a machine that is not spot',
      () => machine({ evictionPolicy: 'Delete' }),
      'InvalidParameter',
    ],
    [
      'spot where there is none',
      () => machine({ hardwareProfile: { vmSize: 'Standard_B2ls_v2' }, priority: 'Spot' }),
      'OperationNotAllowed',
    ],
    ['no interface', () => machine({ networkProfile: {} }), 'InvalidParameter'],
    [
      'an image nobody has',
      () =>
        machine({
          storageProfile: {
            imageReference: { publisher: 'Canonical', offer: 'warty', sku: 'server', version: 'latest' },
            osDisk: { createOption: 'FromImage' },
          },
        }),
      'PlatformImageNotFound',
    ],
  ])('refuses %s', async (_, properties, code) => {
    expect(await put(vm('one'), { properties: properties() })).toMatchObject({ code });
    expect((await ask('GET', vm('one'))).status).toBe(404);
  });

  it('takes the same request again and refuses a changed one', async () => {
    const properties = machine();
    expect((await put(vm('one'), { properties })).status).toBe(201);
    expect((await put(vm('one'), { properties })).status).toBe(200);
    const changed = {
      ...properties,
      osProfile: { ...(properties['osProfile'] as Json), computerName: 'two' },
    };
    expect((await put(vm('one'), { properties: changed })).code).toBe('PropertyChangeNotAllowed');
  });

  it('never shows what was secret', async () => {
    await put(vm('one'), { properties: machine() });
    const { body } = await ask('GET', vm('one'));
    expect((body['properties'] as Json)['osProfile']).toEqual({
      computerName: 'one',
      adminUsername: 'overcast',
    });
  });

  it('accepts a machine that it has no room for, and keeps the failed one', async () => {
    world.addFault({
      id: 'later',
      cloud: 'azure',
      operation: 'createMachine',
      effect: 'no-capacity-later',
      times: 1,
    });
    const made = await ask('PUT', vm('one'), { location: 'eastus', zones: ['1'], properties: machine() });
    expect(made.status).toBe(201);
    const operation = made.headers.get('azure-asyncoperation') ?? '';
    await expect
      .poll(async () => (await ask('GET', operation)).body)
      .toMatchObject({
        status: 'Failed',
        error: { code: 'ZonalAllocationFailed' },
      });
    const view = await ask('GET', `${vm('one')}&$expand=instanceView`);
    expect(view.body).toMatchObject({
      properties: {
        provisioningState: 'Failed',
        instanceView: { statuses: [{ code: 'ProvisioningState/failed/ZonalAllocationFailed' }] },
      },
    });
  });

  it('hides a machine from reads while the world is inconsistent, and still knows it', async () => {
    world.addFault({
      id: 'hide',
      cloud: 'azure',
      operation: 'createMachine',
      effect: 'hide',
      times: 1,
      seconds: 20_000,
    });
    const properties = machine();
    await put(vm('one'), { properties });
    expect((await ask('GET', vm('one'))).status).toBe(404);
    expect((await put(vm('one'), { properties })).status).toBe(200);
  });
});

describe('lists', () => {
  it('go on at an absolute link, and filter by tag', async () => {
    world.change({ pageSizeMax: 2 });
    for (const name of ['a', 'b', 'c', 'd', 'e'])
      await put(address(name), { tags: { owner: name < 'd' ? group : 'x' } });
    const filter = encodeURIComponent(`tagName eq 'owner' and tagValue eq '${group}'`);
    let next: unknown = `${root}/resources?api-version=${versions.resources}&$filter=${filter}`;
    const pages: string[][] = [];
    while (typeof next === 'string') {
      const { body } = await ask('GET', next);
      pages.push((body['value'] as { name: string }[]).map(({ name }) => name));
      next = body['nextLink'];
    }
    world.change({ pageSizeMax: 500 });
    expect(pages).toEqual([['a', 'b'], ['c']]);
  });
});

describe('deleting a group', () => {
  it('takes everything in it, in its own time', async () => {
    await put(network('net'), { properties: { ...space, subnets: [subnet('one', '10.20.1.0/24')] } });
    await put(vm('one'), { properties: machine() });
    // Slow enough that the group is still there when it is asked about.
    world.change({ timeScale: 20 });
    const deletion = await ask('DELETE', groupPath());
    expect(deletion.status).toBe(202);
    expect((await put(address('late'), {})).code).toBe('ResourceGroupBeingDeleted');
    world.change({ timeScale });
    const location = deletion.headers.get('location') ?? '';
    await expect.poll(async () => (await ask('GET', location)).status, { timeout: 10_000 }).toBe(200);
    expect((await ask('HEAD', groupPath())).status).toBe(404);
    expect(world.resources().filter(({ inside }) => inside === group)).toEqual([]);
  });
});

describe('a restart', () => {
  it('loses nothing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overcast-azure-'));
    const first = new World({ folder, timeScale });
    const served = await serveSimulator(first, createAzureSimulator(first));
    await ask('PUT', `${served.url}${groupPath('kept')}`, { location: 'eastus', tags: { a: 'b' } });
    await served.close();
    first.close();
    const second = new World({ folder, timeScale });
    createAzureSimulator(second);
    expect(second.resources()).toMatchObject([{ kind: 'resource-group', name: 'kept', tags: ['a=b'] }]);
    second.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
