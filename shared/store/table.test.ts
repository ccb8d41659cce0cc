import { DynamoDBClient, type BatchGetItemCommand } from '@aws-sdk/client-dynamodb';
import { describe, expect, it } from 'vitest';
import { openTable } from './table.ts';

type Keys = NonNullable<BatchGetItemCommand['input']['RequestItems']>[string]['Keys'];

/** A client whose batches answer at most so many keys each time, and how many batches it was asked for. */
function stingy(answeredPerBatch: number): { client: DynamoDBClient; asked: number[] } {
  const asked: number[] = [];
  const client = new DynamoDBClient({ region: 'us-east-1' });
  client.send = (async (command: BatchGetItemCommand) => {
    const keys: Keys = command.input.RequestItems?.['overcast']?.Keys ?? [];
    asked.push(keys.length);
    const left = keys.slice(answeredPerBatch);
    return {
      Responses: { overcast: keys.slice(0, answeredPerBatch) },
      UnprocessedKeys: left.length === 0 ? {} : { overcast: { Keys: left } },
    };
  }) as typeof client.send;
  return { client, asked };
}

const keys = ['a', 'b', 'c'].map((sk) => ({ pk: 'p', sk }));

describe('a batch', () => {
  it('asks again for what was left out', async () => {
    const { client, asked } = stingy(2);
    expect(await openTable({ client, tableName: 'overcast' }).getMany(keys)).toEqual(keys);
    expect(asked).toEqual([3, 1]);
  });

  it('gives up after six tries', async () => {
    const { client, asked } = stingy(0);
    await expect(openTable({ client, tableName: 'overcast' }).getMany(keys)).rejects.toThrow(
      '3 keys were not read in 6 tries',
    );
    expect(asked).toHaveLength(6);
  });
});

describe('a write', () => {
  it('throws on whatever is no refusal', async () => {
    const { client } = stingy(0);
    client.send = (async () => {
      throw new Error('the network is down');
    }) as typeof client.send;
    const table = openTable({ client, tableName: 'overcast' });
    await expect(table.put({ pk: 'p', sk: 's' }, {})).rejects.toThrow('the network is down');
  });
});
