import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { serveSimulator, type Simulator } from '../../../local/clouds/server.ts';
import { World } from '../../../local/clouds/world.ts';
import type { Cloud, MachineRequest, Progress } from '../../../shared/clouds/contract.ts';
import { isCloudError } from '../../../shared/clouds/errors.ts';
import type { CloudName, Owner } from '../../../shared/domain/cloud.ts';
import type { LoadBalancerSpec } from '../../../shared/domain/load-balancer.ts';
import { ranges, type Network, type NetworkSpec } from '../../../shared/domain/network.ts';
import { findRegion } from '../../../shared/domain/regions.ts';
import { wireSubjects, type WireSubject } from './subjects.ts';

/** How often one method is repeated at most. */
const repeatsMax = 60;
/** Unscaled seconds that pass between two calls of a method: longer than whatever a cloud takes for anything. */
const pauseSeconds = 900;
/** For one call of a driver that is dead anyway. */
export const deadCallMilliseconds = 30_000;

const anywhere = { kind: 'anywhere' } as const;
const firewall: NetworkSpec['firewall'] = {
  'control-plane': [
    { protocol: 'tcp', fromPort: 6443, toPort: 6443, source: anywhere, purpose: 'Kubernetes API' },
    { protocol: 'udp', fromPort: 51820, toPort: 51820, source: anywhere, purpose: 'WireGuard' },
  ],
  worker: [
    { protocol: 'udp', fromPort: 51820, toPort: 51820, source: anywhere, purpose: 'WireGuard' },
    { protocol: 'tcp', fromPort: 30000, toPort: 32767, source: anywhere, purpose: 'NodePorts' },
    { protocol: 'udp', fromPort: 4789, toPort: 4789, source: { kind: 'network' }, purpose: 'pods' },
  ],
};

const subnetOf = (network: string) => ({ network, subnet: network.replace(/\.0\.0\/16$/, '.1.0/24') });
const candidates: Record<CloudName, NetworkSpec['candidates']> = {
  aws: [subnetOf(ranges.aws)],
  gcp: [subnetOf(ranges.gcp)],
  azure: [subnetOf(ranges.azure)],
  digitalocean: Array.from({ length: 50 }, (_, index) => ({
    network: `10.${100 + index}.0.0/20`,
    subnet: `10.${100 + index}.0.0/20`,
  })),
};

/**
 * A world whose time stands still while a driver is called, and jumps between two calls: so every run makes the same
 * requests, however busy this machine is, and the k-th of one is the k-th of another.
 */
class SteppedWorld extends World {
  #now = Date.now();

  constructor() {
    // For its latencies, which would only keep real time waiting.
    super({ timeScale: 1000 });
  }

  override now(): number {
    return this.#now;
  }

  pass(seconds: number): void {
    this.#now += this.scaled(seconds);
  }
}

/** A driver as one invocation of a function has it: with connections of its own, which end with it. */
export interface Invocation {
  readonly cloud: Cloud;
  /** Its process is gone: whatever it still tries reaches nobody. */
  end(): Promise<void>;
}

/** One account of one cloud, on the wire, with others in it. */
export class Account {
  readonly cloud: CloudName;
  readonly world = new SteppedWorld();
  /** Requests that arrived since the count began, as `POST /v2/droplets` or EC2's `RunInstances`. */
  requests: string[] = [];
  readonly #subject: WireSubject;
  readonly #simulator: Simulator;
  /** One that lives on, and that nothing is done to: it prepares, looks and tidies up. Clients are slow to make. */
  #steady: Invocation | undefined;
  #strangers: readonly string[] = [];

  readonly #through: (driver: Cloud) => Cloud;

  private constructor(cloud: CloudName, through: (driver: Cloud) => Cloud) {
    this.cloud = cloud;
    this.#through = through;
    this.#subject = wireSubjects[cloud];
    const simulator = this.#subject.simulator(this.world);
    this.#simulator = {
      cloud: simulator.cloud,
      classify: (request) => {
        const action = new URLSearchParams(request.body).get('Action');
        this.requests.push(action ?? `${request.method} ${request.url.pathname}`);
        return simulator.classify(request);
      },
      handle: (request) => simulator.handle(request),
      refuse: (why, request, seconds) => simulator.refuse(why, request, seconds),
    };
  }

  /**
   * With another installation's cluster in it, which has a machine of its own and one without tags beside it.
   *
   * @param through a driver that is worse than the real one: what does a cut find then?
   */
  static async open(cloud: CloudName, through: (driver: Cloud) => Cloud): Promise<Account> {
    const account = new Account(cloud, through);
    const theirs = { installation: 'another', clusterId: randomUUID() };
    const steady = await account.steady();
    const network = await account.repeated(() => steady.ensureNetwork(account.specOf(theirs)));
    const request = account.requestFor(theirs, network);
    await account.repeated(() => steady.createMachine(request));
    const networkId = account.#subject.networkIdOf(network);
    const stranger = account.world.placeStranger({ cloud, networkId, name: 'a-stranger' });
    if (stranger === undefined) throw new Error(`${cloud}: no place for a stranger`);
    account.world.pass(pauseSeconds);
    account.#strangers = account.#rows();
    return account;
  }

  async close(): Promise<void> {
    await this.#steady?.end();
    this.world.close();
  }

  async steady(): Promise<Cloud> {
    this.#steady ??= await this.invoke();
    return this.#steady.cloud;
  }

  async invoke(): Promise<Invocation> {
    const served = await serveSimulator(this.world, this.#simulator);
    const driver = this.#subject.driver(served.url, () => this.world.now());
    return { cloud: this.#through(driver), end: () => served.close() };
  }

  /** Repeats a call until it says done, as a state machine would; a cloud that did not answer is asked again. */
  async repeated<T>(call: () => Promise<Progress<T>>): Promise<T> {
    let waitingFor = 'a first answer';
    for (let repeats = 0; repeats < repeatsMax; repeats += 1) {
      try {
        const progress = await call();
        if (progress.done) return progress.value;
        if (progress.blockedBy !== undefined && progress.blockedBy.length > 0)
          throw new Error(`blocked by ${JSON.stringify(progress.blockedBy)}`);
        ({ waitingFor } = progress);
      } catch (error) {
        if (!isCloudError(error, 'CloudUnavailable')) throw error;
        waitingFor = error.message;
      }
      this.world.pass(pauseSeconds);
    }
    throw new Error(`still waiting for ${waitingFor}`);
  }

  specOf(owner: Owner): NetworkSpec {
    const { cloud } = this;
    return {
      owner,
      clusterName: 'crashes',
      location: this.location,
      candidates: candidates[cloud],
      firewall,
    };
  }

  balancerSpecOf(owner: Owner, network: Network): LoadBalancerSpec {
    return {
      owner,
      clusterName: 'crashes',
      location: this.location,
      network,
      listeners: [80, 443].map((port) => ({ port, targetPort: port })),
      healthCheck: {
        port: 8081,
        path: '/nginx-ready',
        intervalSeconds: 10,
        timeoutSeconds: 5,
        unhealthyAfter: 2,
        healthyAfter: 2,
      },
      members: [],
    };
  }

  get location() {
    const location = findRegion('us-east')?.locations[this.cloud];
    if (location === undefined) throw new Error(`us-east has no place in ${this.cloud}`);
    return location;
  }

  requestFor(owner: Owner, network: Network): MachineRequest {
    return {
      owner,
      nodeId: randomUUID(),
      token: randomUUID(),
      name: `crashes-${owner.clusterId.slice(0, 8)}-1`,
      role: 'control-plane',
      offering: {
        cloud: this.cloud,
        ...this.location,
        instanceType: this.#subject.instanceType,
        architecture: 'amd64',
        lifecycle: 'on-demand',
        vcpus: 4,
        memoryGib: 8,
        usdPerHour: 0.1,
      },
      network,
      diskGib: 50,
      userData: '#cloud-config\nhostname: crashes\n',
    };
  }

  /** Everything that is not the strangers'; ids and names that differ from run to run are made alike. */
  holdings(owner: Owner, names: readonly string[]): readonly string[] {
    const theirs = new Set(this.#strangers);
    const alike = (text: string): string =>
      [...names, owner.clusterId, owner.clusterId.slice(0, 8)]
        .reduce((each, name, index) => (name === '' ? each : each.replaceAll(name, `<${index}>`)), text)
        .replaceAll(/[0-9a-f]{7,}/g, '<hex>');
    return this.#rows()
      .filter((row) => !theirs.has(row))
      .map((row) => {
        const { kind, name, id, state, tags } = JSON.parse(row) as Record<string, string> & {
          tags: string[];
        };
        const shown = name === id ? '' : (name ?? '');
        return alike(`${kind ?? ''} ${shown} ${state ?? ''} [${tags.toSorted().join(', ')}]`);
      })
      .toSorted();
  }

  /** Strangers that are not as they were. */
  touched(): readonly string[] {
    const rows = new Set(this.#rows());
    return this.#strangers.filter((row) => !rows.has(row));
  }

  #rows(): string[] {
    return this.world
      .resources()
      .filter(({ state }) => !['gone', 'terminated', 'deleted'].includes(state))
      .map((row) => JSON.stringify(row));
  }
}

/** The promise's value, or undefined when that takes too long. */
export async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  const timer = new AbortController();
  const tooLate = pause(milliseconds, undefined, { signal: timer.signal }).catch(() => undefined);
  try {
    return await Promise.race([promise, tooLate]);
  } finally {
    timer.abort();
  }
}
