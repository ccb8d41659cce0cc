import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createApiClient } from '../../cli/api-client.ts';
import { formatTable } from '../../cli/table.ts';

/** Clears the screen, sets the title, rings; then the one-byte form of an escape. */
const hostile = '\u001B[2J\u001B]0;owned\u0007\u009B31mred';
let server: Server;
let url: string;
beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url?.includes('refused') === true) {
      response.writeHead(409);
      response.end(JSON.stringify({ detail: `no: ${hostile}` }));
    } else response.end(JSON.stringify({ items: [{ message: `node 1 failed: ${hostile}\nlog` }] }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

it('what a machine or a cloud says moves nobody’s terminal', async () => {
  const api = createApiClient({ url, apiKey: 'oc_test' });
  const { items } = await api.listEvents('one');
  expect(items[0]?.message).toBe('node 1 failed: [2J]0;owned31mred\nlog');
  await expect(api.listEvents('refused')).rejects.toThrow('no: [2J]0;owned31mred');
});

it('a line break in a value is no new row of a table', () => {
  const table = formatTable([{ title: 'WHAT', value: (text: string) => text }], ['failed\n2   ready']);
  expect(table.split('\n')).toHaveLength(2);
});
