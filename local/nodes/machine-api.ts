import { Agent, request } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import type { CertificatePair } from './certificates.ts';

type Method = 'GET' | 'POST' | 'PATCH';

export interface ApiAnswer {
  /** 0: no control plane can be reached. */
  readonly status: number;
  readonly body: unknown;
}

/** A machine's way to its cluster's API, as kubectl and the kubelet on it have it. */
export interface MachineApi {
  /** Never throws: what went wrong on the way is status 0. A JSON answer is parsed, any other is its text. */
  call(method: Method, path: string, body?: unknown): Promise<ApiAnswer>;
  close(): void;
}

const callSecondsMax = 10;
const contentTypes = { GET: '', POST: 'application/json', PATCH: 'application/merge-patch+json' };

/**
 * Real TLS over a connection inside this process: the server is held to the cluster's name and authority, the machine shows
 * its certificate. The connection is kept between calls.
 *
 * @param options.dial a new connection to a control plane; undefined when none can be reached.
 */
export function createMachineApi(options: {
  readonly clusterId: string;
  readonly dial: () => Duplex | undefined;
  readonly caCertificatePem: string;
  readonly client: CertificatePair;
}): MachineApi {
  const servername = `${options.clusterId}.overcast.internal`;
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  agent.createConnection = () => {
    const socket = options.dial();
    if (socket === undefined) throw new Error('connect: no route to host');
    return connect({
      socket,
      servername,
      ca: options.caCertificatePem,
      cert: options.client.certificatePem,
      key: options.client.privateKeyPem,
      minVersion: 'TLSv1.3',
    });
  };

  const send = (method: Method, path: string, body: unknown): Promise<ApiAnswer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const sent = request(
        {
          agent,
          host: servername,
          port: 6443,
          method,
          path,
          timeout: callSecondsMax * 1000,
          headers: {
            accept: 'application/json',
            ...(text === undefined
              ? {}
              : { 'content-type': contentTypes[method], 'content-length': Buffer.byteLength(text) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.once('error', reject);
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString()) }),
          );
        },
      );
      sent.once('timeout', () => sent.destroy(new Error('the API server does not answer')));
      sent.once('error', reject);
      sent.end(text);
    });

  return {
    async call(method, path, body) {
      try {
        return await send(method, path, body);
      } catch (error) {
        return { status: 0, body: error instanceof Error ? error.message : String(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
};
