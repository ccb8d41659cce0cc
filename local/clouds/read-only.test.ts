import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAwsSimulator } from './aws/index.ts';
import { createAzureSimulator } from './azure/index.ts';
import { readOnly } from './credentials.ts';
import { createDigitalOceanSimulator } from './digitalocean/index.ts';
import { createGcpSimulator } from './gcp/index.ts';
import { serveSimulator, type Simulator } from './server.ts';
import { World } from './world.ts';

/*
 * What each cloud tells a read-only credential of every kind of change, as bytes on the wire. That a whole observation
 * works with one is the contract suite's business: it observes with nothing else.
 */

const world = new World({ timeScale: 1000 });
const simulators: Readonly<Record<string, (world: World) => Simulator>> = {
  aws: createAwsSimulator,
  gcp: createGcpSimulator,
  azure: createAzureSimulator,
  digitalocean: createDigitalOceanSimulator,
};
const urls: Record<string, string> = {};
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  for (const [cloud, simulator] of Object.entries(simulators)) {
    const served = await serveSimulator(world, simulator(world));
    urls[cloud] = served.url;
    closing.push(() => served.close());
  }
});
afterAll(async () => {
  await Promise.all(closing.map((close) => close()));
  world.close();
});

async function ask(
  cloud: string,
  request: { method: string; path: string; body?: string; headers: Record<string, string> },
): Promise<{ status: number; text: string }> {
  const { method, path, body, headers } = request;
  const response = await fetch(`${urls[cloud]}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, text: await response.text() };
}

const nothingIsMade = (): void => {
  expect(world.resources()).toEqual([]);
};

describe('AWS', () => {
  const services = { ec2: '2016-11-15', elasticloadbalancing: '2015-12-01' } as const;
  const call = (service: keyof typeof services, action: string) =>
    ask('aws', {
      method: 'POST',
      path: '/',
      body: new URLSearchParams({ Action: action, Version: services[service] }).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        authorization: `AWS4-HMAC-SHA256 Credential=${readOnly}/20261130/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`,
      },
    });

  it.each([
    ['ec2', 'CreateVpc', 'UnauthorizedOperation'],
    ['ec2', 'RunInstances', 'UnauthorizedOperation'],
    ['ec2', 'TerminateInstances', 'UnauthorizedOperation'],
    ['ec2', 'CreateTags', 'UnauthorizedOperation'],
    ['ec2', 'AuthorizeSecurityGroupIngress', 'UnauthorizedOperation'],
    ['ec2', 'RevokeSecurityGroupIngress', 'UnauthorizedOperation'],
    ['ec2', 'ReplaceRoute', 'UnauthorizedOperation'],
    ['ec2', 'ModifyNetworkInterfaceAttribute', 'UnauthorizedOperation'],
    ['ec2', 'DeleteVpc', 'UnauthorizedOperation'],
    ['elasticloadbalancing', 'CreateLoadBalancer', 'AccessDenied'],
    ['elasticloadbalancing', 'RegisterTargets', 'AccessDenied'],
    ['elasticloadbalancing', 'DeleteTargetGroup', 'AccessDenied'],
  ] as const)('refuses %s:%s as %s', async (service, action, code) => {
    const { status, text } = await call(service, action);
    expect(status).toBe(403);
    expect(text).toContain(`<Code>${code}</Code>`);
    expect(text).toContain(`is not authorized to perform: ${service}:${action}`);
    nothingIsMade();
  });

  it('lets it look', async () => {
    expect((await call('ec2', 'DescribeVpcs')).status).toBe(200);
    expect((await call('elasticloadbalancing', 'DescribeLoadBalancers')).status).toBe(200);
  });
});

describe('Google Cloud', () => {
  const call = (method: string, path: string) =>
    ask('gcp', {
      method,
      path: `/compute/v1/projects/some-project/${path}`,
      headers: { authorization: `Bearer ${readOnly}`, 'content-type': 'application/json' },
      ...(method === 'GET' ? {} : { body: '{}' }),
    });
  const zone = 'zones/us-east4-a';

  it.each([
    ['POST', 'global/networks', 'compute.networks.create'],
    ['PATCH', 'global/networks/n', 'compute.networks.update'],
    ['PUT', 'global/firewalls/f', 'compute.firewalls.update'],
    ['DELETE', 'global/routes/r', 'compute.routes.delete'],
    ['POST', 'regions/us-east4/subnetworks', 'compute.subnetworks.create'],
    ['POST', `${zone}/instances`, 'compute.instances.create'],
    ['POST', 'regions/us-east4/forwardingRules', 'compute.forwardingRules.create'],
    ['DELETE', 'regions/us-east4/backendServices/b', 'compute.backendServices.delete'],
    ['PATCH', 'regions/us-east4/healthChecks/h', 'compute.healthChecks.update'],
    ['POST', `${zone}/instances/i/setLabels`, 'compute.instances.setLabels'],
    ['DELETE', `${zone}/instances/i`, 'compute.instances.delete'],
    ['DELETE', `${zone}/disks/d`, 'compute.disks.delete'],
  ])('refuses %s %s: it lacks %s', async (method, path, permission) => {
    const { status, text } = await call(method, path);
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({
      error: {
        code: 403,
        status: 'PERMISSION_DENIED',
        errors: [{ domain: 'global', reason: 'forbidden' }],
        message: `Required '${permission}' permission for 'projects/some-project/${path.replace(/\/set\w+$/, '')}'`,
      },
    });
    nothingIsMade();
  });

  it('lets it look', async () => {
    expect((await call('GET', `${zone}/instances`)).status).toBe(200);
    // A POST that reads: there is no such group, and that it is told.
    expect((await call('POST', `${zone}/instanceGroups/g/listInstances`)).status).toBe(404);
  });
});

describe('Azure', () => {
  const subscription = '/subscriptions/5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a01';
  const group = `${subscription}/resourceGroups/g`;
  const call = (method: string, path: string, version: string) =>
    ask('azure', {
      method,
      path: `${path}?api-version=${version}`,
      headers: { authorization: `Bearer ${readOnly}`, 'content-type': 'application/json' },
      ...(method === 'PUT' || method === 'PATCH' ? { body: '{}' } : {}),
    });

  it.each([
    ['PUT', group, '2024-03-01', 'Microsoft.Resources/resourceGroups/write'],
    ['DELETE', group, '2024-03-01', 'Microsoft.Resources/resourceGroups/delete'],
    [
      'PUT',
      `${group}/providers/Microsoft.Network/virtualNetworks/n`,
      '2025-01-01',
      'Microsoft.Network/virtualNetworks/write',
    ],
    [
      'PUT',
      `${group}/providers/Microsoft.Network/networkSecurityGroups/f/securityRules/r`,
      '2025-01-01',
      'Microsoft.Network/networkSecurityGroups/securityRules/write',
    ],
    [
      'PATCH',
      `${group}/providers/Microsoft.Network/networkInterfaces/i`,
      '2025-01-01',
      'Microsoft.Network/networkInterfaces/write',
    ],
    [
      'PUT',
      `${group}/providers/Microsoft.Network/loadBalancers/b`,
      '2025-01-01',
      'Microsoft.Network/loadBalancers/write',
    ],
    [
      'PUT',
      `${group}/providers/Microsoft.Compute/virtualMachines/m`,
      '2025-04-01',
      'Microsoft.Compute/virtualMachines/write',
    ],
    [
      'DELETE',
      `${group}/providers/Microsoft.Compute/virtualMachines/m`,
      '2025-04-01',
      'Microsoft.Compute/virtualMachines/delete',
    ],
  ])('refuses %s %s (%s): it may not %s', async (method, path, version, action) => {
    const { status, text } = await call(method, path, version);
    expect(status).toBe(403);
    const { error } = JSON.parse(text) as { error: { code: string; message: string } };
    expect(error.code).toBe('AuthorizationFailed');
    expect(error.message).toContain(`does not have authorization to perform action '${action}'`);
    expect(error.message).toContain(`over scope '${path}'`);
    nothingIsMade();
  });

  it('lets it look', async () => {
    const path = `${subscription}/providers/Microsoft.Network/virtualNetworks`;
    expect((await call('GET', path, '2025-01-01')).status).toBe(200);
  });
});

describe('DigitalOcean', () => {
  const call = (method: string, path: string) =>
    ask('digitalocean', {
      method,
      path: `/v2/${path}`,
      headers: { authorization: `Bearer ${readOnly}`, 'content-type': 'application/json' },
      ...(method === 'POST' || method === 'PUT' ? { body: '{}' } : {}),
    });

  it.each([
    ['POST', 'vpcs'],
    ['POST', 'droplets'],
    ['POST', 'tags'],
    ['POST', 'tags/t/resources'],
    ['PUT', 'firewalls/f'],
    ['POST', 'firewalls/f/rules'],
    ['POST', 'load_balancers'],
    ['DELETE', 'droplets/1'],
    ['DELETE', 'vpcs/v'],
  ])('refuses %s %s', async (method, path) => {
    const { status, text } = await call(method, path);
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({
      id: 'forbidden',
      message: 'You are not authorized to perform this operation',
    });
    nothingIsMade();
  });

  it('lets it look', async () => {
    expect((await call('GET', 'droplets')).status).toBe(200);
  });
});
