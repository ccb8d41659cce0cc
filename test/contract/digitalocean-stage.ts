import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import { createDigitalOceanSimulator } from '../../local/clouds/digitalocean/index.ts';
import type { World } from '../../local/clouds/world.ts';
import type { Cloud, MachineRequest, Progress } from '../../shared/clouds/contract.ts';
import { createDigitalOcean } from '../../shared/clouds/digitalocean/index.ts';
import type { Owner } from '../../shared/domain/cloud.ts';
import type { Network, NetworkSpec } from '../../shared/domain/network.ts';
import { placeIn, startWorld } from './subject.ts';

export const { location, offering, candidates } = placeIn('digitalocean');

export interface Wall {
  readonly id: string;
  readonly name: string;
  readonly inbound_rules: readonly unknown[];
  readonly outbound_rules: readonly unknown[];
  readonly tags: readonly string[];
  readonly droplet_ids: readonly number[];
}

export interface Stage {
  readonly world: World;
  readonly url: string;
  /** Another one for each test. */
  owner: Owner;
  readonly cloud: () => Cloud;
  /** The account's owner at work, by the API. */
  readonly api: (method: string, path: string, body?: unknown) => Promise<never>;
  readonly settle: <T>(call: () => Promise<Progress<T>>) => Promise<T>;
  readonly spec: (change?: Partial<NetworkSpec>) => NetworkSpec;
  readonly build: (change?: Partial<NetworkSpec>) => Promise<Network>;
  readonly requestFor: (network: Network, change?: Partial<MachineRequest>) => MachineRequest;
  readonly wallOf: (role: 'worker' | 'control-plane') => Promise<Wall>;
}

/** A fresh simulated account for one file's tests, in which machines boot in milliseconds. */
export function setStage(): Stage {
  let started: { url: string; world: World; close: () => Promise<void> };
  beforeAll(async () => {
    started = await startWorld(createDigitalOceanSimulator);
  });
  afterAll(() => started.close());
  beforeEach(() => {
    started.world.clearFaults();
    started.world.change({ timeScale: 1000 });
    stage.owner = { installation: 'driver', clusterId: randomUUID() };
  });

  const stage: Stage = {
    get world() {
      return started.world;
    },
    get url() {
      return started.url;
    },
    owner: { installation: 'driver', clusterId: randomUUID() },
    cloud: () => createDigitalOcean({ token: 'test', endpoint: started.url }),

    api: async (method, path, body) => {
      const response = await fetch(`${started.url}/v2/${path}`, {
        method,
        headers: { authorization: 'Bearer hand' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      const text = await response.text();
      return (text === '' ? undefined : JSON.parse(text)) as never;
    },

    settle: async (call) => {
      for (let repeat = 0; repeat < 500; repeat += 1) {
        const progress = await call();
        if (progress.done) return progress.value;
        await new Promise((resolve) => {
          setTimeout(resolve, 5);
        });
      }
      throw new Error('never done');
    },

    spec: (change = {}) => ({
      owner: stage.owner,
      clusterName: 'driver',
      location,
      candidates,
      firewall: {
        'control-plane': [
          { protocol: 'tcp', fromPort: 6443, toPort: 6443, source: { kind: 'anywhere' }, purpose: 'API' },
        ],
        worker: [
          {
            protocol: 'udp',
            fromPort: 51820,
            toPort: 51820,
            source: { kind: 'anywhere' },
            purpose: 'WireGuard',
          },
          { protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' },
        ],
      },
      ...change,
    }),

    build: (change = {}) => stage.settle(() => stage.cloud().ensureNetwork(stage.spec(change))),

    requestFor: (network, change = {}) => ({
      owner: stage.owner,
      nodeId: randomUUID(),
      token: randomUUID(),
      name: 'driver-1',
      role: 'worker',
      offering,
      network,
      diskGib: 50,
      userData: '#cloud-config\n',
      ...change,
    }),

    wallOf: async (role) => {
      const { firewalls } = (await stage.api('GET', 'firewalls?per_page=200')) as { firewalls: Wall[] };
      const wall = firewalls.find(({ name }) => name === `overcast-${stage.owner.clusterId}-${role}`);
      if (wall === undefined) throw new Error(`no ${role} firewall`);
      return wall;
    },
  };
  return stage;
}
