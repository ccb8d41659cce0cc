import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

/** Takes a connection in the place of the machine that it was meant for. */
export type TakeConnection = (socket: Duplex) => void;

export interface ClusterProxy {
  /** `http://127.0.0.1:4685`: what a kubeconfig's `proxy-url` and HTTPS_PROXY take. */
  readonly url: string;
  close(): Promise<void>;
}

const apiServerPort = 6443;

/**
 * Simulated machines have addresses that nobody can dial, so kubectl and the functions ask this proxy for the way:
 * `CONNECT 203.0.113.7:6443` leads to that machine's API server and to nothing else. It sees only TLS.
 *
 * @param options.lead who answers at a public address now; undefined for nobody.
 * @throws when the port is taken.
 */
export async function startClusterProxy(options: {
  /** On loopback; 0 takes any. */
  readonly port: number;
  readonly lead: (publicAddress: string) => TakeConnection | undefined;
}): Promise<ClusterProxy> {
  const sockets = new Set<Duplex>();
  const server = createServer((_request, response) => {
    response.writeHead(405, { allow: 'CONNECT', 'content-type': 'text/plain' }).end('only CONNECT\n');
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('connect', ({ url = '' }, socket, head) => {
    socket.on('error', () => socket.destroy());
    const [, address, port] = /^(\d{1,3}(?:\.\d{1,3}){3}):(\d{1,5})$/.exec(url) ?? [];
    if (address === undefined) return refuse(socket, 400, 'CONNECT takes an IPv4 address and a port');
    if (Number(port) !== apiServerPort)
      return refuse(socket, 403, `this proxy leads to API servers alone, port ${apiServerPort}`);
    const take = options.lead(address);
    if (take === undefined) return refuse(socket, 502, `no machine with an API server is up at ${address}`);
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    if (head.length > 0) socket.unshift(head);
    take(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The reason stands in the status line: it is the one part of a proxy's refusal that kubectl shows. */
function refuse(socket: Duplex, status: number, reason: string): void {
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: text/plain\r\nContent-Length: ${reason.length + 1}\r\nConnection: close\r\n\r\n${reason}\n`,
  );
}
