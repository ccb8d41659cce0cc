import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGcpSimulator } from '../../local/clouds/gcp/index.ts';
import type { Stored } from '../../local/clouds/gcp/state.ts';
import { World } from '../../local/clouds/world.ts';
import type { Collection } from '../../local/disk.ts';
import type { MachineRequest, Progress } from '../../shared/clouds/contract.ts';
import type { createGcp } from '../../shared/clouds/gcp/index.ts';
import type { NetworkSpec } from '../../shared/domain/network.ts';
import { placeIn, startWorld } from '../../test/contract/subject.ts';
import { projectFolder } from '../paths.ts';
import { gcpPlugins, prune, pruneClient } from './gcp.ts';

const kilobytesMax = 1024;
const project = 'overcast-bundle';

const { location, offering, candidates } = placeIn('gcp');
const owner = { installation: 'bundle', clusterId: randomUUID() };
const base = `overcast-${owner.clusterId}`;

const spec: NetworkSpec = {
  owner,
  clusterName: 'bundled',
  location,
  candidates,
  firewall: {
    'control-plane': [
      { protocol: 'tcp', fromPort: 6443, toPort: 6443, source: { kind: 'anywhere' }, purpose: 'API' },
    ],
    worker: [{ protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' }],
  },
};

const requestIn = (parts: Readonly<Record<string, string>>): MachineRequest => ({
  owner,
  nodeId: randomUUID(),
  token: randomUUID(),
  name: 'bundled-1',
  role: 'worker',
  offering,
  network: { cloud: 'gcp', location, range: '10.0.0.0/16', subnetRange: '10.0.1.0/24', parts },
  diskGib: 50,
  userData: '#cloud-config\n',
});

function machineIn(world: World) {
  const [machine] = world.living('gcp');
  if (machine === undefined) throw new Error('no machine');
  return { networkId: machine.networkId, machine };
}

async function settle<T>(call: () => Promise<Progress<T>>): Promise<T> {
  const end = Date.now() + 20_000;
  let waitingFor = '';
  while (Date.now() < end) {
    const progress = await call();
    if (progress.done) return progress.value;
    ({ waitingFor } = progress);
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`still waiting for ${waitingFor}`);
}

describe('a bundle that holds the Google Cloud driver', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-gcp-'));
  let bytes = Number.NaN;
  let inputs: string[] = [];
  let create: typeof createGcp;

  beforeAll(async () => {
    const outfile = join(folder, 'driver.mjs');
    const result = await build({
      absWorkingDir: projectFolder,
      stdin: {
        contents: "export { createGcp } from './shared/clouds/gcp/index.ts';",
        resolveDir: projectFolder,
      },
      outfile,
      bundle: true,
      minify: true,
      metafile: true,
      platform: 'node',
      target: 'node24',
      format: 'esm',
      mainFields: ['module', 'main'],
      legalComments: 'none',
      banner: {
        js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
      },
      plugins: gcpPlugins(),
    });
    const output = Object.values(result.metafile.outputs)[0];
    bytes = output?.bytes ?? Number.NaN;
    inputs = Object.keys(output?.inputs ?? {});
    ({ createGcp: create } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
      createGcp: typeof createGcp;
    });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is smaller than 1 MB', () => {
    expect(bytes / 1024).toBeLessThan(kilobytesMax);
  });

  it('holds neither gRPC nor a second auth library nor a second fetch', () => {
    for (const unwanted of ['@grpc/', 'google-gax/node_modules/google-auth-library', 'node-fetch/'])
      expect(inputs.filter((input) => input.includes(unwanted))).toEqual([]);
  });

  it('sends a 64-bit integer as a string, although minifying took the name of its class', async () => {
    const bodies: { disks?: { initializeParams?: Record<string, unknown> }[] }[] = [];
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        if (request.method === 'POST') bodies.push(JSON.parse(body) as (typeof bodies)[number]);
        const found = request.method === 'POST' || /operations/.test(request.url ?? '');
        response.writeHead(found ? 200 : 404, { 'content-type': 'application/json' });
        response.end(
          found
            ? '{"name":"operation-1"}'
            : '{"error":{"code":404,"message":"no","errors":[{"reason":"notFound"}]}}',
        );
      });
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    try {
      const cloud = create({ projectId: project, token: 'bundle', endpoint });
      const parts = {
        network: 'projects/p/global/networks/n',
        subnetwork: 'projects/p/regions/r/subnetworks/s',
      };
      expect((await cloud.createMachine(requestIn(parts))).done).toBe(false);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(bodies[0]?.disks?.[0]?.initializeParams?.['diskSizeGb']).toBe('50');
  });

  it('fetches an access token with the built-in fetch, as a workload identity federation file says', async () => {
    const bearers: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      if (request.method === 'GET') bearers.push(request.headers.authorization);
      request.resume();
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        request.method === 'POST'
          ? '{"access_token":"exchanged","token_type":"Bearer","expires_in":3600,"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"}'
          : `{"name":"${project}"}`,
      );
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const file = join(folder, 'subject-token');
    writeFileSync(file, 'proof');
    try {
      const serviceAccountKey = {
        type: 'external_account',
        audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        token_url: `${endpoint}/v1/token`,
        credential_source: { file },
      };
      const cloud = create({ projectId: project, serviceAccountKey, endpoint });
      await cloud.verifyAccount();
    } finally {
      server.closeAllConnections();
      server.close();
    }
    expect(bearers).toEqual(['Bearer exchanged']);
  });

  it('fetches an access token with a service account’s key', async () => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (url: string | URL, init: { body?: unknown; headers?: Headers } = {}) => {
      const { host } = new URL(url);
      asked.push(
        `${host} ${new Headers(init.headers).get('authorization') ?? String(init.body).slice(0, 50)}`,
      );
      return Response.json(
        host === 'compute.googleapis.com' ? { name: project } : { access_token: 'given', expires_in: 3600 },
      );
    });
    try {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
      const serviceAccountKey = {
        type: 'service_account',
        client_email: 'overcast@example.iam.gserviceaccount.com',
        private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      };
      const cloud = create({ projectId: project, serviceAccountKey });
      await cloud.verifyAccount();
      await cloud.verifyAccount();
    } finally {
      vi.unstubAllGlobals();
    }
    expect(asked).toEqual([
      expect.stringMatching(/^oauth2.googleapis.com grant_type=/),
      'compute.googleapis.com Bearer given',
      'compute.googleapis.com Bearer given',
    ]);
  });

  it('carries every call that the driver makes', async () => {
    const opened = vi.spyOn(World.prototype, 'collection');
    const world = await startWorld(createGcpSimulator);
    const at = opened.mock.calls.findIndex(([name]) => name === 'gcp/resources');
    // What the simulator keeps: a network in auto mode cannot be made with its API.
    const resources = opened.mock.results[at]?.value as Collection<Stored> | undefined;
    opened.mockRestore();
    const api = async (method: string, path: string, body?: unknown): Promise<void> => {
      const response = await fetch(`${world.url}/compute/v1/projects/${project}/${path}`, {
        method,
        headers: { authorization: 'Bearer somebody' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(`${response.status} ${await response.text()}`).toMatch(/^200 /);
    };
    try {
      const cloud = create({ projectId: project, token: 'bundle', endpoint: world.url });
      expect(await cloud.verifyAccount()).toEqual({ id: project, name: project });
      const network = await settle(() => cloud.ensureNetwork(spec));
      // Everything that can be repaired is broken.
      await api('PATCH', `global/firewalls/${base}-cp-any`, { sourceRanges: ['10.0.0.0/8'] });
      await api('POST', 'global/firewalls', {
        name: 'everything',
        network: network.parts['network'],
        allowed: [{ IPProtocol: 'all' }],
      });
      await api('PATCH', `global/networks/${base}`, { routingConfig: { routingMode: 'GLOBAL' } });
      const stored = resources?.get(network.parts['network'] ?? '');
      if (stored === undefined) throw new Error('no network');
      resources?.set(stored.path, { ...stored, body: { ...stored.body, autoCreateSubnetworks: true } });
      const routes = world.world
        .resources()
        .filter((row) => row.kind === 'route' && row.name.startsWith('default'));
      for (const route of routes)
        await api('DELETE', `global/routes/${route.name}`).catch(() => {
          // The local route is the network's own and cannot be deleted.
        });
      await new Promise((resolve) => {
        setTimeout(resolve, 50);
      });
      expect(await settle(() => cloud.ensureNetwork(spec))).toEqual(network);
      const request = requestIn(network.parts);
      await api('POST', `zones/${location.zone}/disks`, {
        name: 'left-behind',
        labels: { 'overcast-installation': owner.installation, 'overcast-cluster-id': owner.clusterId },
      });
      const machine = await settle(() => cloud.createMachine(request));
      const seen = (await cloud.observe([owner], location))[0];
      expect(seen?.machines).toEqual([machine]);
      world.world.damagesOf('gcp')['remove-tags']?.(machineIn(world.world));
      world.world.damagesOf('gcp')['move-firewall']?.(machineIn(world.world));
      const expected = { ...machine, ...request, location };
      expect(await settle(() => cloud.repairMachine(expected, network, owner))).toBe('right');
      const spares = (seen?.resources ?? []).filter(({ isSpare }) => isSpare);
      expect(spares.map(({ name }) => name)).toEqual(['left-behind']);
      for (const spare of spares) await settle(() => cloud.removeSpare(spare, owner, location));
      const balanced = {
        owner,
        clusterName: spec.clusterName,
        location,
        network,
        listeners: [{ port: 80, targetPort: 80 }],
        healthCheck: {
          port: 8081,
          path: '/ready',
          intervalSeconds: 10,
          timeoutSeconds: 5,
          unhealthyAfter: 2,
          healthyAfter: 2,
        },
        members: [{ ...machine, location }],
      };
      const balancer = await settle(() => cloud.ensureLoadBalancer(balanced));
      for (const kind of ['add-listener', 'change-health-check', 'remove-balancer-tags'] as const)
        world.world.damagesOf('gcp')[kind]?.(machineIn(world.world));
      expect(await settle(() => cloud.ensureLoadBalancer(balanced))).toEqual(balancer);
      expect(await settle(() => cloud.leaveLoadBalancer({ ...machine, location }, owner))).toBe('left');
      expect(await settle(() => cloud.joinLoadBalancer({ ...machine, location }, owner))).toBe('joined');
      await settle(() =>
        cloud.deleteMachine({ nodeId: request.nodeId, name: request.name, location }, owner),
      );
      await settle(() => cloud.collapse(owner, location));
      expect(world.world.resources()).toEqual([]);
    } finally {
      await world.close();
    }
  });
});

describe('prune', () => {
  const descriptions = {
    nested: {
      google: {
        nested: {
          cloud: {
            nested: {
              compute: {
                nested: {
                  v1: {
                    nested: {
                      Things: {
                        methods: {
                          Get: { requestType: 'GetThing', responseType: 'Thing', options: { twice: true } },
                          Put: { requestType: 'PutThing', responseType: 'Thing' },
                        },
                      },
                      GetThing: { fields: { name: { type: 'string' } } },
                      PutThing: { fields: { thing: { type: 'Thing' } } },
                      Thing: { fields: { part: { type: 'Part' } } },
                      Part: {
                        fields: { kind: { type: 'google.cloud.compute.v1.Kind' }, whole: { type: 'Thing' } },
                      },
                      Kind: { values: { SOME: 0 } },
                      Unrelated: { fields: {} },
                    },
                  },
                },
              },
            },
          },
        },
      },
    },
  };

  it('keeps the methods asked for and everything that their messages lead to', () => {
    const kept = prune(descriptions, { Things: ['Get'] }).nested?.['google']?.nested?.['cloud']?.nested?.[
      'compute'
    ]?.nested?.['v1']?.nested;
    expect(Object.keys(kept ?? {}).sort()).toEqual(['GetThing', 'Kind', 'Part', 'Thing', 'Things']);
    expect(kept?.['Things']?.methods).toEqual({ Get: { requestType: 'GetThing', responseType: 'Thing' } });
  });

  it('drops enums that no field names', () => {
    const v1 = {
      Things: { methods: { Get: { requestType: 'GetThing', responseType: 'GetThing' } } },
      GetThing: {
        fields: { tier: { type: 'string' }, mode: { type: 'Mode' } },
        nested: { Tier: { values: { LOW: 0 } }, Mode: { values: { ON: 0 } } },
      },
    };
    const root = {
      nested: { google: { nested: { cloud: { nested: { compute: { nested: { v1: { nested: v1 } } } } } } } },
    };
    expect(JSON.stringify(prune(root, { Things: ['Get'] }))).toContain(
      '"nested":{"Mode":{"values":{"ON":0}}}',
    );
  });

  it('refuses a method that the API no longer has', () => {
    expect(() => prune(descriptions, { Things: ['Fetch'] })).toThrow('no Things.Fetch');
  });
});

describe('pruneClient', () => {
  const method = (name: string, parameters: string): string =>
    `    ${name}(request, ${parameters}) {\n        return this.call('${name}', () => {\n        });\n    }\n`;
  const source = [
    'class ThingsClient {\n    initialize() {\n        return 1;\n    }\n',
    method('get', 'optionsOrCallback, callback'),
    method('put', 'optionsOrCallback, callback'),
    method('list', 'optionsOrCallback, callback'),
    method('listStream', 'options'),
    method('listAsync', 'options'),
    '}\n',
  ].join('');

  it('leaves what calls the methods asked for, lists page by page, and what is no call', () => {
    const kept = pruneClient(source, ['Get', 'List']);
    expect([...kept.matchAll(/^ {4}(\w+)\(/gm)].map(([, name]) => name)).toEqual([
      'initialize',
      'get',
      'listAsync',
    ]);
    expect(kept.endsWith('    }\n}\n')).toBe(true);
  });
});
