import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { serveSimulator } from '../server.ts';
import { World } from '../world.ts';
import { createAzureSimulator } from './index.ts';

type Json = Record<string, unknown>;
interface Answer {
  readonly status: number;
  readonly body: Json;
  readonly headers: Headers;
}

const group = '/subscriptions/5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a09/resourceGroups/balanced';
const at = (type: string, name: string): string => `${group}/providers/Microsoft.Network/${type}/${name}`;
const id = at('loadBalancers', 'lb');
const pool = `${id}/backendAddressPools/workers`;
const address = at('publicIPAddresses', 'ip');

const rule = (change: Json = {}, name = 'tcp-80'): Json => ({
  name,
  properties: {
    protocol: 'Tcp',
    frontendPort: 80,
    backendPort: 80,
    frontendIPConfiguration: { id: `${id}/frontendIPConfigurations/public` },
    backendAddressPool: { id: pool },
    probe: { id: `${id}/probes/ingress` },
    ...change,
  },
});
const probe = (change: Json = {}): Json => ({
  name: 'ingress',
  properties: { protocol: 'Http', port: 8081, requestPath: '/nginx-ready', intervalInSeconds: 10, ...change },
});
const balancer = (change: Json = {}, sku = 'Standard'): Json => ({
  sku: { name: sku },
  properties: {
    frontendIPConfigurations: [{ name: 'public', properties: { publicIPAddress: { id: address } } }],
    backendAddressPools: [{ name: 'workers' }],
    probes: [probe()],
    loadBalancingRules: [rule()],
    ...change,
  },
});
const nic = (subnet: string, pools: readonly string[]): Json => ({
  properties: {
    ipConfigurations: [
      {
        name: 'ip',
        properties: {
          subnet: { id: `${at('virtualNetworks', subnet)}/subnets/nodes` },
          loadBalancerBackendAddressPools: pools.map((one) => ({ id: one })),
        },
      },
    ],
  },
});

const code = ({ status, body }: Answer): string =>
  `${status} ${(body['error'] as { code?: string } | undefined)?.code ?? 'ok'}`;

describe('load balancers of the Azure simulator', () => {
  const world = new World({ timeScale: 2000 });
  let url = '';
  let close: () => Promise<void>;

  const ask = async (method: string, path: string, body?: Json, headers: Json = {}): Promise<Answer> => {
    const version = path === group ? '2025-04-01' : '2025-05-01';
    const response = await fetch(`${url}${path}?api-version=${version}`, {
      method,
      headers: { authorization: 'Bearer somebody', 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify({ location: 'eastus', ...body }) }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: (text === '' ? {} : JSON.parse(text)) as Json,
      headers: response.headers,
    };
  };
  const get = async (path: string): Promise<Json> => (await ask('GET', path)).body;
  const put = async (path: string, body: Json): Promise<void> => {
    expect(code(await ask('PUT', path, body))).toMatch(/^20[01] ok$/);
    await vi.waitFor(async () =>
      expect((await get(path))['properties']).toMatchObject({ provisioningState: 'Succeeded' }),
    );
  };
  const remove = async (path: string): Promise<void> => {
    expect((await ask('DELETE', path)).status).toBe(202);
    await expect.poll(async () => (await ask('GET', path)).status, { interval: 5 }).toBe(404);
  };

  beforeAll(async () => {
    ({ url, close } = await serveSimulator(world, createAzureSimulator(world)));
    await put(group, {});
    for (const [name, range] of [
      ['network', '10.20.0.0/16'],
      ['elsewhere', '10.21.0.0/16'],
    ] as const)
      await put(at('virtualNetworks', name), {
        properties: {
          addressSpace: { addressPrefixes: [range] },
          subnets: [{ name: 'nodes', properties: { addressPrefix: range.replace('/16', '/24') } }],
        },
      });
    const standard = { sku: { name: 'Standard' }, properties: { publicIPAllocationMethod: 'Static' } };
    for (const name of ['ip', 'second']) await put(at('publicIPAddresses', name), standard);
    await put(at('publicIPAddresses', 'basic'), {});
    await put(id, balancer());
    await put(at('networkInterfaces', 'one'), nic('network', [pool]));
  });
  afterAll(async () => {
    await close();
    world.close();
  });

  it.each<[string, Json, string]>([
    ['the Basic sku', balancer({}, 'Basic'), '400 BasicSkuLoadBalancerNotAllowed'],
    ['no frontend', balancer({ frontendIPConfigurations: [] }), '400 InvalidRequestFormat'],
    [
      'a Basic address',
      balancer({
        frontendIPConfigurations: [
          { name: 'public', properties: { publicIPAddress: { id: at('publicIPAddresses', 'basic') } } },
        ],
      }),
      '400 LoadBalancerAndPublicIPAddressSkuMismatch',
    ],
    [
      'an address that is not there',
      balancer({
        frontendIPConfigurations: [
          { name: 'public', properties: { publicIPAddress: { id: at('publicIPAddresses', 'no') } } },
        ],
      }),
      '400 InvalidResourceReference',
    ],
    [
      'a probe by HTTP without a path',
      balancer({ probes: [probe({ requestPath: undefined })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'a probe by TCP with one',
      balancer({ probes: [probe({ protocol: 'Tcp' })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'a probe that asks every second',
      balancer({ probes: [probe({ intervalInSeconds: 1 })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'a rule for a pool that is not there',
      balancer({
        loadBalancingRules: [rule({ backendAddressPool: { id: `${id}/backendAddressPools/no` } })],
      }),
      '400 InvalidResourceReference',
    ],
    [
      'two rules at one port',
      balancer({ loadBalancingRules: [rule(), rule({}, 'again')] }),
      '400 RulesUseSameFrontendPortProtocolAndFrontendIPConfig',
    ],
    [
      'two rules of one name',
      balancer({ loadBalancingRules: [rule(), rule({ frontendPort: 81 })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'a rule without a protocol',
      balancer({ loadBalancingRules: [rule({ protocol: undefined })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'a member that no rule has',
      balancer({ loadBalancingRules: [rule({ port: 80 })] }),
      '400 InvalidRequestFormat',
    ],
    [
      'taking away a pool that is used',
      balancer({ backendAddressPools: [{ name: 'other' }], loadBalancingRules: [] }),
      '400 InUseSubResourceCannotBeDeleted',
    ],
  ])('refuses %s', async (_what, body, refusal) => {
    expect(code(await ask('PUT', id, body))).toBe(refusal);
  });

  it('refuses an address that another balancer has', async () => {
    const theirs = JSON.parse(JSON.stringify(balancer()).replaceAll(id, at('loadBalancers', 'two'))) as Json;
    expect(code(await ask('PUT', at('loadBalancers', 'two'), theirs))).toBe('400 PublicIPAddressInUse');
  });

  it('refuses interfaces of another network, and pools that are not there', async () => {
    const far = at('networkInterfaces', 'far');
    expect(code(await ask('PUT', far, nic('elsewhere', [pool])))).toBe(
      '400 NetworkInterfacesInBackendAddressPoolInDifferentVirtualNetworks',
    );
    expect(code(await ask('PUT', far, nic('network', [`${id}/backendAddressPools/no`])))).toBe(
      '400 InvalidResourceReference',
    );
  });

  it('says no when a quota is full', async () => {
    world.addFault({ id: 'full', cloud: 'azure', operation: 'createBalancer', effect: 'quota', times: 1 });
    expect(code(await ask('PUT', at('publicIPAddresses', 'third'), {}))).toBe(
      '400 PublicIPCountLimitReached',
    );
  });

  it('is followed by an asynchronous operation, and shows who is in its pool', async () => {
    world.change({ timeScale: 10 });
    const { headers, body } = await ask('PUT', id, balancer());
    expect(headers.get('azure-asyncoperation')).toMatch(/\/operations\//);
    expect(body['properties']).toMatchObject({
      provisioningState: 'Updating',
      backendAddressPools: [
        {
          id: pool,
          properties: {
            backendIPConfigurations: [{ id: expect.stringMatching(/\/one\/ipConfigurations\/ip$/) }],
          },
        },
      ],
    });
    // Nobody joins what is still changing.
    expect(code(await ask('PUT', at('networkInterfaces', 'two'), nic('network', [pool])))).toBe(
      '429 ReferencedResourceNotProvisioned',
    );
    world.change({ timeScale: 2000 });
  });

  it('takes a write only from somebody who has seen what stands', async () => {
    const one = at('networkInterfaces', 'one');
    const { etag } = await get(one);
    await expect
      .poll(async () => code(await ask('PUT', one, nic('network', [pool]), { 'if-match': etag })), {
        interval: 5,
      })
      .toBe('200 ok');
    expect(code(await ask('PUT', one, nic('network', []), { 'if-match': etag }))).toBe(
      '412 PreconditionFailed',
    );
  });

  it('goes after its members, and its address after it', async () => {
    expect(code(await ask('DELETE', id))).toBe('400 InUseSubResourceCannotBeDeleted');
    expect(code(await ask('DELETE', address))).toBe('400 PublicIPAddressCannotBeDeleted');
    await put(at('networkInterfaces', 'one'), nic('network', []));
    await remove(id);
    await remove(address);
  });
});
