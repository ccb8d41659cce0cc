import {
  createMemoryCloud,
  MemoryWorld,
  type MemoryMachine,
  type MemoryOperation,
} from '../../../shared/clouds/memory/index.ts';
import type { Cloud } from '../../../shared/clouds/contract.ts';
import { cloudNames, type CloudName } from '../../../shared/domain/cloud.ts';
import { installationId } from '../platform/functions.ts';
import type { Outside } from '../platform/outside.ts';

const networkOperations: readonly MemoryOperation[] = ['readNetwork', 'createNetwork', 'changeNetwork'];
const operationsOf: Readonly<Record<string, readonly MemoryOperation[]>> = {
  ensureNetwork: networkOperations,
  collapse: ['readNetwork', 'deleteNetwork'],
};
const changing = new Set(['ensureNetwork', 'createMachine', 'deleteMachine', 'collapse']);
/** More than the driver repeats by itself. */
const throttledTimes = 3;

/** The four clouds of a world, what goes wrong in them, and who is told of it. */
export class Clouds {
  calls = 0;
  readonly worlds: Readonly<Record<CloudName, MemoryWorld>>;
  readonly #drivers: Readonly<Record<CloudName, Cloud>>;
  readonly #outside: Outside;
  readonly #known = new Set<string>();
  readonly #onMachine: (cloud: CloudName, machine: MemoryMachine) => void;
  readonly #onChange: (cloud: CloudName, method: string) => void;

  constructor(options: {
    outside: Outside;
    /** A machine has been created. */
    onMachine: (cloud: CloudName, machine: MemoryMachine) => void;
    /** A call that may have changed something is over. */
    onChange: (cloud: CloudName, method: string) => void;
  }) {
    const { outside } = options;
    this.#outside = outside;
    this.#onMachine = options.onMachine;
    this.#onChange = options.onChange;
    const { random, time } = outside;
    const perCloud = <T>(make: (cloud: CloudName) => T): Record<CloudName, T> =>
      Object.fromEntries(cloudNames.map((cloud) => [cloud, make(cloud)])) as Record<CloudName, T>;
    this.worlds = perCloud(
      (name) =>
        new MemoryWorld({
          name,
          now: () => time.now(),
          bootSeconds: random.int(5, 60),
          deleteSeconds: random.int(2, 40),
        }),
    );
    this.#drivers = perCloud((name) =>
      createMemoryCloud({ name, now: () => time.now(), world: this.worlds[name] }),
    );
  }

  driver(cloud: CloudName): Cloud {
    return this.#drivers[cloud];
  }

  machines(): readonly { readonly cloud: CloudName; readonly machine: MemoryMachine }[] {
    return cloudNames.flatMap((cloud) =>
      this.worlds[cloud].machines().map((machine) => ({ cloud, machine })),
    );
  }

  /** One call of a driver, with what may go wrong in it. The driver does all its work before it returns its promise. */
  async around<T>(
    cloud: CloudName,
    method: string,
    args: readonly unknown[],
    act: () => Promise<T>,
  ): Promise<T> {
    const { history, faults } = this.#outside;
    this.calls += 1;
    const world = this.worlds[cloud];
    if (!faults.isCalm) this.#trouble(world, method);
    const promise = act();
    world.clearFaults();
    if (method === 'createMachine') this.#welcome(cloud);
    if (changing.has(method)) this.#onChange(cloud, method);
    try {
      const value = await promise;
      if (changing.has(method)) history.note('cloud', cloud, method, about(args), value);
      return value;
    } catch (error) {
      history.note('cloud', cloud, method, about(args), 'fails:', String(error));
      throw error;
    }
  }

  #trouble(world: MemoryWorld, method: string): void {
    const { faults, random } = this.#outside;
    const operation = operationsOf[method];
    const where = operation === undefined ? {} : { operation: random.pick(operation) };
    if (faults.strikes('cloudThrottles'))
      world.addFault({ effect: 'throttle', times: throttledTimes, ...where });
    else if (faults.strikes('cloudFails'))
      world.addFault({ effect: random.pick(['unavailable', 'cut', 'lose-reply'] as const), ...where });
    else if (faults.strikes('cloudRefusesCredentials')) world.addFault({ effect: 'credentials', ...where });
    if (method !== 'createMachine') return;
    if (faults.strikes('noCapacity')) world.addFault({ effect: 'no-capacity' });
    if (faults.strikes('quota')) world.addFault({ effect: 'quota' });
    if (faults.strikes('noCapacityLater'))
      world.addFault({ effect: 'no-capacity-later', seconds: random.int(1, 60) });
    else if (faults.strikes('hiddenFromLists'))
      world.addFault({ effect: 'hide', seconds: random.int(1, 60) });
  }

  #welcome(cloud: CloudName): void {
    for (const machine of this.worlds[cloud].machines()) {
      if (this.#known.has(machine.providerId)) continue;
      this.#known.add(machine.providerId);
      if (machine.tags?.owner.installation === installationId) this.#onMachine(cloud, machine);
    }
  }
}

/** Who a call is about: a machine's name, or nothing. */
function about([first]: readonly unknown[]): string {
  return typeof first === 'object' && first !== null && 'name' in first ? String(first.name) : '';
}
