import { openDisk, type Collection } from '../disk.ts';
import { runSimulatedMachine, type MachineDisk, type Misbehaviour } from './simulated-machine.ts';

/** A machine as its cloud shows it to itself. */
export interface BootedMachine {
  /** `aws/i-0abc@1764000000000`: unique in the world, also among machines that were. */
  readonly key: string;
  readonly name: string;
  readonly userData: string;
  readonly addresses: { readonly public: string; readonly private: string };
}

export interface FleetOptions {
  /** Where the machines' disks are kept; in memory when absent. */
  readonly folder?: string;
  /** Whether the machine is powered on, and what its cloud says of its future. */
  readonly look: (key: string) => {
    readonly powered: boolean;
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
  close(): Promise<void>;
}

/** How often a machine notices that its power is gone. */
const powerCheckMilliseconds = 100;

/** All simulated machines of the local platform: boots them, runs their agents, pulls the plug. */
export function createFleet(options: FleetOptions): Fleet {
  const disk = openDisk({
    ...(options.folder === undefined ? {} : { folder: options.folder }),
    name: 'machines',
  });
  const disks: Collection<MachineDisk> = disk.collection('disks');
  const misbehaviours = new Map<string, Misbehaviour>();
  const running = new Map<string, { stop: AbortController; ended: Promise<void> }>();

  const power = setInterval(() => {
    for (const [key, machine] of running) if (!options.look(key).powered) machine.stop.abort();
  }, powerCheckMilliseconds);

  const run = async (machine: BootedMachine, stop: AbortController): Promise<void> => {
    try {
      await runSimulatedMachine(
        {
          userData: machine.userData,
          addresses: () => machine.addresses,
          interruption: () => options.look(machine.key).interruption,
          loadDisk: () => disks.get(machine.key),
          saveDisk: (saved) => disks.set(machine.key, saved),
          scaled: options.scaled,
          signal: stop.signal,
          log: (line) => options.log(`${machine.name}: ${line}`),
        },
        () => misbehaviours.get(machine.name) ?? misbehaviours.get('*') ?? {},
      );
    } catch (error) {
      // A machine whose plug was pulled says nothing; one that cannot read its user-data is like one without an agent.
      if (!stop.signal.aborted)
        options.log(`${machine.name}: ${error instanceof Error ? error.message : String(error)}`);
    } finally {
      running.delete(machine.key);
    }
  };

  return {
    boot(machine) {
      if (running.has(machine.key)) return;
      const stop = new AbortController();
      running.set(machine.key, { stop, ended: run(machine, stop) });
    },
    misbehave: (name, how) => {
      misbehaviours.set(name, how);
    },
    running: () => running.size,
    async close() {
      clearInterval(power);
      const machines = [...running.values()];
      for (const machine of machines) machine.stop.abort();
      await Promise.all(machines.map(({ ended }) => ended));
      disk.close();
    },
  };
}
