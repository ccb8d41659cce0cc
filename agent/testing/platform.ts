import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json, text } from 'node:stream/consumers';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { admit, admitRequest } from '../../functions/admit-node/admit.ts';
import { answerSync } from '../../functions/answer-node-sync/answer.ts';
import { syncRequest } from '../../functions/answer-node-sync/sync-request.ts';
import { filesRequest } from '../../functions/issue-node-files/files-request.ts';
import { issueFiles } from '../../functions/issue-node-files/issue.ts';
import type { CloudName } from '../../shared/domain/cloud.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { NodeRole } from '../../shared/domain/network.ts';
import type { FilesRequest, SyncReply, SyncRequest } from '../../shared/domain/node-protocol.ts';
import { nodeName, type Node } from '../../shared/domain/node.ts';
import { bootstrapTokenMessage, formatBootstrapToken } from '../../shared/planning/bootstrap-token.ts';
import type { Mac } from '../../shared/runtime/mac.ts';
import { answerNode, readNodeCall } from '../../shared/runtime/node-http.ts';
import { createClusterPki } from '../../shared/runtime/certificates.ts';
import { sealPki, systemRandomBytes, type DataKeys } from '../../shared/runtime/pki.ts';
import { aCluster, anExecution } from '../../test/builders/cluster.ts';
import { aNode, anOffering } from '../../test/builders/node.ts';
import { recordingBus, silentLog, type RecordingBus } from '../../test/builders/platform.ts';
import { startTestStore, type TestStore } from '../../test/builders/store.ts';

/** A machine's metadata service: what it answers at a path, by the request. Undefined is a 404. */
export type Metadata = (
  path: string,
  request: IncomingMessage,
  body: string,
) => string | undefined | Promise<string | undefined>;

export interface TestPlatform {
  readonly url: string;
  readonly store: TestStore['store'];
  readonly bus: RecordingBus;
  /** What the agents sent, in order, as it came over the wire. */
  readonly syncs: {
    readonly clusterId: string;
    readonly number: number;
    readonly at: number;
    readonly body: SyncRequest;
  }[];
  /** Who asked for files for kubeadm, and how. */
  readonly filesAsked: {
    readonly clusterId: string;
    readonly number: number;
    readonly body: FilesRequest;
  }[];
  /** Said in turn in place of the function's own, until there are no more. */
  readonly filesAnswers: APIGatewayProxyStructuredResultV2[];
  /** The session secrets that came to be admitted, by `<cluster id>/<number>`. */
  readonly secrets: Map<string, Set<string>>;
  /** By node number. */
  readonly metadata: Map<number, Metadata>;
  /** What machines put at /snapshot. */
  readonly uploads: string[];
  /** None of that is answered before this is so. */
  uploading: Promise<unknown> | undefined;
  /** What lies in the bucket, by key. */
  readonly bucket: Map<string, string>;
  /** While true, every call is refused with 503. */
  isAway: boolean;
  /** Said in place of the functions' own answer. */
  instead: ((number: number, sync: SyncRequest, own: SyncReply) => unknown) | undefined;
  create(given?: Partial<Cluster>): Promise<Cluster>;
  /** Adds a node whose machine is expected, and gives what its user-data would hold. */
  expect(
    cluster: Cluster,
    number: number,
    role: NodeRole,
    cloud?: CloudName,
  ): Promise<Readonly<Record<string, string>>>;
  node(cluster: Cluster, number: number): Promise<Node>;
  close(): Promise<void>;
}

/** What makes a presigned URL good; no log may have it. */
export const urlSecret = '5e9b4e5b0f2c4d6e8a1b3c5d7e9f1a2b';

const route = /^\/v1\/clusters\/([^/]+)\/nodes\/(\d+)\/(admit|sync|files)$/;

/** The platform's real functions on a table of their own, behind HTTP, as API Gateway calls them. */
export async function startPlatform(host = '127.0.0.1'): Promise<TestPlatform> {
  const tests = await startTestStore();
  const bus = recordingBus('overcast.answer-node-sync');
  const key = randomBytes(32);
  const sign = (message: Uint8Array): Uint8Array => createHmac('sha256', key).update(message).digest();
  const mac: Mac = {
    generate: async (message) => sign(message),
    verify: async (message, given) => Buffer.from(sign(message)).equals(given),
  };
  const clock = { now: () => new Date().toISOString() };
  const { store } = tests;

  const dataKeys = testDataKeys();
  const issue = issueFiles({
    store,
    dataKeys,
    randomBytes: systemRandomBytes,
    clock,
    log: silentLog,
    presign: async ({ method, key = '' }) => `${platform.url}/bucket/${key}?${method}=${urlSecret}`,
  });
  const server = createServer((request, response) => {
    void respond(request, response);
  });
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const pending = new Set<Promise<unknown>>();
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const answering = answer(request);
      pending.add(answering);
      const { statusCode = 200, body = '' } = await answering.finally(() => pending.delete(answering));
      response.writeHead(statusCode).end(body);
    } catch (error) {
      response.writeHead(500).end(String(error));
    }
  };
  const answer = async (request: IncomingMessage): Promise<APIGatewayProxyStructuredResultV2> => {
    const url = request.url ?? '';
    const [, machine, path] = /^\/machine\/(\d+)(\/.*)$/.exec(url) ?? [];
    if (machine !== undefined && path !== undefined) {
      const body = await platform.metadata.get(Number(machine))?.(path, request, await text(request));
      return body === undefined ? { statusCode: 404 } : { statusCode: 200, body };
    }
    if (url === '/snapshot' && request.method === 'PUT') {
      const body = await text(request);
      await platform.uploading;
      platform.uploads.push(body);
      return { statusCode: 200 };
    }
    const [, key] = /^\/bucket\/(.*)\?GET=(.*)$/.exec(url) ?? [];
    if (key !== undefined) {
      const body = url.endsWith(`=${urlSecret}`) ? platform.bucket.get(key) : undefined;
      return body === undefined ? { statusCode: 403 } : { statusCode: 200, body };
    }
    if (url.endsWith('/Release.key')) return { statusCode: 200, body: 'a key' };
    const [, clusterId, number, verb] = route.exec(url) ?? [];
    if (clusterId === undefined || number === undefined) return { statusCode: 404 };
    if (platform.isAway) return { statusCode: 503 };
    const body = (await json(request)) as SyncRequest & { sessionSecret?: string };
    const event = {
      headers: request.headers,
      pathParameters: { clusterId, number },
      body: JSON.stringify(body),
      isBase64Encoded: false,
      requestContext: { requestId: 'test' },
    } as unknown as APIGatewayProxyEventV2;
    if (verb === 'admit') {
      const known = platform.secrets.get(`${clusterId}/${number}`) ?? new Set();
      platform.secrets.set(`${clusterId}/${number}`, known.add(body.sessionSecret ?? ''));
      return answerNode(event, async () =>
        admit({ store, mac, clock, log: silentLog })(readNodeCall(event, admitRequest)),
      );
    }
    if (verb === 'files') {
      platform.filesAsked.push({ clusterId, number: Number(number), body: body as unknown as FilesRequest });
      const answer = platform.filesAnswers.shift();
      if (answer !== undefined) return answer;
      return answerNode(event, async () => {
        const call = readNodeCall(event, filesRequest);
        return issue({ ...call, body: call.body as FilesRequest });
      });
    }
    platform.syncs.push({ clusterId, number: Number(number), at: Date.now(), body });
    return answerNode(event, async () => {
      const call = readNodeCall(event, syncRequest);
      const own = await answerSync({ store, bus, clock, log: silentLog })({
        ...call,
        body,
      });
      return platform.instead?.(Number(number), body, own) ?? own;
    });
  };

  const platform: TestPlatform = {
    url: `http://${host}:${port}`,
    store,
    bus,
    syncs: [],
    filesAsked: [],
    filesAnswers: [],
    secrets: new Map(),
    metadata: new Map(),
    uploads: [],
    uploading: undefined,
    bucket: new Map(),
    isAway: false,
    instead: undefined,
    async create(given = {}) {
      const cluster = aCluster(given);
      await store.clusters.create(cluster);
      // One that is initialised has its authorities already.
      if (cluster.initialisedAt !== undefined) {
        const pki = await createClusterPki({
          clusterId: cluster.id,
          now: clock.now(),
          randomBytes: systemRandomBytes,
        });
        await store.pki.create(await sealPki(pki, { dataKeys, randomBytes: systemRandomBytes }));
      }
      return cluster;
    },
    async expect(cluster, number, role, cloud = 'aws') {
      const node = aNode({ clusterId: cluster.id, number, role, cloud, offering: anOffering({ cloud }) });
      const executionArn = anExecution();
      const expiresAt = Math.floor(Date.now() / 1000) + 3600;
      const now = clock.now();
      await store.nodes.materialise(node);
      await store.nodes.claim(cluster.id, number, {
        operation: { executionArn, kind: 'ProvisionNode', startedAt: now },
        expectedDesired: 'present',
      });
      await store.nodes.beginAttempt(cluster.id, number, {
        executionArn,
        request: {
          attempt: 1,
          offering: node.offering,
          kubernetesVersion: cluster.kubernetesVersion,
          tokenExpiresAt: expiresAt,
          requestedAt: now,
        },
      });
      await store.nodes.recordMachine(cluster.id, number, {
        attempt: 1,
        providerId: `machine-${number}`,
        publicAddress: '',
        privateAddress: '',
      });
      return {
        OVERCAST_API: platform.url,
        OVERCAST_CLUSTER: cluster.id,
        OVERCAST_NODE: String(number),
        OVERCAST_ATTEMPT: '1',
        OVERCAST_ROLE: role,
        OVERCAST_CLOUD: cloud,
        OVERCAST_NAME: nodeName(cluster.name, number),
        OVERCAST_KUBERNETES: cluster.kubernetesVersion,
        OVERCAST_TOKEN: formatBootstrapToken({
          attempt: 1,
          expiresAt,
          mac: sign(bootstrapTokenMessage({ nodeId: node.id, attempt: 1, expiresAt })),
        }),
      };
    },
    async node(cluster, number) {
      const found = await store.nodes.get(cluster.id, number);
      if (found === undefined) throw new Error(`no node ${number}`);
      return found;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
      // Agents that were killed have left calls behind, which still write.
      await Promise.allSettled(pending);
      await tests.close();
    },
  };
  return platform;
}

/** A KMS key as far as data keys go: it opens what it sealed, for the same context only. */
function testDataKeys(): DataKeys {
  const made = new Map<string, { plaintext: Uint8Array; context: string }>();
  return {
    async generateDataKey(context) {
      const encrypted = systemRandomBytes(48);
      const plaintext = systemRandomBytes(32);
      made.set(Buffer.from(encrypted).toString('hex'), { plaintext, context: JSON.stringify(context) });
      return { plaintext: plaintext.slice(), encrypted };
    },
    async decrypt(encrypted, context) {
      const found = made.get(Buffer.from(encrypted).toString('hex'));
      if (found?.context !== JSON.stringify(context)) throw new Error('InvalidCiphertextException');
      // A copy: whoever asked overwrites it after use.
      return found.plaintext.slice();
    },
  };
}

/** An AWS machine's metadata service, as far as an agent asks it. It wants the token of IMDSv2. */
export const awsMetadata =
  (known: () => Readonly<Record<string, string | undefined>>): Metadata =>
  (path, request) => {
    if (path === '/latest/api/token')
      return request.method === 'PUT' && request.headers['x-aws-ec2-metadata-token-ttl-seconds'] !== undefined
        ? 'imds'
        : undefined;
    return request.headers['x-aws-ec2-metadata-token'] === 'imds'
      ? known()[path.replace('/latest/meta-data/', '')]
      : undefined;
  };

/** A Droplet's: addresses, and no word of what is to come. */
export const digitaloceanMetadata =
  (addresses: { readonly public: string; readonly private: string }): Metadata =>
  (path) => {
    const [, side] = /^\/metadata\/v1\/interfaces\/(public|private)\/0\/ipv4\/address$/.exec(path) ?? [];
    return side === 'public' || side === 'private' ? addresses[side] : undefined;
  };
