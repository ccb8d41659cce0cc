import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { createStore } from '../store/index.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from './clock.ts';

/** The functions' store over their one table. */
export const createTable = (tableName: string, clock: Clock): Store =>
  createStore({ client: new DynamoDBClient({}), tableName, now: () => clock.now() });

export { decodeCursor, encodeCursor, InvalidCursor, shardCount, WorkloadTooLarge } from '../store/index.ts';
export type * from '../store/store.ts';
