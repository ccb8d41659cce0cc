import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { NodeRole } from '../../shared/domain/network.ts';
import { syncSeconds } from '../../shared/planning/next-instruction.ts';
import { createMachine, until, type TestMachine } from './machine.ts';
import { digitaloceanMetadata, startPlatform, type TestPlatform } from './platform.ts';

const run = promisify(execFile);
export const ip = (...words: readonly string[]): string =>
  execFileSync('ip', words, { stdio: 'pipe', encoding: 'utf8' });
/** Several agents at once: faster, and they would only wait for the processor. */
const secondScaled = '0.1';
/** A second's worth of steady pings. */
const stillOnTheWayMax = 20;
const tag = process.pid % 100_000;
/** Of the range kept for tests of network devices: this run's own, so that two runs do not meet. */
const publicRange = `198.18.${process.pid % 256}`;
const privateRanges: Partial<Record<CloudName, string>> = { aws: '10.10.0', gcp: '10.0.0' };

export interface Host {
  readonly number: number;
  readonly cloud: CloudName;
  readonly overlay: string;
  readonly publicAddress: string;
  readonly privateAddress: string;
  readonly machine: TestMachine;
  readonly interface: string;
  ip(...words: readonly string[]): string;
  wg(...words: readonly string[]): string;
  pings(to: Host): Promise<boolean>;
  /** Pings every 50 ms until it is told to stop; gives which of them never came back, by number. */
  pingsSteadily(to: Host): () => Promise<{ readonly sent: number; readonly lost: readonly number[] }>;
  /** Its public address is this one from now on; the machine has to find out. */
  moveTo(lastNumber: number): void;
  /** Its devices are gone and its agent is dead; it is not started. */
  switchOff(): Promise<void>;
  startWireguard(): Promise<void>;
  remove(): Promise<void>;
}

/** Hosts on one wire. What is private to a cloud is a range that the others have no route to. */
export interface TestNetwork {
  readonly platform: TestPlatform;
  readonly wire: string;
  readonly hosts: Host[];
  add(cluster: Cluster, number: number, role: NodeRole, cloud: CloudName): Promise<Host>;
  everybodyKnows(cluster: Cluster): Promise<void>;
  close(): Promise<void>;
}

export async function startNetwork(): Promise<TestNetwork> {
  const wire = `ovb${tag}`;
  // An address of its own: else it takes one of its ports', and another when that one goes.
  ip('link', 'add', wire, 'address', '02:00:00:00:00:fe', 'type', 'bridge');
  ip('address', 'add', `${publicRange}.254/24`, 'dev', wire);
  ip('link', 'set', wire, 'up');
  const platform = await startPlatform(`${publicRange}.254`);
  // Nobody waits for a worker's minute.
  platform.instead = (_number, _sync, own) => ({
    ...own,
    syncAfterSeconds: Math.min(own.syncAfterSeconds, syncSeconds.controlPlane),
  });
  const network: TestNetwork = {
    platform,
    wire,
    hosts: [],
    async add(cluster, number, role, cloud) {
      const host = await createHost({ platform, wire, cluster, number, role, cloud });
      network.hosts.push(host);
      return host;
    },
    everybodyKnows: (cluster) =>
      until(
        'everybody has the newest peers',
        async () => {
          const mesh = await platform.store.mesh.get(cluster.id);
          const { hosts } = network;
          const nodes = await Promise.all(hosts.map(({ number }) => platform.node(cluster, number)));
          return (
            mesh.members.length === hosts.length && nodes.every((node) => node.meshVersion === mesh.version)
          );
        },
        60,
      ),
    async close() {
      for (const host of network.hosts) await host.remove();
      await platform.close();
      ip('link', 'delete', wire);
    },
  };
  return network;
}

interface HostOptions {
  readonly platform: TestPlatform;
  readonly wire: string;
  readonly cluster: Cluster;
  readonly number: number;
  readonly role: NodeRole;
  readonly cloud: CloudName;
}

async function createHost({ platform, wire, cluster, number, role, cloud }: HostOptions): Promise<Host> {
  const namespace = `ovn${tag}n${number}`;
  const tunnel = `ovw${tag}n${number}`;
  const cable = `ovv${tag}n${number}`;
  const within = ['netns', 'exec', namespace];
  const publicAddress = `${publicRange}.${number}`;
  const privateAddress = `${privateRanges[cloud]}.${number}`;
  ip('netns', 'add', namespace);
  ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
  ip('link', 'set', cable, 'master', wire, 'up');
  ip('-n', namespace, 'link', 'set', 'lo', 'up');
  for (const address of [publicAddress, privateAddress])
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  ip('-n', namespace, 'link', 'set', 'eth0', 'up');

  let wireguard: ChildProcess | undefined;
  const pinging = new Set<ChildProcess>();
  const stopWireguard = async (): Promise<void> => {
    if (wireguard === undefined) return;
    const ended = once(wireguard, 'exit');
    wireguard.kill('SIGKILL');
    await ended;
    wireguard = undefined;
  };
  const tellAddresses = (address: string): void => {
    platform.metadata.set(number, digitaloceanMetadata({ public: address, private: privateAddress }));
  };
  tellAddresses(publicAddress);
  const settings = await platform.expect(cluster, number, role, cloud);
  const host: Host = {
    number,
    cloud,
    overlay: `10.4.0.${number}`,
    publicAddress,
    privateAddress,
    interface: tunnel,
    machine: createMachine({
      // Where its addresses are asked for is no matter of the mesh.
      settings: { ...settings, OVERCAST_CLOUD: 'digitalocean' },
      hostname: `four-clouds-${number}`,
      within: ['ip', ...within],
      real: ['ip', 'wg'],
      environment: {
        OVERCAST_INTERFACE: tunnel,
        OVERCAST_METADATA: `${platform.url}/machine/${number}`,
        OVERCAST_PACKAGES: platform.url,
        KUBEADM_NETWORK: 'yes',
        OVERCAST_SECOND: secondScaled,
      },
    }),
    ip: (...words) => ip('-n', namespace, ...words),
    wg: (...words) => ip(...within, 'wg', 'show', tunnel, ...words),
    async pings(to) {
      try {
        await run('ip', [...within, 'ping', '-c', '1', '-W', '2', to.overlay]);
        return true;
      } catch {
        return false;
      }
    },
    pingsSteadily(to) {
      const steady = spawn('ip', [...within, 'ping', '-i', '0.05', to.overlay], {
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      let said = '';
      pinging.add(steady);
      steady.stdout.on('data', (text: Buffer) => {
        said += text.toString();
      });
      return async () => {
        const ended = once(steady, 'close');
        steady.kill('SIGINT');
        await ended;
        pinging.delete(steady);
        const sent = Number(/(\d+) packets transmitted/.exec(said)?.[1]);
        const back = new Set(
          Array.from(said.matchAll(/icmp_seq=(\d+) ttl/g), ([, number]) => Number(number)),
        );
        // The end overtakes what is on its way at that moment: of the last second only a gap is a loss.
        const isOver = Math.max(sent - stillOnTheWayMax, ...back);
        const lost: number[] = [];
        for (let number = 1; number < isOver; number += 1) if (!back.has(number)) lost.push(number);
        return { sent, lost };
      };
    },
    moveTo(lastNumber) {
      host.ip('address', 'delete', `${publicAddress}/24`, 'dev', 'eth0');
      host.ip('address', 'add', `${publicRange}.${lastNumber}/24`, 'dev', 'eth0');
      tellAddresses(`${publicRange}.${lastNumber}`);
    },
    async switchOff() {
      await host.machine.kill();
      await stopWireguard();
      try {
        host.ip('link', 'delete', 'overcast0');
      } catch {
        // A full mesh has none.
      }
    },
    async startWireguard() {
      wireguard = spawn('ip', [...within, 'wireguard-go', '-f', tunnel], { stdio: 'ignore' });
      await until('its interface', () => {
        try {
          host.ip('link', 'show', tunnel);
          return true;
        } catch {
          return false;
        }
      });
    },
    async remove() {
      for (const steady of pinging) steady.kill('SIGKILL');
      await host.machine.remove();
      await stopWireguard();
      // The namespace goes in its own time; the next test wants the name of its cable at once.
      ip('link', 'delete', cable);
      ip('netns', 'delete', namespace);
    },
  };
  await host.startWireguard();
  return host;
}
