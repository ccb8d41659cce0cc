import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  QueryCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb';

const instantPattern = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const triesMax = 10;

interface Shift {
  readonly path: readonly string[];
  readonly from: string;
  readonly to: string;
}

/** Every time in an item, wherever it is, and what it is when so many seconds more have gone by. */
function* shiftsOf(value: unknown, seconds: number, path: readonly string[] = []): Generator<Shift> {
  if (typeof value === 'string' && instantPattern.test(value))
    yield { path, from: value, to: new Date(Date.parse(value) - seconds * 1000).toISOString() };
  else if (typeof value === 'object' && value !== null && !Array.isArray(value))
    for (const [name, inner] of Object.entries(value)) yield* shiftsOf(inner, seconds, [...path, name]);
}

/**
 * Makes everything that is known of a cluster this much older: for the platform, which compares stored times with its
 * clock, that is the same as having waited. Each item changes in one write that is refused when a function was quicker,
 * and is then read again. Machines, simulators and running waits notice nothing.
 */
export async function timePasses(
  table: { readonly url: string; readonly tableName: string },
  clusterId: string,
  seconds: number,
): Promise<void> {
  const client = new DynamoDBClient({
    endpoint: table.url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  const read = async (sortKeyPrefix = '') =>
    (
      await client.send(
        new QueryCommand({
          TableName: table.tableName,
          ConsistentRead: true,
          KeyConditionExpression: `pk = :pk${sortKeyPrefix === '' ? '' : ' AND begins_with(sk, :sk)'}`,
          ExpressionAttributeValues: marshall({
            ':pk': `C#${clusterId}`,
            ...(sortKeyPrefix === '' ? {} : { ':sk': sortKeyPrefix }),
          }),
        }),
      )
    ).Items?.map((item) => unmarshall(item)) ?? [];

  const age = async ({ pk, sk, ...attributes }: Record<string, unknown>, tries = 1): Promise<void> => {
    const shifts = [...shiftsOf(attributes, seconds)];
    if (shifts.length === 0) return;
    const names: Record<string, string> = {};
    const values: Record<string, string> = {};
    const sets: string[] = [];
    const conditions: string[] = [];
    for (const [index, { path, from, to }] of shifts.entries()) {
      const place = path
        .map((name, depth) => {
          names[`#n${index}_${depth}`] = name;
          return `#n${index}_${depth}`;
        })
        .join('.');
      values[`:f${index}`] = from;
      values[`:t${index}`] = to;
      sets.push(`${place} = :t${index}`);
      conditions.push(`${place} = :f${index}`);
    }
    try {
      await client.send(
        new UpdateItemCommand({
          TableName: table.tableName,
          Key: marshall({ pk, sk }),
          UpdateExpression: `SET ${sets.join(', ')}`,
          ConditionExpression: conditions.join(' AND '),
          ExpressionAttributeNames: names,
          ExpressionAttributeValues: marshall(values),
        }),
      );
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException) || tries >= triesMax) throw error;
      const [again] = await read(String(sk));
      if (again !== undefined) await age(again, tries + 1);
    }
  };
  try {
    // What happened stays where it happened, and what is sealed as it was; only what is compared with now grows old.
    await Promise.all(
      (await read())
        .filter(({ sk }) => sk !== 'PKI' && !String(sk).startsWith('EVENT#'))
        .map((item) => age(item)),
    );
  } finally {
    client.destroy();
  }
}
