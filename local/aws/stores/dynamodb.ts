import dynalite from 'dynalite';
import { EventEmitter, once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { arnOf, region } from '../addresses.ts';
import type { Permission } from '../iam/policy.ts';
import type { Resource, Stack } from '../template/stack.ts';
import { AwsError, isJson, text, type Json, type WireRequest, type WireResponse } from '../wire.ts';

/** DynamoDB, by dynalite, in this process and without a port of its own. */
export interface Tables {
  forward(request: Pick<WireRequest, 'headers' | 'body'>): Promise<WireResponse>;
  close(): Promise<void>;
}

const tableActiveSecondsMax = 10;

export async function openTables(stack: Stack, folder: string | undefined): Promise<Tables> {
  if (folder !== undefined) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const server = dynalite({
    createTableMs: 0,
    deleteTableMs: 0,
    updateTableMs: 0,
    ...(folder === undefined ? {} : { path: join(folder, 'dynamodb') }),
  });

  let closed = false;
  /** dynalite throws into nowhere, too, when its database closes under a request that it has begun. */
  const underWay = new Set<Promise<WireResponse>>();

  /** dynalite is an HTTP server; it is handed requests that never were on a socket. */
  const forward: Tables['forward'] = (request) => {
    // dynalite throws into nowhere when it is asked after its database has closed.
    if (closed) throw new AwsError('ServiceUnavailable', 'the local AWS is stopping', 503);
    const answered = new Promise<WireResponse>((resolve) => {
      const incoming = Object.assign(new EventEmitter(), {
        method: 'POST',
        url: '/',
        headers: request.headers,
      });
      const headers: Record<string, string> = {};
      const outgoing = {
        statusCode: 200,
        setHeader: (name: string, value: unknown) => {
          headers[name.toLowerCase()] = String(value);
        },
        end: (body = '') => {
          delete headers['content-length'];
          resolve({ status: outgoing.statusCode, headers, body });
        },
      };
      server.emit('request', incoming, outgoing);
      incoming.emit('data', request.body);
      incoming.emit('end');
    });
    underWay.add(answered);
    return answered.finally(() => underWay.delete(answered));
  };

  const call = async (action: string, body: Json): Promise<{ status: number; answer: Json }> => {
    const response = await forward({
      headers: {
        'content-type': 'application/x-amz-json-1.0',
        'x-amz-target': `DynamoDB_20120810.${action}`,
        'x-amz-date': '20250101T000000Z',
        authorization: `AWS4-HMAC-SHA256 Credential=local/20250101/${region}/dynamodb/aws4_request, SignedHeaders=host, Signature=0`,
      },
      body: Buffer.from(JSON.stringify(body)),
    });
    const answer: unknown = JSON.parse(String(response.body));
    return { status: response.status, answer: isJson(answer) ? answer : {} };
  };

  for (const table of stack.all('AWS::DynamoDB::Table')) await ensureTable(call, table);

  return {
    forward,
    close: async () => {
      closed = true;
      await Promise.all(underWay);
      // Without a listening socket dynalite's close would report an error before it closed the database.
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

async function ensureTable(
  call: (action: string, body: Json) => Promise<{ status: number; answer: Json }>,
  { logicalId, ref, properties }: Resource<'AWS::DynamoDB::Table'>,
): Promise<void> {
  const wanted: Json = {
    TableName: ref,
    AttributeDefinitions: properties.AttributeDefinitions,
    KeySchema: properties.KeySchema,
    BillingMode: properties.BillingMode,
    ...(properties.GlobalSecondaryIndexes === undefined
      ? {}
      : {
          GlobalSecondaryIndexes: properties.GlobalSecondaryIndexes.map(
            ({ IndexName, KeySchema, Projection }) => ({
              IndexName,
              KeySchema,
              Projection,
            }),
          ),
        }),
  };
  const describe = async (): Promise<Json | undefined> => {
    const { status, answer } = await call('DescribeTable', { TableName: ref });
    return status === 200 && isJson(answer['Table']) ? answer['Table'] : undefined;
  };
  const existing = await describe();
  if (existing !== undefined) {
    if (keysOf(existing) !== keysOf(wanted))
      throw new Error(
        `${logicalId} (AWS::DynamoDB::Table): the table on disk has other keys or indexes than the template; ` +
          'move the state folder away to begin anew',
      );
    return;
  }
  const { status, answer } = await call('CreateTable', wanted);
  if (status !== 200)
    throw new Error(`${logicalId} (AWS::DynamoDB::Table): ${String(answer['message'] ?? answer['__type'])}`);
  const deadline = Date.now() + tableActiveSecondsMax * 1000;
  while ((await describe())?.['TableStatus'] !== 'ACTIVE') {
    if (Date.now() > deadline)
      throw new Error(`${logicalId} (AWS::DynamoDB::Table): it does not become active`);
    await delay(5);
  }
}

/** Keys and indexes as comparable text, in whatever order they are listed. */
function keysOf(table: Json): string {
  const indexes = Array.isArray(table['GlobalSecondaryIndexes'])
    ? (table['GlobalSecondaryIndexes'] as Json[])
    : [];
  return JSON.stringify([
    table['KeySchema'],
    indexes.map(({ IndexName, KeySchema }) => JSON.stringify([IndexName, KeySchema])).sort(),
  ]);
}

/** What IAM must allow for a request. */
export function tablePermissions(
  action: string,
  body: Json,
  partitionKeyOf: (tableName: string) => string | undefined,
): Permission[] {
  const index = text(body, 'IndexName');
  const onTable = (name: unknown, context: Permission['context'] = {}): Permission => ({
    action: `dynamodb:${action}`,
    resources: [arnOf('dynamodb', `table/${String(name)}${index === undefined ? '' : `/index/${index}`}`)],
    context,
  });
  const requests = body['RequestItems'];
  if (isJson(requests)) return Object.keys(requests).map((name) => onTable(name));
  if (action === 'ListTables') return [{ action: 'dynamodb:ListTables', resources: ['*'] }];
  return [onTable(body['TableName'], leadingKeys(body, partitionKeyOf(String(body['TableName']))))];
}

/** The partition keys that a request touches, where they can be read from it. */
function leadingKeys(body: Json, partitionKey: string | undefined): Permission['context'] {
  const item = isJson(body['Key']) ? body['Key'] : isJson(body['Item']) ? body['Item'] : undefined;
  const leading = partitionKey === undefined ? undefined : item?.[partitionKey];
  const value = isJson(leading) ? leading['S'] : undefined;
  return typeof value === 'string' ? { 'dynamodb:LeadingKeys': [value] } : {};
}
