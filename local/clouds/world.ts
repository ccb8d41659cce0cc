import { openDisk, type Collection, type Disk } from '../disk.ts';
import { Prices } from './prices.ts';

export type SimulatedCloud = 'aws' | 'gcp' | 'azure' | 'digitalocean';

/**
 * A machine as the world has it, whatever API made it. All times are epoch milliseconds of the real clock, already
 * scaled; its state is derived from them, so nothing has to happen on time for the state to be right.
 */
export interface WorldMachine {
  readonly cloud: SimulatedCloud;
  /** As the cloud's API names it. Unique within the cloud. */
  readonly id: string;
  readonly name: string;
  readonly region: string;
  readonly zone: string;
  readonly instanceType: string;
  readonly vcpus: number;
  readonly spot: boolean;
  /** The network (VPC, VNet) the machine sits in. */
  readonly networkId: string;
  readonly privateAddress: string;
  readonly publicAddress: string;
  /** As given at creation, decoded. */
  readonly userData: string;
  readonly createdAt: number;
  /** When the cloud's API begins to say that it runs. */
  readonly runningAt: number;
  /** When its operating system is up and cloud-init runs: later than runningAt. */
  readonly bootedAt: number;
  /** When a deletion began, and when the machine is no longer listed (EC2 keeps terminated ones for a while). */
  readonly stoppingAt?: number;
  readonly goneAt?: number;
  /** Stopped without being deleted. */
  readonly stoppedAt?: number;
  /** The cloud said that it will take the machine back. */
  readonly interruption?: {
    readonly kind: 'terminate' | 'rebalance';
    readonly noticeAt: number;
    readonly at: number;
  };
}

export type MachineState = 'pending' | 'running' | 'stopping' | 'stopped' | 'gone';

export const machineState = (machine: WorldMachine, now: number): MachineState => {
  if (machine.goneAt !== undefined && now >= machine.goneAt) return 'gone';
  if (machine.stoppingAt !== undefined && now >= machine.stoppingAt) return 'stopping';
  if (machine.stoppedAt !== undefined && now >= machine.stoppedAt) return 'stopped';
  return now < machine.runningAt ? 'pending' : 'running';
};

/** What a request does, in words all clouds share, so that a fault can be asked for without knowing the wire. */
export const genericOperations = [
  'createMachine',
  'deleteMachine',
  'readMachine',
  'listMachines',
  'createNetwork',
  'changeNetwork',
  'deleteNetwork',
  'readNetwork',
  'readOfferings',
  'createBalancer',
  'changeBalancer',
  'deleteBalancer',
  'readBalancer',
  /** Route 53's records and health checks, which are AWS's. */
  'readNames',
  'changeNames',
  'verifyAccount',
  'other',
] as const;
export type GenericOperation = (typeof genericOperations)[number];

/** Made in the account that the platform lives in: a fault of all operations is one of the clusters' accounts. */
const ofThePlatform: ReadonlySet<GenericOperation> = new Set(['readNames', 'changeNames']);

export const faultEffects = [
  /** 429 or the cloud's equivalent, with retry-after where the cloud sends one. */
  'throttle',
  /** 503 or the cloud's equivalent, before anything was done. */
  'unavailable',
  /** The request is carried out and its connection is cut before the reply. */
  'lose-reply',
  /** The connection is cut before anything was done. */
  'cut',
  /** Refused at once for want of capacity. */
  'no-capacity',
  /** Accepted, and failed for want of capacity seconds later (GCP, Azure). At once where the cloud does not do that. */
  'no-capacity-later',
  'quota',
  'credentials',
  /** Carried out, but hidden from lists and reads for `seconds` (eventual consistency). */
  'hide',
] as const;
export type FaultEffect = (typeof faultEffects)[number];

export interface Fault {
  readonly id: string;
  readonly cloud: SimulatedCloud;
  /** One generic operation, or `*` for all. */
  readonly operation: GenericOperation | '*';
  readonly effect: FaultEffect;
  /** How many requests it still strikes. */
  readonly times: number;
  /** Lets so many of the requests that it could strike pass first: the fifth from now is 4. */
  readonly skip?: number;
  /** For `hide`: unscaled seconds. For `throttle`: the retry-after it sends. */
  readonly seconds?: number;
  /** Strikes only requests whose instance type is this one. */
  readonly instanceType?: string;
}

export interface WorldSettings {
  /** Cloud latencies are realistic and pass this many times faster. */
  timeScale: number;
  /** Largest number of vCPUs at once per cloud; absent: no limit. */
  vcpuQuota: Partial<Record<SimulatedCloud, number>>;
  /** Instance types that are sold out, per cloud. */
  soldOut: Partial<Record<SimulatedCloud, string[]>>;
  /** No list answers with more entries per page than this, whatever was asked for; absent: the real API's limit. */
  pageSizeMax?: number;
}

/** A machine that somebody else puts in a network: the control endpoint's way to make strangers. */
export interface StrangerRequest {
  readonly cloud: SimulatedCloud;
  /** As `WorldMachine.networkId`. */
  readonly networkId: string;
  readonly name: string;
}

/** What people do to a cluster's things in their cloud's console; control.ts says what each is. */
export const damageKinds = [
  'delete-network',
  'delete-subnet',
  'remove-route',
  'remove-firewall-rule',
  'add-firewall-rule',
  'delete-firewall',
  'remove-tags',
  'move-firewall',
  'add-spare-disk',
  'add-spare-interface',
  'add-spare-address',
  'delete-balancer',
  'delete-listener',
  'add-listener',
  'change-health-check',
  'remove-balancer-tags',
  'add-foreign-balancer',
  'remove-member',
] as const;
export type DamageKind = (typeof damageKinds)[number];

/** Those that are done to one machine, or beside it; the others are done to a network. */
export const machineDamageKinds: readonly DamageKind[] = [
  'remove-tags',
  'move-firewall',
  'add-spare-disk',
  'add-spare-interface',
  'add-spare-address',
  'remove-member',
];

export interface DamageTarget {
  /** As `WorldMachine.networkId`: the machine's, where one is named. */
  readonly networkId: string;
  /** Of the kinds that are done to one machine; they always have it. */
  readonly machine?: WorldMachine;
}

/**
 * Carries out one kind of damage in a simulator's own collections and answers with the id of what was changed, made or
 * deleted; `undefined`: there is nothing that it could be done to. @throws DamageRefused as the cloud's API would refuse it.
 */
export type Damage = (target: DamageTarget) => string | undefined;

/** What the cloud does not let anybody do as things stand: the network is in use, say. */
export class DamageRefused extends Error {
  override readonly name = 'DamageRefused';
}

/** A load balancer as traffic sees it, whatever API made it. */
export interface Front {
  readonly cloud: SimulatedCloud;
  readonly id: string;
  readonly name: string;
  /** As `WorldMachine.networkId` of its members; empty while it has none and is in no network of its own. */
  readonly networkId: string;
  /** As its API tells it: a DNS name or an address. */
  readonly address: string;
  /** What its DNS name leads to, where that is what the API tells. */
  readonly publicAddresses?: readonly string[];
  /** It takes traffic by now. */
  readonly isOpen: boolean;
  readonly listeners: readonly { readonly port: number; readonly targetPort: number }[];
  /** Absent: everything counts as healthy. */
  readonly healthCheck?: { readonly port: number; readonly path: string; readonly intervalSeconds: number };
  /** Machines, by their ids. */
  readonly members: readonly string[];
  /** Whether the member's firewall lets clients (at a target port) or the balancer's own health check in. */
  readonly admits: (member: string, port: number, from: 'client' | 'probe') => boolean;
}

/** A front with what the data path makes of it. */
export interface ServedFront extends Omit<Front, 'members' | 'listeners' | 'admits'> {
  readonly listeners: readonly {
    readonly port: number;
    readonly targetPort: number;
    readonly url?: string;
  }[];
  readonly members: readonly { readonly id: string; readonly isHealthy?: boolean }[];
}

/** Carries traffic through the fronts: data-path.ts. */
export interface DataPath {
  serve(fronts: readonly Front[]): Promise<readonly ServedFront[]>;
  /** As the last health check had it; undefined before the first. */
  health(front: Pick<Front, 'cloud' | 'id'>, member: string): boolean | undefined;
}

/** A row of the control endpoint's list: every resource of every kind, with the tags that say whose it is. */
export interface ResourceRow {
  readonly cloud: SimulatedCloud;
  /** `machine`, `vpc`, `security-group`, `disk`, … */
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly state: string;
  /** `key=value` in the cloud's own spelling, or a flat tag. */
  readonly tags: readonly string[];
  /** The network or group it sits in. */
  readonly inside?: string;
}

/** Unscaled seconds from create to `running`, and from there to cloud-init: what people see on these clouds. */
const bootSeconds: Record<SimulatedCloud, { running: number; booted: number }> = {
  aws: { running: 8, booted: 25 },
  gcp: { running: 12, booted: 20 },
  azure: { running: 35, booted: 30 },
  digitalocean: { running: 25, booted: 15 },
};

/** The one world behind the four simulators: its clock, machines, faults and quotas. */
export class World {
  readonly machines: Collection<WorldMachine>;
  readonly settings: WorldSettings;
  readonly prices: Prices;
  readonly #disk: Disk;
  readonly #faults: Collection<Fault>;
  readonly #stored: Collection<WorldSettings>;
  readonly #bootListeners: ((machine: WorldMachine) => void)[] = [];
  readonly #noticeListeners: ((machine: WorldMachine) => void)[] = [];
  readonly #listers: (() => readonly ResourceRow[])[] = [];
  readonly #strangerPlaces = new Map<
    SimulatedCloud,
    (request: StrangerRequest) => WorldMachine | undefined
  >();
  readonly #damages = new Map<SimulatedCloud, Partial<Record<DamageKind, Damage>>>();
  readonly #fronts: (() => readonly Front[])[] = [];
  /** Absent: nobody sends anything through the load balancers of this world. */
  dataPath: DataPath | undefined;
  readonly #calls = new Map<string, number>();
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(options: { folder?: string; timeScale?: number }) {
    this.#disk = openDisk({
      ...(options.folder === undefined ? {} : { folder: options.folder }),
      name: 'clouds',
    });
    this.machines = this.#disk.collection('machines');
    this.#faults = this.#disk.collection('faults');
    this.#stored = this.#disk.collection('settings');
    this.prices = new Prices(this.#disk.collection('prices'));
    this.settings = {
      vcpuQuota: {},
      soldOut: {},
      ...this.#stored.get('settings'),
      timeScale: options.timeScale ?? 20,
    };
  }

  /** A simulator's own resources (`aws/vpcs`), on the same disk. */
  collection<T>(name: string): Collection<T> {
    return this.#disk.collection<T>(name);
  }

  now(): number {
    return Date.now();
  }

  /** Real milliseconds for this many unscaled seconds. */
  scaled(seconds: number): number {
    return (seconds * 1000) / this.settings.timeScale;
  }

  change(settings: Partial<WorldSettings>): void {
    Object.assign(this.settings, settings);
    this.#stored.set('settings', this.settings);
  }

  /** Starts a machine's life. The simulator has already checked everything its API checks. */
  launch(
    machine: Omit<WorldMachine, 'createdAt' | 'runningAt' | 'bootedAt'> & { runningAfterSeconds?: number },
  ): WorldMachine {
    const { runningAfterSeconds, ...rest } = machine;
    const createdAt = this.now();
    const runningAt = createdAt + this.scaled(runningAfterSeconds ?? bootSeconds[machine.cloud].running);
    const bootedAt = runningAt + this.scaled(bootSeconds[machine.cloud].booted);
    const launched: WorldMachine = { ...rest, createdAt, runningAt, bootedAt };
    this.#put(launched);
    this.#bootLater(launched);
    return launched;
  }

  machine(cloud: SimulatedCloud, id: string): WorldMachine | undefined {
    return this.machines.get(`${cloud}/${id}`);
  }

  state(machine: WorldMachine): MachineState {
    return machineState(machine, this.now());
  }

  /** Not gone: what quotas count and the control endpoint lists. */
  living(cloud: SimulatedCloud): WorldMachine[] {
    return this.machines.values().filter((m) => m.cloud === cloud && this.state(m) !== 'gone');
  }

  update(cloud: SimulatedCloud, id: string, change: Partial<WorldMachine>): WorldMachine | undefined {
    const machine = this.machine(cloud, id);
    if (machine === undefined) return undefined;
    const changed = { ...machine, ...change };
    this.#put(changed);
    return changed;
  }

  /** Begins a deletion, by API or behind everyone's back; the machine is gone `seconds` (unscaled) later. */
  terminate(cloud: SimulatedCloud, id: string, seconds: number): WorldMachine | undefined {
    const machine = this.machine(cloud, id);
    if (machine === undefined || machine.stoppingAt !== undefined) return machine;
    const now = this.now();
    return this.update(cloud, id, { stoppingAt: now, goneAt: now + this.scaled(seconds) });
  }

  stop(cloud: SimulatedCloud, id: string): WorldMachine | undefined {
    return this.update(cloud, id, { stoppedAt: this.now() });
  }

  /** A spot notice: the machine dies `seconds` (unscaled) later. */
  interrupt(
    cloud: SimulatedCloud,
    id: string,
    kind: 'terminate' | 'rebalance',
    seconds = 120,
  ): WorldMachine | undefined {
    const noticeAt = this.now();
    const at = noticeAt + this.scaled(seconds);
    const machine = this.update(cloud, id, { interruption: { kind, noticeAt, at } });
    if (machine !== undefined && kind === 'terminate')
      this.#later(this.scaled(seconds), () => this.terminate(cloud, id, 0));
    if (machine !== undefined) for (const listener of this.#noticeListeners) listener(machine);
    return machine;
  }

  addFault(fault: Fault): void {
    this.#faults.set(fault.id, fault);
  }

  clearFaults(): void {
    for (const [id] of this.#faults.entries()) this.#faults.delete(id);
  }

  faults(): Fault[] {
    return this.#faults.values();
  }

  /** The first fault that strikes this request, used up by one. `effects` limits which kinds the caller carries out. */
  takeFault(
    cloud: SimulatedCloud,
    operation: GenericOperation,
    options: { effects: readonly FaultEffect[]; instanceType?: string },
  ): Fault | undefined {
    const fault = this.#faults.values().find((f) => {
      const matches =
        f.cloud === cloud &&
        (f.operation === operation || (f.operation === '*' && !ofThePlatform.has(operation))) &&
        options.effects.includes(f.effect) &&
        (f.instanceType === undefined || f.instanceType === options.instanceType);
      if (!matches || f.skip === undefined || f.skip === 0) return matches;
      this.#faults.set(f.id, { ...f, skip: f.skip - 1 });
      return false;
    });
    if (fault === undefined) return undefined;
    if (fault.times > 1) this.#faults.set(fault.id, { ...fault, times: fault.times - 1 });
    else this.#faults.delete(fault.id);
    return fault;
  }

  /** Why a machine of this type cannot be had now, if it cannot: asked by the simulators on every create. */
  refusal(
    cloud: SimulatedCloud,
    instanceType: string,
    vcpus: number,
  ): 'no-capacity' | 'no-capacity-later' | 'quota' | undefined {
    const fault = this.takeFault(cloud, 'createMachine', {
      effects: ['no-capacity', 'no-capacity-later', 'quota'],
      instanceType,
    });
    if (fault !== undefined) return fault.effect as 'no-capacity' | 'no-capacity-later' | 'quota';
    if (this.settings.soldOut[cloud]?.includes(instanceType) === true) return 'no-capacity';
    const quota = this.settings.vcpuQuota[cloud];
    const used = this.living(cloud).reduce((sum, m) => sum + m.vcpus, 0);
    return quota !== undefined && used + vcpus > quota ? 'quota' : undefined;
  }

  /** Each simulator says once how its resources other than machines are listed. */
  lists(lister: () => readonly ResourceRow[]): void {
    this.#listers.push(lister);
  }

  resources(): ResourceRow[] {
    return this.#listers.flatMap((lister) => [...lister()]);
  }

  /**
   * Each simulator says once how a machine without any tags gets into one of its networks: it makes in its own
   * collections whatever its API shows of a machine (subnet, interface, disk), launches it and answers with it;
   * `undefined` when there is no such network.
   */
  placesStrangers(
    cloud: SimulatedCloud,
    place: (request: StrangerRequest) => WorldMachine | undefined,
  ): void {
    this.#strangerPlaces.set(cloud, place);
  }

  placeStranger(request: StrangerRequest): WorldMachine | undefined {
    return this.#strangerPlaces.get(request.cloud)?.(request);
  }

  /** Each simulator says once what damage its cloud can take, and how it is done; said again, the kinds are added. */
  suffers(cloud: SimulatedCloud, damages: Partial<Record<DamageKind, Damage>>): void {
    this.#damages.set(cloud, { ...this.#damages.get(cloud), ...damages });
  }

  damagesOf(cloud: SimulatedCloud): Partial<Record<DamageKind, Damage>> {
    return this.#damages.get(cloud) ?? {};
  }

  /** Each simulator says once which load balancers it has. */
  balances(list: () => readonly Front[]): void {
    this.#fronts.push(list);
  }

  fronts(): Front[] {
    return this.#fronts.flatMap((list) => [...list()]);
  }

  /** Counts a call that reached a cloud, so that a test can say "this changed nothing". */
  countCall(cloud: SimulatedCloud, operation: GenericOperation): void {
    const key = `${cloud}/${operation}`;
    this.#calls.set(key, (this.#calls.get(key) ?? 0) + 1);
  }

  /** `{ 'aws/createMachine': 3 }`, since this process began. */
  calls(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#calls);
  }

  /** The number of entries a page may have: what was asked for, within the API's limit and the world's. */
  pageSize(asked: number, apiMax: number): number {
    return Math.max(1, Math.min(asked, apiMax, this.settings.pageSizeMax ?? apiMax));
  }

  /** Called when a machine's operating system is up; after a restart of the world, again for each that was up. */
  onBoot(listener: (machine: WorldMachine) => void): void {
    this.#bootListeners.push(listener);
  }

  /** Called when a cloud says that it will take a machine back, or may. */
  onNotice(listener: (machine: WorldMachine) => void): void {
    this.#noticeListeners.push(listener);
  }

  /** After a restart: machines go on booting, booted ones come up again, announced deaths still come. */
  resume(): void {
    const now = this.now();
    for (const machine of this.machines.values()) {
      if (this.state(machine) === 'gone') continue;
      this.#bootLater(machine);
      const { interruption } = machine;
      if (interruption?.kind === 'terminate')
        this.#later(Math.max(0, interruption.at - now), () => this.terminate(machine.cloud, machine.id, 0));
    }
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#disk.close();
  }

  #put(machine: WorldMachine): void {
    this.machines.set(`${machine.cloud}/${machine.id}`, machine);
  }

  #bootLater(machine: WorldMachine): void {
    this.#later(Math.max(0, machine.bootedAt - this.now()), () => {
      const current = this.machine(machine.cloud, machine.id);
      if (current === undefined || this.state(current) !== 'running') return;
      for (const listener of this.#bootListeners) listener(current);
    });
  }

  #later(milliseconds: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      action();
    }, milliseconds);
    this.#timers.add(timer);
  }
}
