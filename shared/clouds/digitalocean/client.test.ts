import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { createClient, Refused, type Client } from './client.ts';

let server: Server | undefined;
afterEach(async () => {
  await new Promise((resolve) => {
    server?.close(resolve);
  });
});

/** A client of an API that gives these answers, one after the other, the last for ever. */
async function answering(...answers: readonly { status?: number; body: unknown }[]): Promise<Client> {
  let asked = 0;
  server = createServer((_request, response) => {
    const { status = 200, body } = answers[Math.min(asked, answers.length - 1)] ?? { body: {} };
    asked += 1;
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => {
    server?.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return createClient({ token: 'test', endpoint: `http://127.0.0.1:${port}` });
}

const page = (rows: readonly number[], total: number, more: boolean) => ({
  body: {
    rows,
    links: more ? { pages: { next: 'http://elsewhere/' } } : {},
    meta: { total },
  },
});

describe('a list', () => {
  const list = (client: Client) => client.list('rows', 'rows', z.int());

  it('is read again when a row went while it was read, which hides another', async () => {
    // 1 goes after the first page, so 3 moves to it: the second page begins with 4.
    const client = await answering(
      page([1, 2], 4, true),
      page([4], 3, false),
      page([2, 3], 3, true),
      page([4], 3, false),
    );
    expect(await list(client)).toEqual([2, 3, 4]);
  });

  it('that never adds up ends with what was seen last', async () => {
    expect(await list(await answering(page([1], 2, false)))).toEqual([1]);
  });
});

describe('a 403', () => {
  it.each(['Can not delete VPC with members', 'Can not delete default VPCs'])(
    'about a state is for the caller: %s',
    async (message) => {
      const client = await answering({ status: 403, body: { id: 'forbidden', message } });
      await expect(client.remove('vpcs/one')).rejects.toBeInstanceOf(Refused);
    },
  );

  it('about rights is CredentialsRejected', async () => {
    const body = { id: 'forbidden', message: 'You are not authorized to perform this operation' };
    const client = await answering({ status: 403, body });
    await expect(client.remove('vpcs/one')).rejects.toMatchObject({ name: 'CredentialsRejected' });
  });
});
