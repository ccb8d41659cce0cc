import type { ResourceRow } from '../../local/clouds/world.ts';
import {
  createMemoryCloud,
  createMemoryOfferings,
  damage,
  type MemoryCloud,
  type MemoryFault,
} from '../../shared/clouds/memory/index.ts';
import { catalogueOfferings } from '../../shared/domain/catalogue.ts';
import { locationOf } from '../../shared/domain/regions.ts';
import type { ControlClient } from './control-client.ts';
import { describeOfferings } from './offering-suite.ts';
import { placeIn } from './subject.ts';
import { describeContract, type Ground } from './suite.ts';

const rowOf = (kind: string, id: string, name: string, state: string): ResourceRow => ({
  cloud: 'digitalocean',
  kind,
  id,
  name,
  state,
  tags: [],
});
/** The memory cloud on a clock that runs a thousand times faster than the real one. */
function startMemory(): Ground & { readonly cloud: MemoryCloud } {
  let timeScale = 1000;
  let virtual = Date.parse('2026-11-23T04:00:00.000Z');
  let real = performance.now();
  const now = (): string => {
    virtual += (performance.now() - real) * timeScale;
    real = performance.now();
    return new Date(virtual).toISOString();
  };
  const options = { name: 'digitalocean', now } as const;
  const cloud = createMemoryCloud(options);
  const { world } = cloud;

  const control: ControlClient = {
    resources: async () => [
      ...world.machines().map((m) => ({
        ...rowOf('machine', m.providerId, m.name, world.state(m)),
        tags: m.tags === undefined ? [] : [m.tags.nodeId, m.firewall ?? 'no firewall'],
      })),
      ...world.networks().map((network) => rowOf('network', network.id, network.name, 'available')),
      ...world.spares().map(({ kind, id, name }) => rowOf(kind, id, name, 'available')),
      ...world.balancers().map(({ id, name }) => rowOf('load-balancer', id, name, 'available')),
    ],
    balancers: async () =>
      world.balancers().map(({ members, healthCheck, readyAt, ...balancer }) => ({
        ...balancer,
        ...(healthCheck === undefined ? {} : { healthCheck }),
        isOpen: now() >= readyAt,
        members: members.map((id) => ({ id })),
      })),
    machines: async () =>
      world.machines().map((machine) => ({
        id: machine.providerId,
        name: machine.name,
        networkId: machine.networkId,
        state: world.state(machine),
      })),
    calls: async () =>
      Object.fromEntries(Object.entries(world.calls).map(([name, count]) => [`memory/${name}`, count])),
    settings: async () => ({ timeScale }),
    change: async (settings) => {
      now();
      timeScale = settings.timeScale ?? timeScale;
    },
    addFault: async (fault) => world.addFault(fault as MemoryFault),
    clearFaults: async () => world.clearFaults(),
    addStranger: async (where) => {
      const stranger = world.addStranger(where);
      return { id: stranger.providerId, name: stranger.name };
    },
    damage: async (kind, at) => {
      const id = damage(world, kind, at);
      if (id === undefined) throw new Error(`there is nothing for ${kind}, or the cloud refuses it`);
      return { id };
    },
    strike: async (machineId) => world.kill(machineId),
    movePrice: async ({ instanceType = '', lifecycle, factor }) => {
      world.priceFactors.set(`${instanceType} ${lifecycle}`, factor);
    },
  };
  return {
    cloud,
    observer: createMemoryCloud({ ...options, world, readOnly: true }),
    brokenCloud: createMemoryCloud({ ...options, world, revoked: true }),
    endpoint: undefined,
    control,
    timeScale,
    close: async () => {},
  };
}

describeOfferings({
  name: 'memory',
  location: locationOf('us-east', 'digitalocean'),
  elsewhere: locationOf('eu-central', 'digitalocean'),
  leftOut: {},
  burstable: ['s-2vcpu-4gb', 's-4vcpu-8gb-amd'],
  move: { instanceType: 'c-4', lifecycle: 'on-demand', factor: 1.5, seenOn: 'c-4' },
  create: async () => {
    const ground = startMemory();
    const { world } = ground.cloud;
    return {
      ...ground,
      source: () => createMemoryOfferings(world),
      brokenSource: createMemoryOfferings(world, { revoked: true }),
      sold: (location) => catalogueOfferings('digitalocean', location),
    };
  },
});

describeContract({
  name: 'memory',
  ...placeIn('digitalocean'),
  networkIdOf: (network) => network.parts['networkId'] ?? '',
  create: async () => startMemory(),
});
