import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startClusterProxy, type ClusterProxy } from './proxy.ts';

let proxy: ClusterProxy;
beforeAll(async () => {
  proxy = await startClusterProxy({
    port: 0,
    lead: (address) => (address === '203.0.113.7' ? (socket) => void socket.pipe(socket) : undefined),
  });
});
afterAll(() => proxy.close());

const ask = async (method: string, path: string): Promise<{ answer: IncomingMessage; socket: Socket }> => {
  const { hostname, port } = new URL(proxy.url);
  const sent = request({ hostname, port, method, path }).end();
  const [answer, socket] = (await Promise.race([once(sent, 'connect'), once(sent, 'response')])) as [
    IncomingMessage,
    Socket | undefined,
  ];
  return { answer, socket: socket ?? answer.socket };
};

it('leads to the machine with that public address', async () => {
  const { answer, socket } = await ask('CONNECT', '203.0.113.7:6443');
  expect(answer.statusCode).toBe(200);
  socket.write('hello');
  const [echo] = (await once(socket, 'data')) as [Buffer];
  expect(echo.toString()).toBe('hello');
  socket.destroy();
});

it.each([
  ['CONNECT', '203.0.113.8:6443', 502, 'no machine with an API server is up at 203.0.113.8'],
  ['CONNECT', '203.0.113.7:22', 403, 'this proxy leads to API servers alone, port 6443'],
  ['CONNECT', '127.0.0.1:80', 403, 'this proxy leads to API servers alone, port 6443'],
  ['CONNECT', 'example.com:6443', 400, 'CONNECT takes an IPv4 address and a port'],
  ['GET', '/', 405, 'Method Not Allowed'],
])('%s %s is %i', async (method, path, status, message) => {
  const { answer, socket } = await ask(method, path);
  expect([answer.statusCode, answer.statusMessage]).toEqual([status, message]);
  socket.destroy();
});

it('lets go of everybody when it closes', async () => {
  const brief = await startClusterProxy({ port: 0, lead: () => () => {} });
  const socket = connect(Number(new URL(brief.url).port), '127.0.0.1');
  await once(socket, 'connect');
  await brief.close();
  if (!socket.closed) await once(socket, 'close');
});
