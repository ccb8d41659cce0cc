import { openDisk, type Collection } from '../disk.ts';
import { agentSettings, type AgentSettings } from './agent-settings.ts';
import { createClusters } from './kubernetes/clusters.ts';
import { podAtHostPort } from './kubernetes/host-ports.ts';
import type { TakeConnection } from './kubernetes/proxy.ts';
import type { MachineDisk } from './machine-disk.ts';
import { openStandIns } from './stand-in.ts';
import { runSimulatedMachine, type MachineSurroundings, type Misbehaviour } from './simulated-machine.ts';

/** A machine as its cloud shows it to itself. */
export interface BootedMachine extends Pick<MachineSurroundings, 'hardware' | 'place'> {
  /** `aws/i-0abc@1764000000000`: unique in the world, also among machines that were. */
  readonly key: string;
  readonly name: string;
  readonly userData: string;
  readonly addresses: { readonly public: string; readonly private: string };
}

export interface FleetOptions {
  /** Where the machines' disks are kept; in memory when absent. */
  readonly folder?: string;
  /** Whether the machine is powered on, whether it still has a disk, and what its cloud says of its future. */
  readonly look: (key: string) => {
    readonly powered: boolean;
    readonly exists: boolean;
    readonly interruption?: { readonly kind: 'terminate' | 'rebalance'; readonly at?: string };
  };
  readonly scaled: (seconds: number) => number;
  readonly log: (line: string) => void;
}

export interface Fleet {
  boot(machine: BootedMachine): void;
  /** Makes machines of this name (`*`: all) misbehave from now on. */
  misbehave(name: string, how: Misbehaviour): void;
  running(): number;
  /** The API server of the machine with this public address; undefined when none is up there. */
  lead(publicAddress: string): TakeConnection | undefined;
  /** The port on loopback that answers for this port of a machine; undefined when nothing listens there. */
  dial(key: string, port: number): Promise<number | undefined>;
  close(): Promise<void>;
}

/** How often a machine notices that its power is gone. */
const powerCheckMilliseconds = 100;

/** All simulated machines of the local platform: boots them, runs their agents, pulls the plug, clears their disks away. */
export function createFleet(options: FleetOptions): Fleet {
  const disk = openDisk({
    ...(options.folder === undefined ? {} : { folder: options.folder }),
    name: 'machines',
  });
  const disks: Collection<MachineDisk> = disk.collection('disks');
  const clusters = createClusters({
    disk,
    clock: { now: () => Date.now(), scaled: options.scaled },
    log: options.log,
  });
  const misbehaviours = new Map<string, Misbehaviour>();
  const running = new Map<string, { stop: AbortController; ended: Promise<void> }>();
  /** Every machine that has a disk here. */
  const known = new Set(disks.entries().map(([key]) => key));

  const booted = new Map<string, Pick<AgentSettings, 'clusterId' | 'hostname'>>();
  const standIns = openStandIns((key, port) => {
    const machine = booted.get(key);
    const objects = machine === undefined ? undefined : clusters.objects(machine.clusterId);
    if (machine === undefined || objects === undefined || !options.look(key).powered) return undefined;
    const listening = podAtHostPort(objects, machine.hostname, port);
    return listening && { node: machine.hostname, ...listening };
  });

  const checkPower = (): void => {
    for (const key of known) {
      const { powered, exists } = options.look(key);
      const machine = running.get(key);
      if (!powered) machine?.stop.abort();
      if (exists || machine !== undefined) continue;
      known.delete(key);
      booted.delete(key);
      disks.delete(key);
      clusters.forget(key);
    }
  };
  checkPower();
  const power = setInterval(checkPower, powerCheckMilliseconds);

  const births = new Map<string, number>();
  const misbehaviourOf = (name: string, birth: number): Misbehaviour => {
    const how = misbehaviours.get(name) ?? misbehaviours.get('*') ?? {};
    return birth <= (how.machines ?? birth) ? how : {};
  };
  const run = async (machine: BootedMachine, stop: AbortController): Promise<void> => {
    const { key, name, userData, hardware, place, addresses } = machine;
    const birth = (births.get(name) ?? 0) + 1;
    births.set(name, birth);
    try {
      booted.set(key, agentSettings(userData));
      await runSimulatedMachine(
        {
          key,
          userData,
          hardware,
          place,
          clusters,
          addresses: () => addresses,
          interruption: () => options.look(key).interruption,
          loadDisk: () => disks.get(key),
          saveDisk: (saved) => disks.set(key, saved),
          scaled: options.scaled,
          signal: stop.signal,
          log: (line) => options.log(`${name}: ${line}`),
        },
        () => misbehaviourOf(name, birth),
      );
    } catch (error) {
      // A machine whose plug was pulled says nothing; one that cannot read its user-data is like one without an agent.
      if (!stop.signal.aborted)
        options.log(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      running.delete(key);
    }
  };

  return {
    boot(machine) {
      const { key } = machine;
      if (running.has(key)) return;
      const stop = new AbortController();
      known.add(key);
      running.set(key, { stop, ended: run(machine, stop) });
    },
    misbehave: (name, how) => {
      misbehaviours.set(name, how);
    },
    running: () => running.size,
    lead: (publicAddress) => clusters.lead(publicAddress),
    dial: (key, port) => standIns.dial(key, port),
    async close() {
      clearInterval(power);
      const machines = [...running.values()];
      for (const machine of machines) machine.stop.abort();
      await Promise.all(machines.map(({ ended }) => ended));
      await standIns.close();
      await clusters.close();
      disk.close();
    },
  };
}
