import { describe, expect, it } from 'vitest';
import { plusSeconds } from '../../domain/ids.ts';
import type { Network, NetworkSpec } from '../../domain/network.ts';
import type { MachineRequest } from '../contract.ts';
import { createMemoryCloud } from './index.ts';

/** The contract suite says what every cloud does; here is what only the memory cloud promises: a clock of one's own. */

const owner = { installation: 'test', clusterId: '00000000-0000-4000-8000-000000000001' };
const location = { region: 'us-east-1', zone: 'us-east-1a' };
const spec: NetworkSpec = {
  owner,
  clusterName: 'test',
  location,
  candidates: [{ network: '10.10.0.0/16', subnet: '10.10.1.0/24' }],
  firewall: { 'control-plane': [], worker: [] },
};
const requestFor = (network: Network): MachineRequest => ({
  owner,
  nodeId: 'node-1',
  token: 'attempt-1',
  name: 'test-1',
  role: 'worker',
  offering: {
    cloud: 'aws',
    ...location,
    instanceType: 'c7i.xlarge',
    architecture: 'amd64',
    lifecycle: 'spot',
    vcpus: 4,
    memoryGib: 8,
    usdPerHour: 0.1,
  },
  network,
  diskGib: 50,
  userData: '',
});

async function start(options: { bootSeconds?: number; deleteSeconds?: number } = {}) {
  let at = '2026-11-23T04:00:00.000Z';
  const cloud = createMemoryCloud({ name: 'aws', now: () => at, ...options });
  const built = await cloud.ensureNetwork(spec);
  if (!built.done) throw new Error('networks are built at once');
  return {
    cloud,
    world: cloud.world,
    request: requestFor(built.value),
    pass: (seconds: number) => {
      at = plusSeconds(at, seconds);
    },
  };
}

const live = async () => {
  const { cloud, world, request, pass } = await start();
  world.addFault({ operation: 'createMachine', effect: 'lose-reply' });
  await cloud.createMachine(request).catch(() => undefined);
  pass(7);
  await cloud.createMachine({ ...request, token: 'attempt-2' });
  return JSON.stringify([world.machines(), world.networks(), world.calls]);
};

describe('on a clock that the test moves', () => {
  it('a machine boots and goes when the time has come, and not before', async () => {
    const { cloud, request, pass } = await start({ bootSeconds: 20, deleteSeconds: 5 });
    expect(await cloud.createMachine(request)).toMatchObject({ done: false });
    pass(19);
    expect(await cloud.createMachine(request)).toMatchObject({ done: false });
    pass(1);
    const running = await cloud.createMachine(request);
    expect(running).toMatchObject({ done: true, value: { state: 'running', lifecycle: 'spot' } });
    const ref = { nodeId: 'node-1', name: 'test-1', location };
    expect(await cloud.deleteMachine(ref, owner)).toMatchObject({ done: false });
    pass(5);
    expect(await cloud.deleteMachine(ref, owner)).toEqual({ done: true, value: 'gone' });
  });

  it('with no seconds at all everything is done with the first answer', async () => {
    const { cloud, request } = await start({ bootSeconds: 0, deleteSeconds: 0 });
    expect(await cloud.createMachine(request)).toMatchObject({ done: true });
    expect(await cloud.collapse(owner, location)).toEqual({ done: true, value: 'nothing left' });
  });

  it('capacity that is missing later fails the create seconds after it was accepted, every time', async () => {
    const { cloud, world, request, pass } = await start();
    world.addFault({ effect: 'no-capacity-later', seconds: 10 });
    expect(await cloud.createMachine(request)).toMatchObject({ done: false });
    pass(10);
    await expect(cloud.createMachine(request)).rejects.toMatchObject({ name: 'CapacityUnavailable' });
    await expect(cloud.createMachine(request)).rejects.toMatchObject({ name: 'CapacityUnavailable' });
    expect(world.machines()).toEqual([]);
  });

  it('a hidden machine is not observed until it shows, and is not made twice', async () => {
    const { cloud, world, request, pass } = await start();
    world.addFault({ operation: 'createMachine', effect: 'hide', seconds: 30 });
    await cloud.createMachine(request);
    await cloud.createMachine(request);
    const count = async () => (await cloud.observe([owner], location))[0]?.machines.length;
    expect([world.machines().length, await count()]).toEqual([1, 0]);
    pass(30);
    expect(await count()).toBe(1);
  });

  it('equal histories give equal worlds', async () => {
    expect(await live()).toBe(await live());
  });
});

it('a firewall that somebody changed by hand is put right, and counted as one change', async () => {
  const { cloud, world } = await start();
  const [network] = world.networks();
  world.changeFirewall(network?.id ?? '', 'worker', [
    { protocol: 'tcp', fromPort: 22, toPort: 22, source: { kind: 'anywhere' }, purpose: 'by hand' },
  ]);
  await cloud.ensureNetwork(spec);
  expect(world.networks()[0]?.firewall.worker).toEqual([]);
  expect(world.calls.changeNetwork).toBe(1);
});

it('several drivers can share one world', async () => {
  const { world, request } = await start({ bootSeconds: 0 });
  const other = createMemoryCloud({ name: 'aws', now: world.now, world });
  expect(await other.createMachine(request)).toMatchObject({ done: true });
  expect(world.machines()).toHaveLength(1);
});
