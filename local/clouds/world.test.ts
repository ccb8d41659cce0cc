import { afterEach, describe, expect, it } from 'vitest';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { machineState, World, type WorldMachine } from './world.ts';

const opened: World[] = [];
const open = (options: { folder?: string; timeScale?: number } = {}): World => {
  const world = new World({ timeScale: 1000, ...options });
  opened.push(world);
  return world;
};
afterEach(() => {
  for (const world of opened.splice(0)) world.close();
});

const wanted = {
  cloud: 'digitalocean',
  id: '1',
  name: 'one',
  region: 'nyc1',
  zone: '',
  instanceType: 's-4vcpu-8gb',
  vcpus: 4,
  spot: false,
  networkId: 'vpc-1',
  privateAddress: '10.100.0.2',
  publicAddress: '198.19.0.1',
  userData: '',
} as const;

describe('a machine’s state follows from its times', () => {
  const base: WorldMachine = { ...wanted, createdAt: 0, runningAt: 100, bootedAt: 200 };
  it.each([
    ['before it runs', base, 99, 'pending'],
    ['from then on', base, 100, 'running'],
    ['while it is being deleted', { ...base, stoppingAt: 150, goneAt: 180 }, 150, 'stopping'],
    ['after that', { ...base, stoppingAt: 150, goneAt: 180 }, 180, 'gone'],
    ['when it was stopped', { ...base, stoppedAt: 150 }, 150, 'stopped'],
    ['when it was stopped and then deleted', { ...base, stoppedAt: 150, stoppingAt: 160 }, 170, 'stopping'],
  ])('%s', (_when, machine, now, state) => {
    expect(machineState(machine, now)).toBe(state);
  });
});

describe('faults', () => {
  it('let pass as many as they were asked to', () => {
    const world = open();
    world.addFault({ id: 'third', cloud: 'aws', operation: '*', effect: 'cut', times: 1, skip: 2 });
    world.addFault({ id: 'rest', cloud: 'aws', operation: '*', effect: 'cut', times: 2, skip: 3 });
    const taken = Array.from(
      { length: 6 },
      () => world.takeFault('aws', 'readNetwork', { effects: ['cut'] })?.id,
    );
    // What strikes a request is the first that can; the others count on from the next.
    expect(taken).toEqual([undefined, undefined, 'third', undefined, 'rest', 'rest']);
  });

  it('strike as often as they were asked to, and only what they name', () => {
    const world = open();
    world.addFault({ id: 'f', cloud: 'aws', operation: 'createMachine', effect: 'throttle', times: 2 });
    const take = (operation: 'createMachine' | 'listMachines') =>
      world.takeFault('aws', operation, { effects: ['throttle'] })?.id;
    expect(take('listMachines')).toBeUndefined();
    expect(world.takeFault('gcp', 'createMachine', { effects: ['throttle'] })).toBeUndefined();
    expect([take('createMachine'), take('createMachine'), take('createMachine')]).toEqual([
      'f',
      'f',
      undefined,
    ]);
  });

  it('refuse a machine for want of capacity, of quota, or because its type is sold out', () => {
    const world = open();
    expect(world.refusal('digitalocean', 's-4vcpu-8gb', 4)).toBeUndefined();
    world.change({ soldOut: { digitalocean: ['s-4vcpu-8gb'] } });
    expect(world.refusal('digitalocean', 's-4vcpu-8gb', 4)).toBe('no-capacity');
    world.change({ soldOut: {}, vcpuQuota: { digitalocean: 6 } });
    world.launch(wanted);
    expect(world.refusal('digitalocean', 's-4vcpu-8gb', 4)).toBe('quota');
    expect(world.refusal('digitalocean', 's-2vcpu-4gb', 2)).toBeUndefined();
  });
});

describe('pages', () => {
  it.each([
    { asked: 200, apiMax: 200, worldMax: undefined, size: 200 },
    { asked: 500, apiMax: 200, worldMax: undefined, size: 200 },
    { asked: 200, apiMax: 200, worldMax: 5, size: 5 },
    { asked: 2, apiMax: 200, worldMax: 5, size: 2 },
  ])('have $size entries when $asked are asked for', ({ asked, apiMax, worldMax, size }) => {
    const world = open();
    if (worldMax !== undefined) world.change({ pageSizeMax: worldMax });
    expect(world.pageSize(asked, apiMax)).toBe(size);
  });
});

describe('a restart', () => {
  it('keeps machines and settings, and boots again what was up', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'overcast-world-'));
    const before = open({ folder });
    before.change({ soldOut: { aws: ['c7i.xlarge'] } });
    before.launch(wanted);
    before.close();
    opened.length = 0;

    const after = open({ folder });
    expect(after.settings.soldOut).toEqual({ aws: ['c7i.xlarge'] });
    const booted = new Promise<string>((resolve) => {
      after.onBoot((machine) => resolve(machine.id));
    });
    after.resume();
    expect(await booted).toBe('1');
    rmSync(folder, { recursive: true });
  });
});

describe('strangers', () => {
  it('are placed by the simulator of their cloud, and nowhere where there is none', () => {
    const world = open();
    expect(world.placeStranger({ cloud: 'gcp', networkId: 'vpc-1', name: 'bystander' })).toBeUndefined();
    world.placesStrangers('digitalocean', ({ networkId, name }) =>
      world.launch({ ...wanted, networkId, name }),
    );
    expect(
      world.placeStranger({ cloud: 'digitalocean', networkId: 'vpc-1', name: 'bystander' }),
    ).toMatchObject({ name: 'bystander', networkId: 'vpc-1' });
  });
});
