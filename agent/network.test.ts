import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../shared/domain/cluster.ts';
import type { Vpn } from '../shared/domain/network.ts';
import { withoutMember } from '../shared/planning/wireguard-peers.ts';
import { capture, type Packet } from './testing/capture.ts';
import { until } from './testing/machine.ts';
import { needs } from './testing/needs.ts';
import { startNetwork, type Host, type TestNetwork } from './testing/network.ts';

/**
 * Real WireGuard (in user space) and the kernel's own VXLAN between network namespaces, put in force by the real agent from
 * what the platform's real functions say. kubeadm's stand-in speaks TLS through it with the certificates that were issued.
 */
let network: TestNetwork;
beforeEach(async () => {
  needs('ip', 'ping', 'wg', 'wireguard-go', 'curl', 'openssl', 'python3', 'setsid', 'flock', 'tcpdump');
  network = await startNetwork();
});
afterEach(() => network.close());

interface Four {
  readonly cluster: Cluster;
  readonly all: readonly [Host, Host, Host, Host];
}
/** Two clouds, three control planes and a worker, all ready. */
async function aCluster(vpn: Vpn): Promise<Four> {
  const cluster = await network.platform.create({ vpn });
  const all = [
    await network.add(cluster, 1, 'control-plane', 'aws'),
    await network.add(cluster, 2, 'control-plane', 'aws'),
    await network.add(cluster, 3, 'control-plane', 'gcp'),
    await network.add(cluster, 4, 'worker', 'gcp'),
  ] as const;
  for (const { machine } of all) machine.start();
  await areReady(cluster, all);
  await network.everybodyKnows(cluster);
  return { cluster, all };
}
const areReady = (cluster: Cluster, hosts: readonly Host[]): Promise<void> =>
  until(
    'all are ready',
    async () => {
      const nodes = await Promise.all(hosts.map(({ number }) => network.platform.node(cluster, number)));
      const failed = nodes.find(({ failure }) => failure !== undefined);
      if (failed !== undefined) throw new Error(JSON.stringify(failed.failure));
      return nodes.every(({ phase }) => phase === 'ready');
    },
    60,
  );
const pairsOf = (hosts: readonly Host[]): readonly (readonly [Host, Host])[] =>
  hosts.flatMap((from) => hosts.filter((to) => to !== from).map((to) => [from, to] as const));
const allPing = (hosts: readonly Host[]): Promise<unknown> =>
  Promise.all(
    pairsOf(hosts).map(([from, to]) => until(`${from.number} reaches ${to.number}`, () => from.pings(to))),
  );
const peersOf = (host: Host): readonly string[] =>
  host
    .wg('allowed-ips')
    .split('\n')
    .flatMap((line) => line.split('\t').slice(1))
    .sort();

/** What lay on the wire while everybody pinged everybody. */
async function capturedPings(hosts: readonly Host[]): Promise<readonly Packet[]> {
  await allPing(hosts);
  const stop = await capture(network.wire);
  await allPing(hosts);
  return stop();
}
/** An echo request from one overlay address to another, in the clear: IPv4's own words. */
const asWords = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
const shows = ({ payload }: Packet, [from, to]: readonly [Host, Host]): boolean =>
  payload.includes(Buffer.concat([asWords(from.overlay), asWords(to.overlay)]));

describe('a full mesh', () => {
  it('of four machines in two clouds: all ping all, everything inside WireGuard; and one that moves cuts nobody off', async () => {
    const { cluster, all } = await aCluster('wireguard-full-mesh');
    const [first, second, third, fourth] = all;
    const packets = await capturedPings(all);
    expect(packets.filter(({ port }) => port === 4789)).toEqual([]);
    expect(packets.filter((packet) => pairsOf(all).some((pair) => shows(packet, pair)))).toEqual([]);
    for (const [from, to] of pairsOf(all)) {
      const isNear = from.cloud === to.cloud;
      const [source, target] = isNear
        ? [from.privateAddress, to.privateAddress]
        : [from.publicAddress, to.publicAddress];
      expect(
        packets.some((packet) => packet.from === source && packet.to === target && packet.port === 51820),
        `${from.number} to ${to.number}`,
      ).toBe(true);
    }
    const link = first.ip('address', 'show', first.interface);
    expect(link).toContain('mtu 1380');
    expect(link).toContain('inet 10.4.0.1/32');

    // Every one of them became what it is over the overlay, with what it was given.
    const verbs = all.map(({ machine }) => machine.kubeadm()?.verb);
    expect(verbs.filter((verb) => verb === 'init')).toHaveLength(1);
    expect(verbs.filter((verb) => verb === 'join')).toHaveLength(3);
    expect(fourth.machine.kubeadm()?.files).toEqual(['/etc/kubernetes/bootstrap.conf']);

    // A reboot gives it another public address; meanwhile the others go on talking.
    const key = third.machine.read('var/lib/overcast/wireguard.pub').trim();
    const handshakes = (): string =>
      first
        .wg('latest-handshakes')
        .split('\n')
        .filter((line) => !line.startsWith(key))
        .toSorted()
        .join();
    const before = handshakes();
    const steady = first.pingsSteadily(second);
    await third.machine.kill();
    third.moveTo(33);
    third.machine.start();
    const moved = third.publicAddress.replace(/\d+$/, '33');
    await until('the others hear of it', async () => {
      const mesh = await network.platform.store.mesh.get(cluster.id);
      return mesh.members.some((member) => member.publicAddress === moved);
    });
    await network.everybodyKnows(cluster);
    expect(first.wg('endpoints')).toContain(`${moved}:51820`);
    await until('1 reaches 3', () => first.pings(third));
    await until('3 reaches 4', () => third.pings(fourth));
    const { sent, lost } = await steady();
    expect(sent).toBeGreaterThan(20);
    expect(lost).toEqual([]);
    expect(handshakes()).toBe(before);
    const { handshakes: reported } =
      network.platform.syncs.findLast(({ number }) => number === 1)?.body ?? {};
    expect(reported?.silent).toEqual([]);
    expect(reported?.oldestSeconds).toBeLessThan(60);
  });
});

describe('a mesh across locations', () => {
  it('encrypts between the clouds and nowhere else; nodes come, go and reboot without a lost ping elsewhere', async () => {
    const { cluster, all } = await aCluster('wireguard-cross-location');
    const [first, second, third, fourth] = all;
    expect(peersOf(first)).toEqual(['10.4.0.3/32', '10.4.0.4/32']);
    expect(peersOf(fourth)).toEqual(['10.4.0.1/32', '10.4.0.2/32']);

    const packets = await capturedPings(all);
    for (const pair of pairsOf(all)) {
      const [from, to] = pair;
      const about = `${from.number} to ${to.number}`;
      const between = packets.filter((packet) =>
        from.cloud === to.cloud
          ? packet.from === from.privateAddress && packet.to === to.privateAddress
          : packet.from === from.publicAddress && packet.to === to.publicAddress,
      );
      const isNear = from.cloud === to.cloud;
      expect([...new Set(between.map(({ port }) => port))], about).toEqual([isNear ? 4789 : 51820]);
      expect(
        packets.some((packet) => shows(packet, pair)),
        about,
      ).toBe(isNear);
    }

    const stops = [first.pingsSteadily(second), second.pingsSteadily(third), third.pingsSteadily(first)];
    const fifth = await network.add(cluster, 5, 'worker', 'gcp');
    fifth.machine.start();
    await areReady(cluster, [fifth]);
    await network.everybodyKnows(cluster);
    await allPing([first, third, fifth]);

    // A node that is to go serves until its machine is deleted; then it is taken out of the mesh, as settle-operation does.
    const { store } = network.platform;
    await store.nodes.retire(cluster.id, 5);
    network.hosts.splice(network.hosts.indexOf(fifth), 1);
    await fifth.remove();
    const mesh = await store.mesh.get(cluster.id);
    await store.mesh.replace(cluster.id, {
      versionRead: mesh.version,
      members: withoutMember(mesh, 5) ?? [],
      now: new Date().toISOString(),
    });
    await network.everybodyKnows(cluster);
    expect(peersOf(first)).toEqual(['10.4.0.3/32', '10.4.0.4/32']);
    for (const host of all) expect(host.ip('-4', 'route', 'show')).not.toContain('10.4.0.5');

    // The platform is away; a machine reboots meanwhile and is back in the mesh without it.
    network.platform.isAway = true;
    const log = (): string => fourth.machine.read('var/log/overcast-agent.log');
    await until('it is missed', () => log().includes('sync: 503'));
    await fourth.switchOff();
    rmSync(join(fourth.machine.root, 'run/overcast'), { recursive: true });
    await fourth.startWireguard();
    fourth.machine.start();
    await allPing(all);
    const refusals = (): number => log().split('sync: 503').length;
    const before = refusals();
    await until('it asks again and again', () => refusals() >= before + 3);
    network.platform.isAway = false;
    const heard = network.platform.syncs.length;
    await until('all are heard again', () => {
      const numbers = new Set(network.platform.syncs.slice(heard).map(({ number }) => number));
      return all.every(({ number }) => numbers.has(number));
    });
    await areReady(cluster, all);
    for (const stop of stops) {
      const { sent, lost } = await stop();
      expect(sent).toBeGreaterThan(20);
      expect(lost).toEqual([]);
    }
    expect(all.map(({ machine }) => machine.calls('kubeadm').length)).toEqual([1, 1, 1, 1]);
  });
});
