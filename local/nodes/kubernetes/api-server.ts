import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { createAuthorizer } from './access/authorizer.ts';
import { impersonated } from './access/impersonation.ts';
import { addBuiltIns } from './access/built-in-roles.ts';
import { anonymous, userOf, type User } from './access/user.ts';
import { ApiError, isApiError, statusOf, unauthorized } from './errors.ts';
import type { ClusterClock, ClusterHooks, ClusterObjects } from './model.ts';
import { createChangeHistory } from './rest/change-history.ts';
import type { ApiContext } from './rest/context.ts';
import { createSnapshots } from './rest/list-snapshots.ts';
import type { ApiRequest, Reply } from './rest/request.ts';
import { serve } from './rest/serve.ts';
import type { Sink } from './rest/verbs/watch.ts';

/** What one API server shows, and whose client certificates it takes. */
export interface ServingCertificates {
  readonly caCertificatePem: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** One cluster's API. All its control planes serve the same objects, each with a certificate of its own. */
export interface ClusterApi {
  /** Serves TLS and HTTP/1.1 on a connection that somebody made; no port is needed. */
  accept(connection: Duplex, serving: ServingCertificates): void;
  /** Ends every connection. */
  close(): Promise<void>;
  readonly objects: ClusterObjects;
}

/** As much as a real one takes in one request. */
const bodyBytesMax = 3 * 1024 * 1024;
/** Clients keep a connection for their next request; longer than they pause between two, usually. */
const idleConnectionSeconds = 90;

export function createClusterApi(options: {
  readonly clusterId: string;
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly hooks: ClusterHooks;
  readonly log: (line: string) => void;
}): ClusterApi {
  const { clusterId, objects, clock, hooks, log } = options;
  addBuiltIns(objects);
  const history = createChangeHistory(objects);
  const context: ApiContext = {
    objects,
    clock,
    hooks,
    history,
    snapshots: createSnapshots(() => clock.now()),
    authorize: createAuthorizer(objects),
  };
  const servers = new Map<string, Server>();
  const connections = new Set<Duplex>();

  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    answer(context, incoming, response).catch((error: unknown) => {
      if (!isApiError(error))
        log(`cluster ${clusterId}: ${incoming.method} ${incoming.url}: ${String(error)}`);
      refuse(response, error);
    });
  };

  const serverFor = (serving: ServingCertificates): Server => {
    const known = servers.get(serving.certificatePem);
    if (known !== undefined) return known;
    const server = createServer({
      ca: serving.caCertificatePem,
      cert: serving.certificatePem,
      key: serving.privateKeyPem,
      minVersion: 'TLSv1.2',
      requestCert: true,
      // Probes come without a certificate; one that is not good is refused with 401, as Kubernetes does.
      rejectUnauthorized: false,
      keepAliveTimeout: idleConnectionSeconds * 1000,
    });
    server.on('request', handle);
    // A handshake that fails is the client's affair; its connection is over.
    server.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('clientError', (_error, socket) => socket.destroy());
    servers.set(serving.certificatePem, server);
    return server;
  };

  return {
    objects,
    accept: (connection, serving) => {
      connections.add(connection);
      connection.once('close', () => connections.delete(connection));
      // What goes wrong on a connection ends it, and concerns nobody else.
      connection.on('error', () => connection.destroy());
      serverFor(serving).emit('connection', connection);
    },
    close: async () => {
      history.close();
      const closing = [...connections].map(
        (connection) => new Promise<void>((resolve) => void connection.once('close', () => resolve())),
      );
      for (const connection of connections) connection.destroy();
      await Promise.all(closing);
    },
  };
}

/** @throws ApiError Unauthorized for a certificate of somebody else, or one that is over. */
function callerOf(socket: TLSSocket): User {
  const certificate = socket.getPeerCertificate();
  if (Object.keys(certificate).length === 0) return anonymous;
  // The connection may be older than the certificate's last minute.
  if (!socket.authorized || Date.parse(certificate.valid_to) < Date.now()) throw unauthorized();
  return userOf(certificate) ?? anonymous;
}

async function bodyOf(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > bodyBytesMax)
      throw new ApiError(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${bodyBytesMax}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function answer(
  context: ApiContext,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const caller = callerOf(incoming.socket as TLSSocket);
  const user = impersonated(caller, incoming.headers, context.authorize);
  const url = new URL(incoming.url ?? '/', 'https://kubernetes');
  const request: ApiRequest = {
    method: incoming.method ?? 'GET',
    path: url.pathname,
    query: url.searchParams,
    accept: incoming.headers.accept ?? '',
    contentType: incoming.headers['content-type'] ?? 'application/json',
    userAgent: incoming.headers['user-agent'] ?? '',
    body: await bodyOf(incoming),
    user,
  };
  await etcdAnswers(context, url.pathname);
  const reply = serve(context, request);
  if (typeof reply === 'function') reply(sinkOf(response));
  else send(response, reply);
}

/** etcd's own patience with a request that has to wait for a leader. */
const etcdSecondsMax = 7;

/**
 * Without a quorum nothing is read or written: every request waits as long as etcd does, and fails as it says. Who asked is
 * known all the same, since certificates need no etcd.
 *
 * @throws ApiError
 */
async function etcdAnswers({ hooks, clock }: ApiContext, path: string): Promise<void> {
  if (hooks.hasQuorum?.() !== false || path === '/version') return;
  await delay(clock.scaled(etcdSecondsMax));
  throw new ApiError(
    500,
    'InternalError',
    /^\/(?:readyz|livez|healthz)/.test(path)
      ? '[-]etcd failed: reason withheld'
      : 'etcdserver: request timed out',
  );
}

function send(response: ServerResponse, reply: Reply): void {
  const { code, body, contentType, warnings = [], retryAfterSeconds } = reply;
  if (warnings.length > 0)
    response.setHeader(
      'warning',
      warnings.map((each) => `299 - ${JSON.stringify(each)}`),
    );
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
  const text = typeof body === 'string' ? body : `${JSON.stringify(body)}\n`;
  response.writeHead(code, {
    'content-type': contentType ?? (typeof body === 'string' ? 'text/plain' : 'application/json'),
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-cache, private',
  });
  response.end(text);
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = statusOf(error);
  const { retryAfterSeconds } = status.details ?? {};
  send(response, {
    code: status.code,
    body: status,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
}

/** A watch sends its head at once, so that the client knows it stands. */
function sinkOf(response: ServerResponse): Sink {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-cache, private' });
  response.flushHeaders();
  return {
    write: (line) => {
      if (!response.writableEnded && !response.destroyed) response.write(line);
    },
    end: () => {
      response.end();
    },
    onClose: (listener) => {
      response.once('close', listener);
    },
  };
}
