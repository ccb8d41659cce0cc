import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  UpdateItemCommand,
  type AttributeValue,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';
import type { Instant } from '../domain/ids.ts';
import type { Key } from './keys.ts';

export type Attributes = Readonly<Record<string, unknown>>;

/**
 * A condition as DynamoDB writes it, with every attribute as `#name` and every value as `:name`. The names' table is
 * made from the text, so that no reserved word can slip in.
 */
export interface Condition {
  readonly when: string;
  readonly values?: Attributes;
}

export interface Change {
  /** Undefined values are left as they are. */
  readonly set?: Attributes;
  /** Set only where nothing is there yet. */
  readonly setOnce?: Attributes;
  readonly remove?: readonly string[];
}

/** How many times keys that a batch left out are asked for again, and how long the first pause is. */
const batchTriesMax = 6;
const batchPauseMsFirst = 25;
const batchKeysMax = 100;

/** Everything a query brings, at most; a cluster has a few hundred items of one kind. */
const queryPagesMax = 200;

/**
 * DynamoDB as the entities use it: plain objects in, plain objects out, and one conditional write at a time. No
 * transactions and no streams, so that nothing rests on what a small emulator does not have.
 */
export interface Table {
  /** Strongly consistent; an expired item is not there. */
  get(key: Key): Promise<Attributes | undefined>;
  /** In the order of the keys, undefined for what is not there; strongly consistent, at most 100 keys. */
  getMany(wanted: readonly Key[]): Promise<readonly (Attributes | undefined)[]>;
  /** Writes the whole item; false when the condition did not hold. */
  put(key: Key, attributes: Attributes, condition?: Condition): Promise<boolean>;
  /** Changes one item; returns it as it is then (or, on request, as it was), undefined when the condition did not hold. */
  update(
    key: Key,
    change: Change,
    condition: Condition,
    returning?: 'new' | 'old',
  ): Promise<Attributes | undefined>;
  /** False when the condition did not hold. Deleting what is not there is a success. */
  remove(key: Key, condition?: Condition): Promise<boolean>;
  /** Follows every page until the limit; expired items are left out. Through an index it is eventually consistent. */
  query(where: Condition, read?: QueryOptions): Promise<readonly Attributes[]>;
  /** Every item of a partition whose sort key begins with the prefix, in the order of the sort keys. */
  children(pk: string, prefix: string): Promise<readonly Attributes[]>;
  /** For items that expire. */
  now(): Instant;
}

export interface QueryOptions {
  readonly index?: string;
  readonly limit?: number;
  readonly project?: readonly string[];
}

export function openTable(options: {
  client: DynamoDBClient;
  tableName: string;
  /** The system's clock unless a test says otherwise. */
  now?: () => Instant;
}): Table {
  const { client, tableName: TableName } = options;
  const now = options.now ?? (() => new Date().toISOString());

  const isLive = (item: Attributes): boolean => {
    const expiresAt = item['expiresAt'];
    return typeof expiresAt !== 'number' || expiresAt > epochSeconds(now());
  };
  const live = (item: Record<string, AttributeValue> | undefined): Attributes | undefined => {
    if (item === undefined) return undefined;
    const attributes = unmarshall(item);
    return isLive(attributes) ? attributes : undefined;
  };

  return {
    async get(key: Key): Promise<Attributes | undefined> {
      const { Item } = await client.send(
        new GetItemCommand({ TableName, Key: toKey(key), ConsistentRead: true }),
      );
      return live(Item);
    },

    async getMany(wanted: readonly Key[]): Promise<readonly (Attributes | undefined)[]> {
      if (wanted.length === 0) return [];
      if (wanted.length > batchKeysMax) throw new Error(`at most ${batchKeysMax} keys in one batch`);
      const found = new Map<string, Attributes>();
      let request: Record<string, { Keys: Record<string, AttributeValue>[]; ConsistentRead: boolean }> = {
        [TableName]: { Keys: wanted.map(toKey), ConsistentRead: true },
      };
      for (let tries = 1; ; tries += 1) {
        const reply = await client.send(new BatchGetItemCommand({ RequestItems: request }));
        for (const item of reply.Responses?.[TableName] ?? []) {
          const attributes = live(item);
          if (attributes !== undefined) {
            found.set(`${String(attributes['pk'])}|${String(attributes['sk'])}`, attributes);
          }
        }
        const left = reply.UnprocessedKeys?.[TableName]?.Keys ?? [];
        if (left.length === 0) break;
        if (tries >= batchTriesMax) throw new Error(`${left.length} keys were not read in ${tries} tries`);
        await sleep(batchPauseMsFirst * 2 ** (tries - 1));
        request = { [TableName]: { Keys: left, ConsistentRead: true } };
      }
      return wanted.map(({ pk, sk }) => found.get(`${pk}|${sk}`));
    },

    async put(key: Key, attributes: Attributes, condition?: Condition): Promise<boolean> {
      return unlessRefused(async () => {
        await client.send(
          new PutItemCommand({
            TableName,
            Item: marshall({ ...attributes, ...key }, { removeUndefinedValues: true }),
            ...(condition && {
              ConditionExpression: condition.when,
              ...names(condition.when),
              ...values(condition.values),
            }),
          }),
        );
        return true;
      }, false);
    },

    async update(
      key: Key,
      change: Change,
      condition: Condition,
      returning: 'new' | 'old' = 'new',
    ): Promise<Attributes | undefined> {
      const set = Object.entries(change.set ?? {}).filter(([, value]) => value !== undefined);
      const once = Object.entries(change.setOnce ?? {}).filter(([, value]) => value !== undefined);
      const assignments = [
        ...set.map(([name]) => `#${name} = :set_${name}`),
        ...once.map(([name]) => `#${name} = if_not_exists(#${name}, :set_${name})`),
      ];
      const removals = (change.remove ?? []).map((name) => `#${name}`);
      const update = [
        assignments.length > 0 ? `SET ${assignments.join(', ')}` : '',
        removals.length > 0 ? `REMOVE ${removals.join(', ')}` : '',
      ]
        .filter((part) => part !== '')
        .join(' ');
      return unlessRefused(async () => {
        const { Attributes: item } = await client.send(
          new UpdateItemCommand({
            TableName,
            Key: toKey(key),
            ...(update !== '' && { UpdateExpression: update }),
            ConditionExpression: condition.when,
            ...names(`${update} ${condition.when}`),
            ...values({
              ...condition.values,
              ...Object.fromEntries([...set, ...once].map(([name, value]) => [`set_${name}`, value])),
            }),
            ReturnValues: returning === 'new' ? 'ALL_NEW' : 'ALL_OLD',
          }),
        );
        return item === undefined ? undefined : unmarshall(item);
      }, undefined);
    },

    async remove(key: Key, condition?: Condition): Promise<boolean> {
      return unlessRefused(async () => {
        await client.send(
          new DeleteItemCommand({
            TableName,
            Key: toKey(key),
            ...(condition && {
              ConditionExpression: condition.when,
              ...names(condition.when),
              ...values(condition.values),
            }),
          }),
        );
        return true;
      }, false);
    },

    async query(where: Condition, read: QueryOptions = {}): Promise<readonly Attributes[]> {
      const items: Attributes[] = [];
      const projection = read.project?.map((name) => `#${name}`).join(', ');
      let from: Record<string, AttributeValue> | undefined;
      for (let page = 0; page < queryPagesMax; page += 1) {
        const reply = await client.send(
          new QueryCommand({
            TableName,
            ...(read.index === undefined ? { ConsistentRead: true } : { IndexName: read.index }),
            KeyConditionExpression: where.when,
            ...(projection !== undefined && { ProjectionExpression: projection }),
            ...names(`${where.when} ${projection ?? ''}`),
            ...values(where.values),
            ...(read.limit !== undefined && { Limit: read.limit - items.length }),
            ...(from && { ExclusiveStartKey: from }),
          }),
        );
        for (const item of reply.Items ?? []) {
          const attributes = live(item);
          if (attributes !== undefined) items.push(attributes);
        }
        from = reply.LastEvaluatedKey;
        if (from === undefined || (read.limit !== undefined && items.length >= read.limit)) return items;
      }
      throw new Error(`a query did not end within ${queryPagesMax} pages`);
    },

    async children(pk: string, prefix: string): Promise<readonly Attributes[]> {
      return this.query({
        when: '#pk = :pk AND begins_with(#sk, :prefix)',
        values: { pk, prefix },
      });
    },

    now,
  };
}

export const epochSeconds = (instant: Instant): number => Math.floor(Date.parse(instant) / 1000);

const toKey = ({ pk, sk }: Key): Record<string, AttributeValue> => ({ pk: { S: pk }, sk: { S: sk } });

const names = (expression: string): { ExpressionAttributeNames?: Record<string, string> } => {
  const found = [...expression.matchAll(/#(\w+)/g)].map(([alias, name]) => [alias, name ?? ''] as const);
  return found.length === 0 ? {} : { ExpressionAttributeNames: Object.fromEntries(found) };
};

const values = (
  given: Attributes | undefined,
): { ExpressionAttributeValues?: Record<string, AttributeValue> } => {
  const entries = Object.entries(given ?? {});
  if (entries.length === 0) return {};
  return {
    ExpressionAttributeValues: marshall(
      Object.fromEntries(entries.map(([name, value]) => [`:${name}`, value])),
      { removeUndefinedValues: true },
    ),
  };
};

/** A condition that did not hold says that someone else was first; everything else is thrown on. */
async function unlessRefused<T>(write: () => Promise<T>, refused: T): Promise<T> {
  try {
    return await write();
  } catch (error) {
    if (error instanceof Error && error.name === 'ConditionalCheckFailedException') return refused;
    throw error;
  }
}

/** What the table adds to an entity: keys, index keys, ranks and expiry. */
const bookkeeping = new Set(['pk', 'sk', 'duePk', 'providerKey', 'phaseRank', 'expiresAt']);

/** The entity in an item. The table is written by this folder alone, so its shape is trusted. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- a cast that names what it casts to
export function entityOf<T>(item: Attributes): T {
  const entity: Record<string, unknown> = {};
  for (const name of Object.keys(item)) if (!bookkeeping.has(name)) entity[name] = item[name];
  return entity as T;
}
