import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAzureSimulator } from '../../local/clouds/azure/index.ts';
import type { createAzure } from '../../shared/clouds/azure/index.ts';
import type { MachineRequest, Progress } from '../../shared/clouds/contract.ts';
import type { NetworkSpec } from '../../shared/domain/network.ts';
import { placeIn, startWorld } from '../../test/contract/subject.ts';
import { projectFolder } from '../paths.ts';
import { azurePlugins } from './azure.ts';

/** What leaves the functions' own parts room below 1 MB. */
const kilobytesMax = 660;
const subscriptionId = '5b2f3f0e-6d0c-4c39-9d1f-0b6f2f5c0a02';
const { location, offering, candidates } = placeIn('azure');
const owner = { installation: 'bundle', clusterId: randomUUID() };
const groupPath = `subscriptions/${subscriptionId}/resourceGroups/overcast-${owner.clusterId}`;

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

describe('a bundle that holds the Azure driver', () => {
  const folder = mkdtempSync(join(tmpdir(), 'overcast-azure-'));
  let bytes = Number.NaN;
  let create: typeof createAzure;

  beforeAll(async () => {
    const outfile = join(folder, 'driver.mjs');
    const result = await build({
      absWorkingDir: projectFolder,
      stdin: {
        contents: "export { createAzure } from './shared/clouds/azure/index.ts';",
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
      plugins: azurePlugins(),
    });
    bytes = Object.values(result.metafile.outputs)[0]?.bytes ?? Number.NaN;
    ({ createAzure: create } = (await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as {
      createAzure: typeof createAzure;
    });
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('leaves room for the function around it', () => {
    expect(bytes / 1024).toBeLessThan(kilobytesMax);
  });

  it('carries every call that the driver makes', async () => {
    const ground = await startWorld(createAzureSimulator);
    const api = async (method: string, path: string, body?: unknown): Promise<void> => {
      const response = await fetch(`${ground.url}/${groupPath}/providers/${path}`, {
        method,
        headers: { authorization: 'Bearer somebody', 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(`${response.status} ${await response.text()}`).toMatch(/^20\d /);
    };
    try {
      const cloud = create({ subscriptionId, endpoint: ground.url });
      expect((await cloud.verifyAccount()).id).toBe(subscriptionId);
      const network = await settle(() => cloud.ensureNetwork(spec));
      const request: MachineRequest = {
        owner,
        nodeId: randomUUID(),
        token: randomUUID(),
        name: 'bundled-1',
        role: 'worker',
        offering,
        network,
        diskGib: 50,
        userData: '#cloud-config\n',
      };
      const machine = await settle(() => cloud.createMachine(request));
      expect((await cloud.observe([owner], location))[0]).toMatchObject({
        machines: [machine],
        strangers: [],
      });
      const expected = {
        providerId: machine.providerId,
        nodeId: request.nodeId,
        token: request.token,
        name: request.name,
        role: request.role,
        location,
      };
      const watch = async () =>
        (await cloud.observe([{ ...owner, expected: { network: spec, machines: [expected] } }], location))[0];
      const damages = ground.world.damagesOf('azure');
      const target = ground.world.machine('azure', machine.providerId);
      if (target === undefined) throw new Error('the machine is not in the world');
      for (const kind of ['remove-tags', 'move-firewall', 'add-firewall-rule'] as const)
        damages[kind]?.({ networkId: target.networkId, machine: target });
      expect((await watch())?.flaws).toHaveLength(3);
      await settle(() => cloud.ensureNetwork(spec));
      await settle(() => cloud.repairMachine(expected, network, owner));
      for (const kind of ['add-spare-disk', 'add-spare-interface', 'add-spare-address'] as const)
        damages[kind]?.({ networkId: target.networkId, machine: target });
      for (const [type, properties] of [
        ['virtualNetworks', { addressSpace: { addressPrefixes: ['10.50.0.0/16'] } }],
        ['networkSecurityGroups', {}],
      ] as const)
        await api('PUT', `Microsoft.Network/${type}/second?api-version=2025-05-01`, {
          location: location.region,
          tags: { 'overcast:installation': owner.installation, 'overcast:cluster-id': owner.clusterId },
          properties,
        });
      const spares = ((await watch())?.resources ?? []).filter(({ isSpare }) => isSpare);
      expect(spares).toHaveLength(5);
      for (const spare of spares) await settle(() => cloud.removeSpare(spare, owner, location));
      expect(await watch()).toMatchObject({ machines: [machine], strangers: [], flaws: [] });
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
        members: [expected],
      };
      const balancer = await settle(() => cloud.ensureLoadBalancer(balanced));
      expect(await settle(() => cloud.leaveLoadBalancer(expected, owner))).toBe('left');
      expect(await settle(() => cloud.joinLoadBalancer(expected, owner))).toBe('joined');
      damages['change-health-check']?.({ networkId: target.networkId });
      expect(await settle(() => cloud.ensureLoadBalancer(balanced))).toEqual(balancer);
      const unwanted = await cloud.observe(
        [{ ...owner, expected: { network: spec, machines: [expected], loadBalancer: 'none' } }],
        location,
      );
      const parts = (unwanted[0]?.resources ?? []).filter(({ isSpare }) => isSpare);
      expect(parts.map(({ kind }) => kind)).toEqual(['load-balancer', 'address']);
      for (const part of parts) await settle(() => cloud.removeSpare(part, owner, location));
      // What is left of a machine whose parts were not made to go with it.
      const tags = ground.world
        .resources()
        .find(({ kind }) => kind === 'machine')
        ?.tags.map((tag) => tag.split('='));
      await api('PUT', 'Microsoft.Compute/disks/left?api-version=2025-01-02', {
        location: location.region,
        tags: Object.fromEntries(tags ?? []) as unknown,
        properties: { creationData: { createOption: 'Empty' }, diskSizeGB: 30 },
      });
      await api('PUT', 'Microsoft.Network/publicIPAddresses/left?api-version=2025-05-01', {
        location: location.region,
        tags: Object.fromEntries(tags ?? []) as unknown,
      });
      await api('PUT', 'Microsoft.Network/networkInterfaces/left?api-version=2025-05-01', {
        location: location.region,
        tags: Object.fromEntries(tags ?? []) as unknown,
        properties: {
          ipConfigurations: [{ name: 'one', properties: { subnet: { id: network.parts['subnet'] } } }],
        },
      });
      const ref = { nodeId: request.nodeId, name: request.name, location };
      await settle(() => cloud.deleteMachine(ref, owner));
      expect(ground.world.resources().filter(({ name }) => name === 'left')).toEqual([]);
      // Without its tags an interface is a stranger, and a stranger stops the collapse.
      const next = { ...request, token: randomUUID() };
      await settle(() => cloud.createMachine(next));
      for (const [kind, type] of [
        ['network-interface', 'networkInterfaces'],
        ['public-ip-address', 'publicIPAddresses'],
      ] as const) {
        const part = ground.world.resources().find((row) => row.kind === kind);
        await api('PATCH', `Microsoft.Network/${type}/${part?.name ?? ''}?api-version=2025-05-01`, {
          tags: {},
        });
      }
      expect((await cloud.observe([owner], location))[0]?.strangers).toHaveLength(2);
      await settle(() => cloud.createMachine(next));
      expect((await cloud.observe([owner], location))[0]?.strangers).toEqual([]);
      await api('PUT', 'Microsoft.Network/publicIPAddresses/theirs?api-version=2025-05-01', {
        location: location.region,
      });
      expect((await cloud.collapse(owner, location)).done).toBe(false);
      await api('DELETE', 'Microsoft.Network/publicIPAddresses/theirs?api-version=2025-05-01');
      await settle(() => cloud.deleteMachine(ref, owner));
      await settle(() => cloud.collapse(owner, location));
      expect(ground.world.resources()).toEqual([]);
    } finally {
      await ground.close();
    }
  });

  it('names its errors although minifying took the names of their classes', async () => {
    const ground = await startWorld(createAzureSimulator);
    try {
      const cloud = create({ subscriptionId, clientId: 'revoked', endpoint: ground.url });
      await expect(cloud.observe([owner], location)).rejects.toMatchObject({
        name: 'CredentialsRejected',
        code: 'InvalidAuthenticationToken',
      });
    } finally {
      await ground.close();
    }
  });
});
