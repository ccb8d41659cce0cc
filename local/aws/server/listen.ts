import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { objectionTo } from '../../loopback.ts';
import type { WireRequest, WireResponse } from '../wire.ts';

const bodyBytesMax = 16 * 1024 * 1024;

/** Takes loopback connections only, and none that a web page caused. Until `serve` is called, every request is answered with 503. */
export interface Listener {
  readonly url: string;
  /** `cut`: the connection is broken off without an answer. */
  serve(handle: (request: WireRequest) => Promise<WireResponse | 'cut'>): void;
  close(): Promise<void>;
}

/** @throws with a plain sentence when the port is taken */
export async function listen(port: number, log: (source: string, line: string) => void): Promise<Listener> {
  let handle: ((request: WireRequest) => Promise<WireResponse | 'cut'>) | undefined;

  const respond = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const objection = objectionTo(incoming.headers);
    const body = await readBody(incoming);
    const response =
      objection !== undefined
        ? plain(403, objection)
        : body === 'too large'
          ? plain(413, 'the request is too large')
          : handle === undefined
            ? plain(503, 'the local AWS is starting')
            : await handle(wireRequest(incoming, body));
    if (response === 'cut') incoming.socket.destroy();
    if (response === 'cut' || outgoing.destroyed) return;
    outgoing.writeHead(response.status, mutable(response.headers));
    outgoing.end(response.body);
  };

  const server = createServer({ keepAliveTimeout: 60_000 }, (incoming, outgoing) => {
    respond(incoming, outgoing).catch((error: unknown) => {
      // A bug of the local AWS must be seen, not look like AWS's bad day.
      log('local-aws', `BUG ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      if (!outgoing.headersSent) outgoing.writeHead(500, { 'content-type': 'text/plain' });
      outgoing.end('the local AWS has a bug; see its log');
    });
  });
  await bind(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    serve: (handler) => {
      handle = handler;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const bind = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${port} on this machine is taken; is the local platform running already?`)
          : error,
      );
    });
    server.listen(port, '127.0.0.1', resolve);
  });

const plain = (status: number, body: string): WireResponse => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body,
});

async function readBody(incoming: IncomingMessage): Promise<Buffer | 'too large'> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= bodyBytesMax) chunks.push(chunk);
  }
  return bytes > bodyBytesMax ? 'too large' : Buffer.concat(chunks);
}

const wireRequest = (incoming: IncomingMessage, body: Buffer): WireRequest => ({
  method: incoming.method ?? 'GET',
  url: incoming.url ?? '/',
  headers: Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
  body,
  sourceIp: (incoming.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, ''),
});

const mutable = (headers: WireResponse['headers']): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
