import { tableDefinition } from '../../../shared/store/index.ts';
import type { Key } from '../../../shared/store/keys.ts';
import type { Attributes, Change, Condition, QueryOptions, Table } from '../../../shared/store/table.ts';
import { holds as conditionHolds, type Item } from './expression.ts';

/** What a write did, for whoever watches over the table. */
export interface Written {
  readonly key: Key;
  readonly before: Item | undefined;
  readonly after: Item | undefined;
}

/**
 * The table without a wire: the same contract as DynamoDB's, evaluated at once. Items are copied and frozen on their way
 * in, so nobody changes what is stored but by a write.
 */
export class MemoryTable {
  /** Moves with each write to the partition that a decision may rest on: not what is only shown. */
  readonly revisions = new Map<string, number>();
  readonly #partitions = new Map<string, Partition>();
  readonly #indexes = new Map(
    tableDefinition.indexes.map((index) => [
      index.name as string,
      { index, parts: new Map<string, Set<Item>>() },
    ]),
  );
  readonly #onWrite: (written: Written) => void;
  readonly #onText: (text: string, where: Key) => void;

  /**
   * @param watch `text` sees every string that is stored.
   */
  constructor(watch: { write?: (written: Written) => void; text?: (text: string, where: Key) => void } = {}) {
    this.#onWrite = watch.write ?? (() => {});
    this.#onText = watch.text ?? (() => {});
  }

  read({ pk, sk }: Key): Item | undefined {
    return this.#partitions.get(pk)?.items.get(sk);
  }

  /** Everything of a partition whose sort key begins so, in the order of the sort keys, expired or not. */
  partition(pk: string, prefix = ''): readonly Item[] {
    const partition = this.#partitions.get(pk);
    if (partition === undefined) return [];
    const { items, order } = partition;
    const found: Item[] = [];
    for (let at = placeOf(order, prefix); at < order.length; at += 1) {
      const sk = order[at] ?? '';
      if (!sk.startsWith(prefix)) break;
      found.push(items.get(sk) as Item);
    }
    return found;
  }

  write(key: Key, attributes: Attributes | undefined): Item | undefined {
    const before = this.read(key);
    let after: Item | undefined;
    if (attributes !== undefined) {
      after = itemOf(key, attributes, before, (text) => this.#onText(text, key));
      let partition = this.#partitions.get(key.pk);
      if (partition === undefined)
        this.#partitions.set(key.pk, (partition = { items: new Map(), order: [] }));
      if (before === undefined) partition.order.splice(placeOf(partition.order, key.sk), 0, key.sk);
      partition.items.set(key.sk, after);
    } else if (before !== undefined) {
      const partition = this.#partitions.get(key.pk);
      partition?.items.delete(key.sk);
      partition?.order.splice(placeOf(partition.order, key.sk), 1);
    }
    if (before !== undefined) this.#unindex(before);
    if (after !== undefined) this.#index(after);
    if (!/^(?:EVENT|OBSERVED|FINDING)#/.test(key.sk))
      this.revisions.set(key.pk, (this.revisions.get(key.pk) ?? 0) + 1);
    this.#onWrite({ key, before, after });
    return after;
  }

  /** Undefined: no such index. */
  indexed(name: string, partition: unknown): readonly Item[] {
    const found = this.#indexes.get(name);
    if (found === undefined) throw new Error(`ValidationException: no index ${name}`);
    const sortKey = 'sortKey' in found.index ? found.index.sortKey : undefined;
    const items = [...(found.parts.get(String(partition)) ?? [])];
    return items.length < 2
      ? items
      : items.toSorted((a, b) =>
          sortKey === undefined ? 0 : String(a[sortKey]) < String(b[sortKey]) ? -1 : 1,
        );
  }

  #index(item: Item): void {
    for (const { index, parts } of this.#indexes.values()) {
      const value = item[index.partitionKey];
      if (value === undefined || ('sortKey' in index && item[index.sortKey] === undefined)) continue;
      if (typeof value !== 'string' || value === '')
        throw new Error(`ValidationException: ${index.partitionKey} is no key of an index`);
      const part = parts.get(value);
      if (part === undefined) parts.set(value, new Set([item]));
      else part.add(item);
    }
  }

  #unindex(item: Item): void {
    for (const { index, parts } of this.#indexes.values())
      parts.get(String(item[index.partitionKey]))?.delete(item);
  }
}

interface Partition {
  readonly items: Map<string, Item>;
  /** The sort keys, in order. */
  readonly order: string[];
}

/** Where in the order this key stands, or would. */
function placeOf(order: readonly string[], key: string): number {
  let [low, high] = [0, order.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((order[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What stood there before is frozen and was looked at already: it is not copied again. */
function itemOf(
  { pk, sk }: Key,
  attributes: Attributes,
  before: Item | undefined,
  onText: (text: string) => void,
): Item {
  const item: Record<string, unknown> = {};
  for (const name in attributes) {
    const value = attributes[name];
    if (value !== undefined) item[name] = value === before?.[name] ? value : copy(value, onText);
  }
  item['pk'] = pk;
  item['sk'] = sk;
  return Object.freeze(item);
}

/** As marshalling leaves it: without what is undefined. @throws on what has no place in an item. */
function copy(value: unknown, onText: (text: string) => void): unknown {
  if (typeof value === 'string') {
    onText(value);
    return value;
  }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`ValidationException: ${value} is no number`);
    return value;
  }
  if (typeof value === 'boolean' || value === null) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return Object.freeze(value.filter(isGiven).map((part) => copy(part, onText)));
  if (typeof value !== 'object')
    throw new Error(`ValidationException: ${typeof value} has no place in an item`);
  const copied: Record<string, unknown> = {};
  for (const name in value) {
    const part = (value as Record<string, unknown>)[name];
    if (part !== undefined) copied[name] = copy(part, onText);
  }
  return Object.freeze(copied);
}

const isGiven = (value: unknown): boolean => value !== undefined;

/** One request to the table: done at once here, or with delays and faults around it. */
export type Request = <T>(name: string, key: string, act: () => T) => Promise<T>;

/** The store's view of a memory table. `request` says when, and whether, each request is carried out. */
export function tableOver(memory: MemoryTable, now: () => string, request: Request): Table {
  // By milliseconds: parsing the same instant for every item is most of the work otherwise.
  const live = (item: Item | undefined): Item | undefined => {
    const expiresAt = item?.['expiresAt'];
    return typeof expiresAt === 'number' && expiresAt <= Math.floor(Date.parse(now()) / 1000)
      ? undefined
      : item;
  };
  const holds = (key: Key, condition: Condition | undefined): boolean =>
    condition === undefined || conditionHolds(condition.when, memory.read(key), condition.values ?? {});
  const shown = (key: Key): string => `${key.pk} ${key.sk}`;

  const table: Table = {
    now,
    get: (key) => request('get', shown(key), () => live(memory.read(key))),
    getMany: (wanted) =>
      wanted.length === 0
        ? Promise.resolve([])
        : request('getMany', shown(wanted[0] as Key), () => wanted.map((key) => live(memory.read(key)))),
    put: (key, attributes, condition) =>
      request('put', shown(key), () => {
        if (!holds(key, condition)) return false;
        memory.write(key, attributes);
        return true;
      }),
    update: (key, change, condition, returning = 'new') =>
      request('update', shown(key), () => {
        if (!holds(key, condition)) return undefined;
        const before = memory.read(key);
        const after = memory.write(key, changed(before, change));
        return returning === 'new' ? after : before;
      }),
    remove: (key, condition) =>
      request('remove', shown(key), () => {
        if (!holds(key, condition)) return false;
        memory.write(key, undefined);
        return true;
      }),
    query: (where, read = {}) =>
      request('query', String(Object.values(where.values ?? {})[0]), () => {
        const found = select(memory, where, read).filter((item) => live(item) !== undefined);
        const items = read.limit === undefined ? found : found.slice(0, read.limit);
        const { project } = read;
        return project === undefined
          ? items
          : items.map((item) =>
              Object.fromEntries(project.filter((name) => name in item).map((name) => [name, item[name]])),
            );
      }),
    children: (pk, prefix) =>
      request('query', `${pk} ${prefix}*`, () =>
        memory.partition(pk, prefix).filter((item) => live(item) !== undefined),
      ),
  };
  return table;
}

function changed(before: Item | undefined, { set, setOnce, remove = [] }: Change): Attributes {
  for (const name of remove)
    if (set?.[name] !== undefined || setOnce?.[name] !== undefined)
      throw new Error(`ValidationException: ${name} is both set and removed`);
  const after: Record<string, unknown> = {};
  for (const name in before) if (!remove.includes(name)) after[name] = before[name];
  for (const name in set) if (set[name] !== undefined) after[name] = set[name];
  for (const name in setOnce)
    if (setOnce[name] !== undefined && before?.[name] === undefined) after[name] = setOnce[name];
  return after;
}

/** The partition's key is the condition's first value by the store's habit of writing it first; the whole is checked. */
function select(memory: MemoryTable, where: Condition, read: QueryOptions): readonly Item[] {
  const values = where.values ?? {};
  const [, name = ''] = /^#\w+ = :(\w+)/.exec(where.when) ?? [];
  const partition = values[name];
  if (typeof partition !== 'string') throw new Error(`ValidationException: ${where.when} names no partition`);
  const items =
    read.index === undefined ? memory.partition(partition) : memory.indexed(read.index, partition);
  return items.filter((item) => conditionHolds(where.when, item, values));
}
