import { randomUUID } from 'node:crypto';
import type { Collection } from '../../disk.ts';
import type { World } from '../world.ts';
import { ArmError, groupType } from './arm.ts';

/** Plain JSON; bodies.ts says what is in it once shapes.ts has checked it. */
export type Json = Readonly<Record<string, unknown>>;

/** One ARM resource. Its state follows from its times, so that nothing has to happen on time. Epoch milliseconds. */
export interface Resource {
  readonly id: string;
  readonly subscription: string;
  readonly group: string;
  readonly type: string;
  readonly name: string;
  readonly location: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly zones?: readonly string[];
  readonly sku?: Json;
  readonly managedBy?: string;
  readonly properties: Json;
  readonly version: number;
  readonly createdAt: number;
  /** When the running change ends, well or not. */
  readonly settlesAt: number;
  /** What the running, or last, change ends or ended with. */
  readonly failure?: { readonly code: string; readonly message: string };
  readonly goneAt?: number;
  readonly hiddenUntil?: number;
  /** Of a machine: its id in the world. */
  readonly worldId?: string;
}

/** A long-running operation, as its status endpoint tells it. */
export interface Operation {
  readonly id: string;
  readonly startedAt: number;
  readonly endsAt: number;
  readonly failure?: { readonly code: string; readonly message: string };
}

export type Draft = Omit<Resource, 'id' | 'version' | 'createdAt' | 'settlesAt'> & {
  readonly id?: string;
  /** Unscaled. */
  readonly seconds: number;
};

const operationsKeptMilliseconds = 3_600_000;

const key = (id: string): string => id.toLowerCase();

export const idOf = (of: { subscription: string; group: string; type: string; name: string }): string =>
  of.type === groupType
    ? `/subscriptions/${of.subscription}/resourceGroups/${of.name}`
    : `/subscriptions/${of.subscription}/resourceGroups/${of.group}/providers/${of.type}/${of.name}`;

/** Everything that stands in Azure, kept in memory and written through to the world's disk. */
export class Store {
  readonly world: World;
  readonly #resources = new Map<string, Resource>();
  readonly #disk: Collection<Resource>;
  readonly #operations: Collection<Operation>;

  constructor(world: World) {
    this.world = world;
    this.#disk = world.collection<Resource>('azure/resources');
    this.#operations = world.collection<Operation>('azure/operations');
    for (const resource of this.#disk.values()) this.#resources.set(key(resource.id), resource);
  }

  get(id: string): Resource | undefined {
    return this.#resources.get(key(id));
  }

  /** @throws ArmError `InvalidResourceReference`, as the providers say of an id in a body that leads nowhere. */
  referenced(id: string | undefined, by: string): Resource {
    const resource = id === undefined ? undefined : this.get(id);
    if (resource === undefined)
      throw new ArmError(
        400,
        'InvalidResourceReference',
        `Resource ${id ?? '(none)'} referenced by resource ${by} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
      );
    return resource;
  }

  all(filter: { type?: string; subscription?: string; group?: string } = {}): Resource[] {
    return [...this.#resources.values()]
      .filter(
        (r) =>
          (filter.type === undefined || r.type === filter.type) &&
          (filter.subscription === undefined || key(r.subscription) === key(filter.subscription)) &&
          (filter.group === undefined || key(r.group) === key(filter.group)),
      )
      .toSorted((a, b) => (key(a.id) < key(b.id) ? -1 : 1));
  }

  /** Creates, or changes what stands under this name. */
  put(draft: Draft): Resource {
    const { seconds, ...rest } = draft;
    const before = this.get(draft.id ?? idOf(draft));
    const now = this.world.now();
    return this.#write({
      ...rest,
      id: before?.id ?? draft.id ?? idOf(draft),
      version: (before?.version ?? 0) + 1,
      createdAt: before?.createdAt ?? now,
      settlesAt: now + this.world.scaled(seconds),
    });
  }

  change(resource: Resource, change: Partial<Resource>): Resource {
    return this.#write({ ...(this.get(resource.id) ?? resource), ...change, version: resource.version + 1 });
  }

  remove(id: string): void {
    this.#resources.delete(key(id));
    this.#disk.delete(key(id));
  }

  begin(operation: Omit<Operation, 'id' | 'startedAt'>): Operation {
    const now = this.world.now();
    for (const [id, old] of this.#operations.entries())
      if (now - old.endsAt > operationsKeptMilliseconds) this.#operations.delete(id);
    const begun = { ...operation, id: randomUUID(), startedAt: now };
    this.#operations.set(begun.id, begun);
    return begun;
  }

  operation(id: string): Operation | undefined {
    return this.#operations.get(id);
  }

  isSettled(resource: Resource): boolean {
    return this.world.now() >= resource.settlesAt;
  }

  isHidden(resource: Resource): boolean {
    return resource.hiddenUntil !== undefined && this.world.now() < resource.hiddenUntil;
  }

  #write(resource: Resource): Resource {
    this.#resources.set(key(resource.id), resource);
    this.#disk.set(key(resource.id), resource);
    return resource;
  }
}

export function provisioningState(store: Store, resource: Resource): string {
  if (resource.goneAt !== undefined) return 'Deleting';
  if (!store.isSettled(resource))
    return resource.version === 1 && resource.type.startsWith('Microsoft.Compute') ? 'Creating' : 'Updating';
  return resource.failure === undefined ? 'Succeeded' : 'Failed';
}

/** @throws ArmError as the network provider does while what is referred to is still changing. */
export function mustBeProvisioned(store: Store, resource: Resource, by: string): void {
  if (store.isSettled(resource) && resource.goneAt === undefined) return;
  throw new ArmError(
    429,
    'ReferencedResourceNotProvisioned',
    `Cannot proceed with operation because resource ${resource.id} used by resource ${by} is not in Succeeded state. Resource is in Updating state.`,
  );
}
