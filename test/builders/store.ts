import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { CreateTableCommand, DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import dynalite from 'dynalite';
import type { Instant } from '../../shared/domain/ids.ts';
import { createStore, tableDefinition, type Store } from '../../shared/store/index.ts';

export interface TestStore {
  readonly store: Store;
  readonly client: DynamoDBClient;
  readonly tableName: string;
  /** Where DynamoDB listens: `http://127.0.0.1:4567`. */
  readonly endpoint: string;
  readonly close: () => Promise<void>;
}

const tableReadyMsMax = 5000;

/** A fresh, empty table in an emulator of its own on loopback, and the real store on it. */
export async function startTestStore(options: { now?: () => Instant } = {}): Promise<TestStore> {
  const server = dynalite({ createTableMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const endpoint = `http://127.0.0.1:${port}`;
  const tableName = 'overcast';
  const client = new DynamoDBClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  await createTable(client, tableName);
  return {
    store: createStore({ client, tableName, ...options }),
    client,
    tableName,
    endpoint,
    async close() {
      client.destroy();
      server.closeAllConnections();
      await new Promise<void>((resolve, reject) => {
        server.close((error) => {
          if (error === undefined || error === null) resolve();
          else reject(error);
        });
      });
    },
  };
}

/** Creates the table as `tableDefinition` says and waits until it answers. */
export async function createTable(client: DynamoDBClient, tableName: string): Promise<void> {
  const { partitionKey, sortKey, indexes } = tableDefinition;
  const attributes = new Set([
    partitionKey,
    sortKey,
    ...indexes.flatMap((index) => Object.values(keysOf(index))),
  ]);
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [...attributes].map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
      KeySchema: schema({ partitionKey, sortKey }),
      GlobalSecondaryIndexes: indexes.map((index) => ({
        IndexName: index.name,
        KeySchema: schema(keysOf(index)),
        Projection: { ProjectionType: 'ALL' },
      })),
    }),
  );
  const deadline = Date.now() + tableReadyMsMax;
  while (Date.now() < deadline) {
    const { Table } = await client.send(new DescribeTableCommand({ TableName: tableName }));
    if (Table?.TableStatus === 'ACTIVE') return;
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
  throw new Error(`table ${tableName} was not active after ${tableReadyMsMax} ms`);
}

const keysOf = (
  index: (typeof tableDefinition.indexes)[number],
): { partitionKey: string; sortKey?: string } => ({
  partitionKey: index.partitionKey,
  ...('sortKey' in index && { sortKey: index.sortKey }),
});

const schema = (index: { partitionKey: string; sortKey?: string }) => [
  { AttributeName: index.partitionKey, KeyType: 'HASH' as const },
  ...(index.sortKey === undefined ? [] : [{ AttributeName: index.sortKey, KeyType: 'RANGE' as const }]),
];
