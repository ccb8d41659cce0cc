import { randomInt } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { objectionTo } from '../loopback.ts';
import { controlled } from './control.ts';
import type { GenericOperation, SimulatedCloud, World } from './world.ts';

export interface SimulatedRequest {
  readonly method: string;
  /** Path and query; its origin is the simulator's own, as the caller dialled it. */
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface SimulatedResponse {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** One cloud's API on the wire. */
export interface Simulator {
  readonly cloud: SimulatedCloud;
  /** What the request does, for faults; it must not fail on nonsense (`other`). */
  classify(request: SimulatedRequest): GenericOperation;
  handle(request: SimulatedRequest): SimulatedResponse | Promise<SimulatedResponse>;
  /** The real API's words for a throttle, an outage, or credentials it does not know. */
  refuse(
    why: 'throttle' | 'unavailable' | 'credentials',
    request: SimulatedRequest,
    retryAfterSeconds: number,
  ): SimulatedResponse;
}

/** Unscaled milliseconds that a call takes on the real APIs, about. */
const latencyMilliseconds = { min: 60, max: 240 };
const bodyBytesMax = 1024 * 1024;

const read = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`request body over ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
};

/**
 * Serves one simulator on loopback, with the world's latency and faults around it, and the control endpoint under
 * `/_control`.
 */
export async function serveSimulator(
  world: World,
  simulator: Simulator,
  port = 0,
): Promise<{ url: string; close: () => Promise<void> }> {
  const { cloud } = simulator;

  const answer = async (request: SimulatedRequest): Promise<SimulatedResponse | 'cut'> => {
    await delay(randomInt(latencyMilliseconds.min, latencyMilliseconds.max) / world.settings.timeScale);
    const operation = simulator.classify(request);
    world.countCall(cloud, operation);
    const before = world.takeFault(cloud, operation, {
      effects: ['throttle', 'unavailable', 'credentials', 'cut'],
    });
    if (before?.effect === 'cut') return 'cut';
    if (before !== undefined)
      return simulator.refuse(
        before.effect as 'throttle' | 'unavailable' | 'credentials',
        request,
        before.seconds ?? 1,
      );
    const lost = world.takeFault(cloud, operation, { effects: ['lose-reply'] });
    const response = await simulator.handle(request);
    return lost === undefined ? response : 'cut';
  };

  const server: Server = createServer((incoming, outgoing) => {
    const respond = async (): Promise<void> => {
      const objection = objectionTo(incoming.headers);
      if (objection !== undefined) {
        incoming.resume();
        outgoing.writeHead(403, { 'content-type': 'text/plain' });
        outgoing.end(objection);
        return;
      }
      const request: SimulatedRequest = {
        method: incoming.method ?? 'GET',
        url: new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? '127.0.0.1'}`),
        headers: Object.fromEntries(
          Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
        ),
        body: await read(incoming),
      };
      const response = request.url.pathname.startsWith('/_control')
        ? await controlled(world, request)
        : await answer(request);
      if (response === 'cut') {
        incoming.socket.destroy();
        return;
      }
      outgoing.writeHead(response.status, response.headers);
      outgoing.end(response.body);
    };
    respond().catch((error: unknown) => {
      // A bug in the simulator must be seen, not look like a cloud's bad day.
      process.stderr.write(
        `simulator ${cloud}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      );
      if (!outgoing.headersSent) outgoing.writeHead(500, { 'content-type': 'text/plain' });
      outgoing.end(`simulator bug: ${String(error)}`);
    });
  });
  // A process that is busy for seconds must not find its pooled connections cut: resets are the faults' business.
  server.keepAliveTimeout = 120_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
