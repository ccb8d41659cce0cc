import { randomBytes } from 'node:crypto';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { openDisk } from '../../local/disk.ts';
import { createClusterApi } from '../../local/nodes/kubernetes/api-server.ts';
import type { ClusterClock, ClusterObjects, KubernetesObject } from '../../local/nodes/kubernetes/model.ts';
import { createClusterObjects } from '../../local/nodes/kubernetes/objects.ts';
import {
  createAuthority,
  issueLeaf,
  type CertificateAuthority,
  type Credential,
} from '../../shared/kubernetes/pki/certificate.ts';

const validSeconds = 3600;
const now = (): string => new Date().toISOString();

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Json;
  readonly text: string;
}

export type Json = Readonly<Record<string, unknown>>;

export interface WatchEvent {
  readonly type: string;
  readonly object: KubernetesObject;
}

export interface Call {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Client {
  (method: string, path: string, call?: Call): Promise<Answer>;
  /** Reads a watch until `enough` says so, then ends it. */
  watch(path: string, enough: (events: readonly WatchEvent[]) => boolean): Promise<readonly WatchEvent[]>;
}

export interface ListeningCluster {
  readonly objects: ClusterObjects;
  readonly clock: ClusterClock;
  readonly authority: CertificateAuthority;
  readonly port: number;
  issue(user: string, groups: readonly string[], seconds?: number): Promise<Credential>;
  /** Without a credential: nobody. */
  client(credential?: Credential): Client;
  kubeconfig(credential: Credential): string;
  close(): Promise<void>;
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  if (body === undefined) return Buffer.alloc(0);
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

export const newAuthority = (): Promise<CertificateAuthority> =>
  createAuthority({ commonName: 'kubernetes', now: now(), validSeconds, randomBytes });

/** One cluster's API on a loopback port, with a certificate authority of its own. */
export async function listeningCluster(speed = 1): Promise<ListeningCluster> {
  const authority = await newAuthority();
  const issue = (
    commonName: string,
    organizations: readonly string[],
    seconds = validSeconds,
  ): Promise<Credential> =>
    issueLeaf({
      authority,
      commonName,
      organizations,
      use: { for: 'client' },
      now: now(),
      validSeconds: seconds,
      randomBytes,
    });
  const server = await issueLeaf({
    authority,
    commonName: 'kube-apiserver',
    organizations: [],
    use: { for: 'server', dnsNames: ['localhost'], addresses: ['127.0.0.1'] },
    now: now(),
    validSeconds,
    randomBytes,
  });
  const clock: ClusterClock = { now: () => Date.now(), scaled: (seconds) => (seconds * 1000) / speed };
  const disk = openDisk({ name: 'cluster' });
  const objects = createClusterObjects({ collection: disk.collection<KubernetesObject>('objects'), clock });
  const problems: string[] = [];
  const api = createClusterApi({
    clusterId: 'test',
    objects,
    clock,
    hooks: {},
    log: (line) => problems.push(line),
  });
  const serving = {
    caCertificatePem: authority.certificatePem,
    certificatePem: server.certificatePem,
    privateKeyPem: server.privateKey.reveal(),
  };
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    api.accept(socket, serving);
  });
  await new Promise<void>((resolve) => void listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;

  const agents: Agent[] = [];
  const client = (credential?: Credential): Client => {
    const agent = new Agent({ keepAlive: true });
    agents.push(agent);
    const options = (method: string, path: string, call: Call = {}): RequestOptions => ({
      host: '127.0.0.1',
      port,
      method,
      path,
      agent,
      ca: authority.certificatePem,
      ...(credential === undefined
        ? {}
        : { cert: credential.certificatePem, key: credential.privateKey.reveal() }),
      headers: {
        accept: call.accept ?? 'application/json',
        'content-type': call.contentType ?? 'application/json',
        'user-agent': 'tester/1',
        ...call.headers,
      },
    });
    const send = (method: string, path: string, call: Call = {}): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const bytes = bytesOf(call.body);
        const sized = { ...call.headers, 'content-length': String(bytes.length) };
        const request = httpsRequest(options(method, path, { ...call, headers: sized }), (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = (response.headers['content-type'] ?? '').startsWith('application/json');
            const body = (isJson ? JSON.parse(text) : {}) as Json;
            resolve({ code: response.statusCode ?? 0, headers: response.headers, body, text });
          });
        });
        request.on('error', reject);
        request.end(bytes);
      });
    const watch: Client['watch'] = (path, enough) =>
      new Promise((resolve, reject) => {
        const events: WatchEvent[] = [];
        let rest = '';
        const request = httpsRequest(options('GET', path), (response) => {
          response.setEncoding('utf8');
          const done = (): void => {
            request.destroy();
            resolve(events);
          };
          response.on('data', (chunk: string) => {
            const lines = `${rest}${chunk}`.split('\n');
            rest = lines.pop() ?? '';
            events.push(...lines.map((line) => JSON.parse(line) as WatchEvent));
            if (enough(events)) done();
          });
          response.on('end', done);
        });
        request.on('error', (error) => {
          if (!request.destroyed) reject(error);
        });
        request.end();
      });
    return Object.assign(send, { watch });
  };

  return {
    objects,
    clock,
    authority,
    port,
    issue,
    client,
    kubeconfig: (credential) => {
      const base64 = (text: string): string => Buffer.from(text).toString('base64');
      return JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'it',
        contexts: [{ name: 'it', context: { cluster: 'it', user: 'it' } }],
        clusters: [
          {
            name: 'it',
            cluster: {
              server: `https://127.0.0.1:${port}`,
              'certificate-authority-data': base64(authority.certificatePem),
            },
          },
        ],
        users: [
          {
            name: 'it',
            user: {
              'client-certificate-data': base64(credential.certificatePem),
              'client-key-data': base64(credential.privateKey.reveal()),
            },
          },
        ],
      });
    },
    close: async () => {
      for (const agent of agents) agent.destroy();
      await api.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void listener.close(resolve));
      disk.close();
      if (problems.length > 0) throw new Error(`the API server failed:\n${problems.join('\n')}`);
    },
  };
}
