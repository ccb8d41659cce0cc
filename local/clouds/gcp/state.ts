import type { Collection } from '../../disk.ts';
import { machineState, type World, type WorldMachine } from '../world.ts';
import { notFound, notReady } from './failure.ts';
import { fingerprint, hash, linkTo, singular, timestamp } from './links.ts';
import type { Json } from './schema.ts';

export const kinds = [
  'networks',
  'subnetworks',
  'firewalls',
  'routes',
  'disks',
  'instances',
  'addresses',
  'healthChecks',
  'instanceGroups',
  'backendServices',
  'forwardingRules',
] as const;
export type Kind = (typeof kinds)[number];

/** `global`, `regions/us-east4`, `zones/us-east4-a`. */
export type Scope = string;

export interface Stored {
  /** `projects/p/zones/z/instances/n`: its key, and the end of its selfLink. */
  readonly path: string;
  readonly project: string;
  readonly scope: Scope;
  readonly kind: Kind;
  readonly name: string;
  /** As it was sent, checked and completed; what changes with time is added when it is read. */
  readonly body: Json;
  readonly createdAt: number;
  /** From when on reads and lists show it. */
  readonly readyAt: number;
  readonly goneAt?: number;
  /** Paths of what it sits in or points to, and which therefore cannot go before it. */
  readonly uses: readonly string[];
  /** Made by the network itself, and gone with it: the default routes. */
  readonly automatic?: true;
  /** Instances: the world's machine. Absent while an insert that will fail is still running. */
  readonly worldId?: string;
  /** Disks: the instance that takes it along when it goes. */
  readonly goesWith?: string;
  /** Instance groups: which instances, by path and when they were made, are in it from when until when. */
  readonly members?: readonly {
    readonly path: string;
    readonly createdAt: number;
    readonly from: number;
    readonly until?: number;
  }[];
}

/** An instance's network tags, which firewalls aim at. */
export const tagItems = (body: Json): readonly string[] =>
  ((body['tags'] as Json | undefined)?.['items'] ?? []) as string[];

export class State {
  readonly world: World;
  readonly #resources: Collection<Stored>;

  constructor(world: World) {
    this.world = world;
    this.#resources = world.collection<Stored>('gcp/resources');
  }

  after(seconds: number): number {
    return this.world.now() + this.world.scaled(seconds);
  }

  put(stored: Stored): void {
    // What is gone makes room, so that a machine of the world never belongs to two records.
    for (const [key, old] of this.#resources.entries()) if (!this.#exists(old)) this.#resources.delete(key);
    this.#resources.set(stored.path, stored);
  }

  change(path: string, change: Partial<Stored>): Stored {
    const stored = { ...this.existing(path), ...change };
    this.#resources.set(path, stored);
    return stored;
  }

  /** Also what reads do not show yet. */
  find(path: string): Stored | undefined {
    const stored = this.#resources.get(path);
    return stored !== undefined && this.#exists(stored) ? stored : undefined;
  }

  existing(path: string): Stored {
    const stored = this.find(path);
    if (stored === undefined) throw notFound(path);
    return stored;
  }

  visible(path: string): Stored {
    const stored = this.existing(path);
    if (stored.readyAt > this.world.now()) throw notFound(path);
    return stored;
  }

  /** For whoever wants to put something into it. @throws Failure notFound, resourceNotReady */
  usable(path: string): Stored {
    const stored = this.existing(path);
    if (stored.readyAt > this.world.now() || stored.goneAt !== undefined) throw notReady(path);
    return stored;
  }

  all(kind?: Kind): Stored[] {
    return this.#resources
      .values()
      .filter((stored) => (kind === undefined || stored.kind === kind) && this.#exists(stored));
  }

  /** By name, as the real lists are. */
  list(kind: Kind, project: string, scope?: Scope): Stored[] {
    const now = this.world.now();
    return this.all(kind)
      .filter(
        (stored) =>
          stored.project === project &&
          stored.readyAt <= now &&
          (scope === undefined || stored.scope === scope),
      )
      .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  }

  /** What cannot do without this resource; what the network made for itself does not count. */
  users(path: string): Stored[] {
    return this.all().filter((stored) => stored.automatic === undefined && stored.uses.includes(path));
  }

  machine(stored: Stored): WorldMachine | undefined {
    return stored.worldId === undefined ? undefined : this.world.machine('gcp', stored.worldId);
  }

  view(stored: Stored): Json {
    const common = {
      kind: `compute#${singular(stored.kind)}`,
      id: hash(`${stored.path} ${stored.createdAt}`),
      creationTimestamp: timestamp(stored.createdAt),
      name: stored.name,
      ...stored.body,
      ...(stored.scope === 'global'
        ? {}
        : {
            [stored.scope.startsWith('zones/') ? 'zone' : 'region']: linkTo(
              `projects/${stored.project}/${stored.scope}`,
            ),
          }),
      selfLink: linkTo(stored.path),
    };
    switch (stored.kind) {
      case 'networks':
        return {
          ...common,
          subnetworks: this.users(stored.path)
            .filter((user) => user.kind === 'subnetworks')
            .map((user) => linkTo(user.path)),
        };
      case 'disks':
        return {
          ...common,
          labelFingerprint: fingerprint(stored.body['labels'] ?? {}),
          users: this.users(stored.path).map((user) => linkTo(user.path)),
        };
      case 'instances':
        return {
          ...common,
          labelFingerprint: fingerprint(stored.body['labels'] ?? {}),
          tags: {
            ...(tagItems(stored.body).length === 0 ? {} : { items: tagItems(stored.body) }),
            fingerprint: fingerprint(tagItems(stored.body)),
          },
          status: this.instanceStatus(stored),
        };
      case 'addresses': {
        const users = this.users(stored.path).map((user) => linkTo(user.path));
        return { ...common, status: users.length === 0 ? 'RESERVED' : 'IN_USE', users };
      }
      case 'backendServices':
        return { ...common, fingerprint: fingerprint(stored.body) };
      default:
        return common;
    }
  }

  instanceStatus(stored: Stored): string {
    const machine = this.machine(stored);
    if (machine === undefined) return 'PROVISIONING';
    const now = this.world.now();
    switch (machineState(machine, now)) {
      case 'pending':
        return now < (machine.createdAt + machine.runningAt) / 2 ? 'PROVISIONING' : 'STAGING';
      case 'running':
        return 'RUNNING';
      case 'stopping':
        return 'STOPPING';
      default:
        return 'TERMINATED';
    }
  }

  #exists(stored: Stored): boolean {
    if (stored.goneAt !== undefined && stored.goneAt <= this.world.now()) return false;
    if (stored.worldId !== undefined) {
      const machine = this.machine(stored);
      return machine !== undefined && this.world.state(machine) !== 'gone';
    }
    return stored.goesWith === undefined || this.find(stored.goesWith) !== undefined;
  }
}
