import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CloudName } from '../shared/domain/cloud.ts';
import type { Cluster } from '../shared/domain/cluster.ts';
import type { Vpn } from '../shared/domain/network.ts';
import { createMachine, needs, until, type TestMachine } from './testing/machine.ts';
import { digitaloceanMetadata, startPlatform, type TestPlatform } from './testing/platform.ts';

/**
 * Real WireGuard (in user space) between network namespaces, put in force by the real agent from what the platform's real
 * functions say. All share one wire; what is private to a cloud is a range that the others have no route to.
 */
const run = promisify(execFile);
const ip = (...words: readonly string[]): void => {
  execFileSync('ip', words, { stdio: 'pipe' });
};
const tag = process.pid % 100_000;
const wire = `ovb${tag}`;
/** Of the range kept for tests of network devices: this run's own, so that two runs do not meet. */
const publicRange = `198.18.${process.pid % 256}`;
const clouds: readonly CloudName[] = ['aws', 'aws', 'gcp', 'gcp'];
const privateAddress = (number: number): string =>
  clouds[number - 1] === 'aws' ? `10.10.0.${number}` : `10.0.0.${number}`;
const overlay = (number: number): string => `10.4.0.${number}`;

interface Host {
  readonly number: number;
  readonly namespace: string;
  readonly interface: string;
  readonly cable: string;
  readonly wireguard: ChildProcess;
  readonly machine: TestMachine;
}
let platform: TestPlatform;
let hosts: Host[] = [];

beforeEach(async () => {
  needs('ip', 'ping', 'wg', 'wireguard-go', 'curl', 'openssl', 'python3', 'setsid', 'flock');
  ip('link', 'add', wire, 'type', 'bridge');
  ip('address', 'add', `${publicRange}.254/24`, 'dev', wire);
  ip('link', 'set', wire, 'up');
  platform = await startPlatform(`${publicRange}.254`);
});
afterEach(async () => {
  for (const host of hosts) {
    await host.machine.remove();
    const ended = once(host.wireguard, 'exit');
    host.wireguard.kill('SIGKILL');
    await ended;
    // The namespace goes in its own time; the next test wants the name of its cable at once.
    ip('link', 'delete', host.cable);
    ip('netns', 'delete', host.namespace);
  }
  hosts = [];
  await platform.close();
  ip('link', 'delete', wire);
});

async function aHost(cluster: Cluster, number: number): Promise<Host> {
  const namespace = `ovn${tag}n${number}`;
  const tunnel = `ovw${tag}n${number}`;
  const cable = `ovv${tag}n${number}`;
  ip('netns', 'add', namespace);
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  ip('link', 'set', cable, 'master', wire, 'up');
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  ip('-n', namespace, 'address', 'add', `${publicRange}.${number}/24`, 'dev', 'eth0');
  ip('-n', namespace, 'address', 'add', `${privateAddress(number)}/24`, 'dev', 'eth0');
  ip('-n', namespace, 'link', 'set', 'eth0', 'up');
  const wireguard = spawn('ip', ['netns', 'exec', namespace, 'wireguard-go', '-f', tunnel], {
    stdio: 'ignore',
  });
  const settings = await platform.expect(cluster, number, 'control-plane', clouds[number - 1]);
  movedTo(number, `${publicRange}.${number}`);
  const host: Host = {
    number,
    namespace,
    interface: tunnel,
    cable,
    wireguard,
    machine: createMachine({
      // Where its addresses are asked for is no matter of the mesh.
      settings: { ...settings, OVERCAST_CLOUD: 'digitalocean' },
      hostname: `four-clouds-${number}`,
      within: ['ip', 'netns', 'exec', namespace],
      real: ['ip', 'wg'],
      environment: {
        OVERCAST_INTERFACE: tunnel,
        OVERCAST_METADATA: `${platform.url}/machine/${number}`,
        OVERCAST_PACKAGES: platform.url,
      },
    }),
  };
  hosts.push(host);
  await until('its interface', () => {
    try {
      execFileSync('ip', ['-n', namespace, 'link', 'show', tunnel], { stdio: 'pipe' });
      return true;
    } catch {
      return false;
    }
  });
  return host;
}
const movedTo = (number: number, address: string): void => {
  platform.metadata.set(number, digitaloceanMetadata({ public: address, private: privateAddress(number) }));
};
const pings = async (from: Host, to: number): Promise<boolean> => {
  try {
    await run('ip', ['netns', 'exec', from.namespace, 'ping', '-c', '1', '-W', '2', overlay(to)]);
    return true;
  } catch {
    return false;
  }
};
const wg = (host: Host, ...words: readonly string[]): string =>
  execFileSync('ip', ['netns', 'exec', host.namespace, 'wg', 'show', host.interface, ...words], {
    encoding: 'utf8',
  });

async function aMesh(vpn: Vpn, count: number): Promise<Cluster> {
  const cluster = await platform.create({ vpn });
  for (let number = 1; number <= count; number += 1) (await aHost(cluster, number)).machine.start();
  await everybodyKnows(cluster);
  return cluster;
}
const everybodyKnows = (cluster: Cluster): Promise<void> =>
  until('everybody has the newest peers', async () => {
    const mesh = await platform.store.mesh.get(cluster.id);
    const nodes = await Promise.all(hosts.map(({ number }) => platform.node(cluster, number)));
    return mesh.members.length === hosts.length && nodes.every((node) => node.meshVersion === mesh.version);
  });
const peersOf = (host: Host): readonly string[] =>
  wg(host, 'allowed-ips')
    .split('\n')
    .flatMap((line) => line.split('\t').slice(1))
    .sort();

describe('the mesh', () => {
  it('is full: everybody reaches everybody, and a peer that moves cuts nobody else’s session', async () => {
    const cluster = await aMesh('wireguard-full-mesh', 4);
    const [first, second, third] = hosts;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts');
    for (const host of hosts)
      for (const to of hosts.filter((each) => each !== host))
        await until(`${host.number} reaches ${to.number}`, () => pings(host, to.number));
    expect(wg(first, 'endpoints')).toContain(`${privateAddress(2)}:51820`);
    expect(wg(first, 'endpoints')).toContain(`${publicRange}.3:51820`);
    const link = execFileSync('ip', ['-n', first.namespace, 'address', 'show', first.interface], {
      encoding: 'utf8',
    });
    expect(link).toContain('mtu 1380');
    expect(link).toContain('inet 10.4.0.1/32');

    // A reboot gives it another public address; meanwhile the others go on talking.
    const handshakes = (): string =>
      wg(first, 'latest-handshakes')
        .split('\n')
        .filter((line) => !line.startsWith(key))
        .toSorted((a, b) => a.localeCompare(b))
        .join();
    const key = third.machine.read('var/lib/overcast/wireguard.pub').trim();
    const before = handshakes();
    const steady = run('ip', [
      'netns',
      'exec',
      first.namespace,
      'ping',
      '-i',
      '0.05',
      '-w',
      '3',
      '-q',
      overlay(2),
    ]);
    await third.machine.kill();
    ip('-n', third.namespace, 'address', 'delete', `${publicRange}.3/24`, 'dev', 'eth0');
    ip('-n', third.namespace, 'address', 'add', `${publicRange}.33/24`, 'dev', 'eth0');
    movedTo(3, `${publicRange}.33`);
    third.machine.start();
    await until('the others hear of it', async () => {
      const mesh = await platform.store.mesh.get(cluster.id);
      return mesh.members.some((member) => member.publicAddress === `${publicRange}.33`);
    });
    await everybodyKnows(cluster);
    expect(wg(first, 'endpoints')).toContain(`${publicRange}.33:51820`);
    await until('1 reaches 3', () => pings(first, 3));
    await until('3 reaches 4', () => pings(third, 4));
    expect((await steady).stdout).toContain(' 0% packet loss');
    expect(handshakes()).toBe(before);
  });

  it('across locations: only the nodes of other networks are peers; those of the same are reached in a VXLAN', async () => {
    // The platform does not say neighbours yet: this is what it is to say.
    platform.instead = (number, _, own) =>
      own.peers === undefined
        ? own
        : {
            ...own,
            neighbours: hosts
              .filter((each) => each.number !== number && clouds[each.number - 1] === clouds[number - 1])
              .map((each) => ({
                overlayAddress: overlay(each.number),
                privateAddress: privateAddress(each.number),
              })),
          };
    await aMesh('wireguard-cross-location', 3);
    const [first, second, third] = hosts;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three hosts');
    await until('1 reaches 3', () => pings(first, 3));
    await until('3 reaches 2', () => pings(third, 2));
    await until('1 reaches 2', () => pings(first, 2));
    await until('2 reaches 1', () => pings(second, 1));
    expect(peersOf(first)).toEqual(['10.4.0.3/32']);
    expect(peersOf(second)).toEqual(['10.4.0.3/32']);
    expect(peersOf(third)).toEqual(['10.4.0.1/32', '10.4.0.2/32']);
  });
});
