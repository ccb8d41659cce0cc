import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { createServer } from 'node:https';
import { connect, type AddressInfo, type Server } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Credential } from '../../shared/kubernetes/pki/certificate.ts';
import type { ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';

export interface KubernetesRequest {
  /** Of the control plane that was asked. */
  readonly address: string;
  /** `GET /api/v1/nodes` */
  readonly what: string;
  readonly type: string | undefined;
  readonly accept: string | undefined;
  readonly body: string;
}
export interface KubernetesAnswer {
  readonly status?: number;
  /** JSON, unless it is text already. */
  readonly body: unknown;
}
export const refusal = (code: number, reason: string, message: string): KubernetesAnswer => ({
  status: code,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message },
});

/** API servers at public addresses that exist nowhere, and a proxy that knows the way to them. */
export class ControlPlanes {
  readonly requests: KubernetesRequest[] = [];
  answer: (request: KubernetesRequest) => KubernetesAnswer | 'silence' | 'hang up' = () => ({ body: {} });
  proxyUrl = '';
  readonly #ports = new Map<string, number>();
  readonly #closing: (() => unknown)[] = [];

  portOf(address: string): number {
    return this.#ports.get(address) ?? 1;
  }

  /** Asks for client certificates as an API server does: one that it does not know is 401, not an end of the connection. */
  async start(
    address: string,
    { pki, serving }: { readonly pki: ClusterPki; readonly serving: Credential },
  ): Promise<void> {
    const server = createServer(
      {
        cert: serving.certificatePem,
        key: serving.privateKey.reveal(),
        ca: pki.cluster.certificatePem,
        requestCert: true,
        rejectUnauthorized: false,
      },
      (request, response) => {
        let body = '';
        request.on('data', (chunk: Buffer) => (body += chunk.toString()));
        request.on('end', () => {
          const asked: KubernetesRequest = {
            address,
            what: `${request.method ?? ''} ${request.url ?? ''}`,
            type: request.headers['content-type'],
            accept: request.headers.accept,
            body,
          };
          this.requests.push(asked);
          const given = (request.socket as TLSSocket).authorized
            ? this.answer(asked)
            : refusal(401, 'Unauthorized', 'Unauthorized');
          if (given === 'silence') return;
          if (given === 'hang up') {
            request.socket.destroy();
            return;
          }
          response.writeHead(given.status ?? 200, { 'content-type': 'application/json' });
          response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body));
        });
      },
    );
    this.#closing.push(() => server.closeAllConnections());
    await this.startAny(address, server);
  }

  async startAny(address: string, server: Server): Promise<void> {
    this.#ports.set(address, await listening(server));
    this.#closing.push(() => server.close());
  }

  async startProxy(): Promise<void> {
    const proxy: HttpServer = createHttpServer();
    proxy.on('connect', (request, socket, head) => {
      const [, address = ''] = /^(.+):6443$/.exec(request.url ?? '') ?? [];
      const onward = connect(this.portOf(address), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        onward.write(head);
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'));
      socket.on('error', () => onward.destroy());
      // The server knows nothing of connections that it has handed over.
      this.#closing.push(() => socket.destroy());
    });
    this.proxyUrl = `http://127.0.0.1:${await listening(proxy)}`;
    this.#closing.push(() => proxy.close());
  }

  close(): void {
    for (const close of this.#closing) close();
  }
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
