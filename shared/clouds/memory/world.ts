import type { CloudName, Location, Owner } from '../../domain/cloud.ts';
import { plusSeconds, type Instant } from '../../domain/ids.ts';
import type { HealthCheck, LoadBalancerSpec } from '../../domain/load-balancer.ts';
import type { FirewallRule, NetworkSpec, NodeRole } from '../../domain/network.ts';
import type { Offering } from '../../domain/offering.ts';
import type { MachineState } from '../contract.ts';
import { CloudError, type CloudErrorName } from '../errors.ts';

/** What a call does, in words all clouds share. */
export type MemoryOperation =
  | 'createMachine'
  | 'deleteMachine'
  | 'listMachines'
  | 'changeMachine'
  | 'createNetwork'
  | 'changeNetwork'
  | 'deleteNetwork'
  | 'readNetwork'
  | 'readOfferings'
  | 'createBalancer'
  | 'changeBalancer'
  | 'deleteBalancer'
  | 'readBalancer'
  | 'verifyAccount';

export type MemoryEffect =
  | 'throttle'
  | 'unavailable'
  | 'credentials'
  /** Fails before anything was done; to the caller the same as `unavailable`. */
  | 'cut'
  /** Done, and then fails as if the reply had been lost. */
  | 'lose-reply'
  | 'no-capacity'
  /** Accepted, and failed `seconds` (3) later. */
  | 'no-capacity-later'
  | 'quota'
  /** Made, but hidden from lists for `seconds` (5). */
  | 'hide';

export interface MemoryFault {
  readonly effect: MemoryEffect;
  /** Absent: every operation. */
  readonly operation?: MemoryOperation | '*';
  /** How many calls it strikes; absent: one. The driver repeats a throttled call by itself (`retriesMax`). */
  readonly times?: number;
  readonly seconds?: number;
  readonly instanceType?: string;
}

export interface MemoryMachine {
  readonly providerId: string;
  readonly name: string;
  readonly networkId: string;
  readonly location: Location;
  /** Absent on a stranger, and when somebody took them off. */
  readonly tags?: { readonly owner: Owner; readonly nodeId: string; readonly role: NodeRole } | undefined;
  /** Whose rules let anybody in; absent: nobody's. */
  readonly firewall?: NodeRole | undefined;
  readonly token?: string;
  readonly userData: string;
  readonly diskGib: number;
  readonly offering: Pick<Offering, 'instanceType' | 'lifecycle' | 'vcpus'>;
  readonly privateAddress: string;
  readonly publicAddress: string;
  readonly createdAt: Instant;
  readonly runningAt: Instant;
  readonly hiddenUntil?: Instant;
  readonly stoppedAt?: Instant;
  readonly stoppingAt?: Instant;
  readonly goneAt?: Instant;
  /** The cloud accepted it and will find that it has no room. */
  readonly failsAt?: Instant;
}

export interface MemoryNetwork {
  readonly id: string;
  readonly name: string;
  readonly owner: Owner;
  readonly location: Location;
  readonly range: string;
  readonly subnetRange: string;
  readonly firewall: Readonly<Record<NodeRole, readonly FirewallRule[]>>;
  /** What somebody deleted of it: a role stands for its firewall. */
  readonly missing: readonly MemoryPart[];
}

export type MemoryPart = 'subnet' | 'route' | NodeRole;

export interface MemoryBalancer extends Pick<LoadBalancerSpec, 'listeners'> {
  readonly id: string;
  readonly name: string;
  /** Absent when somebody took the tags off. */
  readonly owner?: Owner | undefined;
  readonly networkId: string;
  /** Absent before it was first set. */
  readonly healthCheck?: HealthCheck;
  /** Machines' ids; one that dies is no member any more. */
  readonly members: readonly string[];
  readonly address: string;
  readonly readyAt: Instant;
}

/** A disk, interface or address that serves nothing. */
export interface MemorySpare {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
  readonly owner: Owner;
}

export interface MemoryOptions {
  readonly name: CloudName;
  /** The only clock; nothing here waits or draws lots. */
  readonly now: () => Instant;
  /** From create to running. 0: the first answer is a machine that runs. */
  readonly bootSeconds?: number;
  /** From delete to gone. 0: gone with the first answer. */
  readonly deleteSeconds?: number;
  /** From a load balancer's create to its first traffic. */
  readonly balancerSeconds?: number;
  /** How often a throttled call is repeated inside the driver, as the SDKs do. */
  readonly retriesMax?: number;
}

const bootSecondsDefault = 20;
const deleteSecondsDefault = 5;
const balancerSecondsDefault = 60;
const failSecondsDefault = 3;
const hideSecondsDefault = 5;
const throttleSecondsDefault = 1;

/** Everything one account of one cloud holds, and what will go wrong in it: the tests' handle. */
export class MemoryWorld {
  readonly name: CloudName;
  readonly now: () => Instant;
  readonly retriesMax: number;
  /** How often each operation was asked for, throttled calls included. */
  readonly calls: Partial<Record<MemoryOperation, number>> = {};
  /** Instance types that cannot be had. */
  readonly soldOut = new Set<string>();
  /** `c6a.xlarge spot` → by how much the built-in table's price is multiplied. */
  readonly priceFactors = new Map<string, number>();
  /** Largest number of vCPUs at once; undefined: no limit. */
  vcpuQuota: number | undefined;
  bootSeconds: number;
  deleteSeconds: number;
  balancerSeconds: number;
  readonly #machines = new Map<string, MemoryMachine>();
  readonly #networks = new Map<string, MemoryNetwork>();
  readonly #spares = new Map<string, MemorySpare>();
  readonly #balancers = new Map<string, MemoryBalancer>();
  /** Creates that were accepted and failed: the same request gets the same answer. */
  readonly #failed = new Set<string>();
  #faults: (MemoryFault & { readonly left: number })[] = [];
  #number = 0;

  constructor(options: MemoryOptions) {
    this.name = options.name;
    this.now = options.now;
    this.retriesMax = options.retriesMax ?? 2;
    this.bootSeconds = options.bootSeconds ?? bootSecondsDefault;
    this.deleteSeconds = options.deleteSeconds ?? deleteSecondsDefault;
    this.balancerSeconds = options.balancerSeconds ?? balancerSecondsDefault;
  }

  // ── What is there ────────────────────────────────────────────────────────────────────────────────────────────

  /** Every machine that is not gone, strangers included, in the order of their creation. */
  machines(): readonly MemoryMachine[] {
    for (const machine of this.#machines.values()) {
      if (machine.failsAt !== undefined && this.now() >= machine.failsAt) {
        this.#machines.delete(machine.providerId);
        if (machine.token !== undefined) this.#failed.add(machine.token);
      } else if (machine.goneAt !== undefined && this.now() >= machine.goneAt)
        this.#machines.delete(machine.providerId);
    }
    return [...this.#machines.values()];
  }

  machine(providerId: string): MemoryMachine | undefined {
    this.machines();
    return this.#machines.get(providerId);
  }

  state(machine: MemoryMachine): MachineState {
    const now = this.now();
    if (machine.stoppingAt !== undefined && now >= machine.stoppingAt) return 'stopping';
    if (machine.stoppedAt !== undefined && now >= machine.stoppedAt) return 'stopped';
    return machine.failsAt !== undefined || now < machine.runningAt ? 'pending' : 'running';
  }

  networks(): readonly MemoryNetwork[] {
    return [...this.#networks.values()];
  }

  spares(): readonly MemorySpare[] {
    return [...this.#spares.values()];
  }

  balancers(): readonly MemoryBalancer[] {
    return [...this.#balancers.values()].map((balancer) => ({
      ...balancer,
      members: balancer.members.filter((id) => this.machine(id) !== undefined),
    }));
  }

  /** A create with this token was accepted once and failed later. */
  hasFailed(token: string): boolean {
    this.machines();
    return this.#failed.has(token);
  }

  // ── What the tests do behind everyone's back ─────────────────────────────────────────────────────────────────

  addFault(fault: MemoryFault): void {
    this.#faults.push({ ...fault, left: fault.times ?? 1 });
  }

  clearFaults(): void {
    this.#faults = [];
  }

  /** It runs now, whatever the clock says. */
  boot(providerId: string): void {
    this.#change(providerId, { runningAt: this.now() });
  }

  /** Gone at once, without anybody having asked. */
  kill(providerId: string): void {
    this.#machines.delete(providerId);
  }

  stop(providerId: string): void {
    this.#change(providerId, { stoppedAt: this.now() });
  }

  /** It runs again, where it was stopped, under another public address, as in most clouds. */
  restart(providerId: string, publicAddress: string): void {
    const machine = this.#machines.get(providerId);
    if (machine === undefined) return;
    const { stoppedAt: _, ...rest } = machine;
    this.#machines.set(providerId, { ...rest, publicAddress });
  }

  addStranger(where: { readonly networkId: string; readonly name: string }): MemoryMachine {
    const network = this.#networks.get(where.networkId);
    if (network === undefined) throw new Error(`no network ${where.networkId}`);
    return this.launch({
      name: where.name,
      networkId: where.networkId,
      location: network.location,
      userData: '',
      diskGib: 50,
      offering: { instanceType: 'someone-elses', lifecycle: 'on-demand', vcpus: 2 },
    });
  }

  /** Somebody edits a firewall by hand. */
  changeFirewall(networkId: string, role: NodeRole, rules: readonly FirewallRule[]): void {
    this.#changeNetwork(networkId, ({ firewall }) => ({ firewall: { ...firewall, [role]: rules } }));
  }

  losePart(networkId: string, part: MemoryPart): void {
    this.#changeNetwork(networkId, ({ missing }) => ({
      missing: [...missing.filter((other) => other !== part), part],
    }));
  }

  /** @returns its id */
  addSpare(spare: Omit<MemorySpare, 'id'>): string {
    this.#number += 1;
    const id = `${spare.kind}-${String(this.#number).padStart(5, '0')}`;
    this.#spares.set(id, { ...spare, id });
    return id;
  }

  // ── What the driver does ─────────────────────────────────────────────────────────────────────────────────────

  /** Counts the call, lets the faults strike it, and does it. Synchronous inside, so no two calls interleave in it. */
  perform<T>(operation: MemoryOperation, act: () => T): T {
    for (let repeat = 0; ; repeat += 1) {
      this.calls[operation] = (this.calls[operation] ?? 0) + 1;
      const fault = this.takeFault(operation, ['throttle', 'unavailable', 'credentials', 'cut']);
      if (fault?.effect === 'throttle' && repeat < this.retriesMax) continue;
      if (fault !== undefined) throw this.#struck(fault);
      const lost = this.takeFault(operation, ['lose-reply']);
      const value = act();
      if (lost !== undefined) throw this.error('CloudUnavailable', 'reply-lost', 'the connection was cut');
      return value;
    }
  }

  takeFault(
    operation: MemoryOperation,
    effects: readonly MemoryEffect[],
    instanceType?: string,
  ): MemoryFault | undefined {
    const index = this.#faults.findIndex(
      (fault) =>
        effects.includes(fault.effect) &&
        (fault.operation === undefined || fault.operation === '*' || fault.operation === operation) &&
        (fault.instanceType === undefined || fault.instanceType === instanceType),
    );
    const fault = this.#faults[index];
    if (fault === undefined) return undefined;
    if (fault.left > 1) this.#faults[index] = { ...fault, left: fault.left - 1 };
    else this.#faults.splice(index, 1);
    return fault;
  }

  launch(
    machine: Omit<
      MemoryMachine,
      'providerId' | 'privateAddress' | 'publicAddress' | 'createdAt' | 'runningAt'
    >,
    fault?: MemoryFault,
  ): MemoryMachine {
    this.#number += 1;
    const host = `${(this.#number >> 8) & 255}.${this.#number & 255}`;
    const now = this.now();
    const range = this.#networks.get(machine.networkId)?.range ?? '10.0.0.0/16';
    const launched: MemoryMachine = {
      ...machine,
      providerId: `${this.name}-${String(this.#number).padStart(5, '0')}`,
      privateAddress: range.replace(/\.\d+\.\d+\/\d+$/, `.${host}`),
      publicAddress: `198.18.${host}`,
      createdAt: now,
      runningAt: plusSeconds(now, this.bootSeconds),
      ...(fault?.effect === 'no-capacity-later'
        ? { failsAt: plusSeconds(now, fault.seconds ?? failSecondsDefault) }
        : {}),
      ...(fault?.effect === 'hide'
        ? { hiddenUntil: plusSeconds(now, fault.seconds ?? hideSecondsDefault) }
        : {}),
    };
    this.#machines.set(launched.providerId, launched);
    return launched;
  }

  terminate(machine: MemoryMachine): void {
    if (machine.stoppingAt !== undefined) return;
    const now = this.now();
    this.#change(machine.providerId, { stoppingAt: now, goneAt: plusSeconds(now, this.deleteSeconds) });
  }

  putNetwork(spec: NetworkSpec, range: NetworkSpec['candidates'][number]): MemoryNetwork {
    this.#number += 1;
    const network: MemoryNetwork = {
      id: `network-${String(this.#number).padStart(5, '0')}`,
      name: `overcast-${spec.owner.clusterId}`,
      owner: spec.owner,
      location: spec.location,
      range: range.network,
      subnetRange: range.subnet,
      firewall: spec.firewall,
      missing: [],
    };
    this.#networks.set(network.id, network);
    return network;
  }

  removeNetwork(id: string): void {
    this.#networks.delete(id);
  }

  putBalancer(balancer: Pick<MemoryBalancer, 'name' | 'owner' | 'networkId'>): MemoryBalancer {
    this.#number += 1;
    const made: MemoryBalancer = {
      ...balancer,
      id: `balancer-${String(this.#number).padStart(5, '0')}`,
      listeners: [],
      members: [],
      address: `198.51.${(this.#number >> 8) & 255}.${this.#number & 255}`,
      readyAt: plusSeconds(this.now(), this.balancerSeconds),
    };
    this.#balancers.set(made.id, made);
    return made;
  }

  changeBalancer(id: string, change: (now: MemoryBalancer) => Partial<MemoryBalancer>): void {
    const balancer = this.#balancers.get(id);
    if (balancer !== undefined) this.#balancers.set(id, { ...balancer, ...change(balancer) });
  }

  removeBalancer(id: string): void {
    this.#balancers.delete(id);
  }

  restorePart(networkId: string, part: MemoryPart): void {
    this.#changeNetwork(networkId, ({ missing }) => ({ missing: missing.filter((other) => other !== part) }));
  }

  removeSpare(id: string): void {
    this.#spares.delete(id);
  }

  /** Its tags or its firewall: by the driver or behind everyone's back. */
  changeMachine(providerId: string, change: Pick<Partial<MemoryMachine>, 'tags' | 'firewall'>): void {
    this.#change(providerId, change);
  }

  error(name: CloudErrorName, code: string, message: string, retryAfterSeconds?: number): CloudError {
    return new CloudError(name, {
      cloud: this.name,
      code,
      message,
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    });
  }

  #struck(fault: MemoryFault): CloudError {
    switch (fault.effect) {
      case 'throttle':
        return this.error(
          'Throttled',
          'throttled',
          'too many requests',
          fault.seconds ?? throttleSecondsDefault,
        );
      case 'credentials':
        return this.error('CredentialsRejected', 'unauthorized', 'these credentials are not known');
      default:
        return this.error('CloudUnavailable', fault.effect, 'the cloud does not answer');
    }
  }

  #changeNetwork(id: string, change: (network: MemoryNetwork) => Partial<MemoryNetwork>): void {
    const network = this.#networks.get(id);
    if (network !== undefined) this.#networks.set(id, { ...network, ...change(network) });
  }

  #change(providerId: string, change: Partial<MemoryMachine>): void {
    const machine = this.#machines.get(providerId);
    if (machine !== undefined) this.#machines.set(providerId, { ...machine, ...change });
  }
}
