import { once } from 'node:events';
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import * as z from 'zod/mini';
import type { ClusterId } from '../domain/ids.ts';
import { apiServerPort } from '../domain/network.ts';
import { controlPlaneHost } from '../planning/kubeadm-config-endpoint.ts';
import type { Credential } from './pki/certificate.ts';

/** Where a cluster's API is and who calls. */
export interface ClusterApiOptions {
  readonly clusterId: ClusterId;
  /** Its control planes' public addresses, asked in turn. */
  readonly addresses: readonly string[];
  readonly port?: number;
  readonly caCertificatePem: string;
  /** Without one the API server sees nobody in particular. */
  readonly credential?: Pick<Credential, 'certificatePem' | 'privateKey'>;
  /** An HTTP proxy that is asked to CONNECT. */
  readonly proxyUrl?: string | undefined;
  /** How long one call may take, all addresses together. */
  readonly callSecondsMax?: number;
  /** How long one address may take until its TLS session stands. */
  readonly connectSecondsMax?: number;
}

/** Every call gives what its schema says; a reply of another form is an `ApiFailure` too. */
export interface ClusterApi {
  get<Schema extends z.ZodMiniType>(path: string, schema: Schema): Promise<z.output<Schema>>;
  /** Only names, labels and the like of a list: pages of machine images and conditions stay where they are. */
  listMetadata(path: string): Promise<readonly ObjectMetadata[]>;
  /** Server-side apply as `overcast`, which takes over fields that somebody else had changed. */
  apply(path: string, object: Readonly<Record<string, unknown>>): Promise<void>;
  /** JSON merge patch (RFC 7396). */
  patch(path: string, change: Readonly<Record<string, unknown>>): Promise<void>;
  /** Not made again at another address once it was sent: somebody must look first. */
  post(path: string, object: Readonly<Record<string, unknown>>): Promise<void>;
  /** What is already gone is done. */
  delete(path: string): Promise<void>;
}

export const fieldManager = 'overcast';
const callSecondsMax = 12;
const connectSecondsMax = 4;
/** 256 nodes with their images and conditions are some 5 MB. */
const replyBytesMax = 16 * 1024 * 1024;
const detailCharactersMax = 300;

/** The API server said no, or none answered. Its message has what Kubernetes said, and never what was sent. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  /** No API server of the cluster answered: it may tomorrow, or from somewhere else. */
  readonly isUnreachable: boolean;
  /** HTTP; undefined when nobody answered. */
  readonly status: number | undefined;
  /** Kubernetes' own word: `NotFound`, `Forbidden`, `Conflict`. */
  readonly reason: string | undefined;
  /** What it says in detail: which budget refuses an eviction, which field is wrong. */
  readonly causes: readonly FailureCause[];

  constructor(
    message: string,
    failure: {
      readonly status?: number;
      readonly reason?: string | undefined;
      readonly causes?: readonly FailureCause[] | undefined;
    } = {},
  ) {
    super(message);
    this.status = failure.status;
    this.reason = failure.reason;
    this.causes = failure.causes ?? [];
    this.isUnreachable = failure.status === undefined;
  }
}

const causeSchema = z.object({ reason: z.optional(z.string()), message: z.optional(z.string()) });
export type FailureCause = z.output<typeof causeSchema>;
const statusSchema = z.object({
  reason: z.optional(z.string()),
  message: z.optional(z.string()),
  details: z.optional(z.object({ causes: z.optional(z.array(causeSchema)) })),
});
const metadataSchema = z.object({
  name: z.string(),
  labels: z.optional(z.record(z.string(), z.string())),
});
export type ObjectMetadata = z.output<typeof metadataSchema>;
const listSchema = z.object({ items: z.array(z.object({ metadata: metadataSchema })) });

interface Call {
  readonly method: 'GET' | 'PATCH' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly contentType?: string;
  readonly accept?: string;
}
interface Reply {
  readonly status: number;
  readonly text: string;
}

/** One address did not answer. `wasSent` says whether it may have acted all the same. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly wasSent: boolean;

  constructor(message: string, wasSent: boolean) {
    super(message);
    this.wasSent = wasSent;
  }
}

/**
 * A thin client of one cluster's Kubernetes API: JSON in and out, over TLS that trusts the cluster's own authority alone and
 * holds every address to the cluster's name. docs/decisions/20261123-thin-kubernetes-client.md says why it is not the official
 * one.
 *
 * Each call opens its own connection: a function may sleep for hours between two, and a control plane may be another one then.
 * All calls throw `ApiFailure`.
 */
export function createClusterApi(options: ClusterApiOptions): ClusterApi {
  const agent = new Agent({
    keepAlive: false,
    ...(options.proxyUrl !== undefined && { proxyEnv: { HTTPS_PROXY: options.proxyUrl } }),
  });
  let addresses = options.addresses;

  async function ask(address: string, call: Call, signal: AbortSignal): Promise<Reply> {
    const { credential } = options;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const request = httpsRequest({
      agent,
      host: address,
      port: options.port ?? apiServerPort,
      method: call.method,
      path: call.path,
      servername: controlPlaneHost(options.clusterId),
      ca: options.caCertificatePem,
      ...(credential !== undefined && {
        cert: credential.certificatePem,
        key: credential.privateKey.reveal(),
      }),
      headers: {
        accept: call.accept ?? 'application/json',
        'user-agent': fieldManager,
        ...(body !== undefined && {
          'content-type': call.contentType ?? 'application/json',
          'content-length': Buffer.byteLength(body),
        }),
      },
    });
    // What it says after the answer began is said again by the reply's own stream.
    request.on('error', () => undefined);
    let isConnected = false;
    // A request without a socket, as while a proxy is at work, says nothing when it is destroyed: so it is raced against.
    const { promise: givenUp, reject: giveUp } = Promise.withResolvers<never>();
    const seconds = options.connectSecondsMax ?? connectSecondsMax;
    const timer = setTimeout(() => giveUp(new Error(`no connection within ${seconds} s`)), seconds * 1000);
    const onAbort = (): void => giveUp(new Error('no answer in time'));
    signal.addEventListener('abort', onAbort);
    const connected = (): void => {
      isConnected = true;
      clearTimeout(timer);
    };
    request.once('socket', (socket) => {
      // Through a proxy its session stands already.
      if (socket instanceof TLSSocket && socket.getPeerX509Certificate() !== undefined) connected();
      else socket.once('secureConnect', connected);
    });
    const answered = async (): Promise<Reply> => {
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      return { status: response.statusCode ?? 0, text: await textOf(response) };
    };
    try {
      request.end(body);
      return await Promise.race([answered(), givenUp]);
    } catch (error) {
      throw new NoAnswer(reasonOf(error), isConnected);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      request.destroy();
    }
  }

  async function answerOf(call: Call): Promise<Reply> {
    const what = `${call.method} ${call.path.replace(/\?.*$/, '')}`;
    if (addresses.length === 0) throw new ApiFailure(`${what}: the cluster has no API server to ask`);
    const signal = AbortSignal.timeout((options.callSecondsMax ?? callSecondsMax) * 1000);
    const failures: string[] = [];
    for (const address of addresses) {
      try {
        const reply = await ask(address, call, signal);
        // The others are as busy, but this one may be on its way up or down.
        const isElsewhere = reply.status === 503 && address !== addresses.at(-1);
        if (!isElsewhere) {
          addresses = [address, ...addresses.filter((other) => other !== address)];
          return reply;
        }
        failures.push(`${address}: is not ready`);
      } catch (error) {
        if (!(error instanceof NoAnswer)) throw error;
        failures.push(`${address}: ${error.message}`);
        if (signal.aborted || (call.method === 'POST' && error.wasSent)) break;
      }
    }
    throw new ApiFailure(`${what}: no answer (${failures.join('; ')})`);
  }

  async function send<Schema extends z.ZodMiniType>(call: Call, schema: Schema): Promise<z.output<Schema>> {
    const { status, text } = await answerOf(call);
    const what = `${call.method} ${call.path.replace(/\?.*$/, '')}`;
    if (status < 200 || status > 299) {
      const said = z.safeParse(statusSchema, parsed(text)).data;
      const detail = said?.message?.slice(0, detailCharactersMax);
      throw new ApiFailure(
        [`${what}: HTTP ${status}`, said?.reason, detail].filter((part) => part !== undefined).join(': '),
        { status, reason: said?.reason, causes: said?.details?.causes },
      );
    }
    const result = z.safeParse(schema, parsed(text));
    if (result.success) return result.data;
    const fields = result.error.issues.map(({ path }) => path.join('.') || 'reply').slice(0, 5);
    throw new ApiFailure(`${what}: the reply is not of its form: ${fields.join(', ')}`, { status });
  }
  const patched = (path: string, contentType: string, body: Call['body']): Promise<void> =>
    send({ method: 'PATCH', path, contentType, ...(body !== undefined && { body }) }, anything);

  return {
    get: (path, schema) => send({ method: 'GET', path }, schema),
    async listMetadata(path) {
      const { items } = await send(
        {
          method: 'GET',
          path,
          accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json',
        },
        listSchema,
      );
      return items.map(({ metadata }) => metadata);
    },
    // YAML by its media type, and all JSON is YAML.
    apply: (path, object) =>
      patched(`${path}?fieldManager=${fieldManager}&force=true`, 'application/apply-patch+yaml', object),
    patch: (path, change) =>
      patched(`${path}?fieldManager=${fieldManager}`, 'application/merge-patch+json', change),
    post: (path, object) =>
      send({ method: 'POST', path: `${path}?fieldManager=${fieldManager}`, body: object }, anything),
    async delete(path) {
      try {
        await send({ method: 'DELETE', path }, anything);
      } catch (error) {
        if (!(error instanceof ApiFailure && error.status === 404 && error.reason === 'NotFound'))
          throw error;
      }
    },
  };
}

/** For replies that nobody reads. */
const anything = z.pipe(
  z.unknown(),
  z.transform((): void => undefined),
);

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > replyBytesMax) throw new Error(`the reply has more than ${replyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no JSON: a proxy's page, say. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** What OpenSSL and the system say, in words that lead somewhere. */
const explanations: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not of this cluster',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not of this cluster',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not of this cluster',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not of this cluster',
  CERT_SIGNATURE_FAILURE: 'its certificate is not of this cluster',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is not for this cluster’s name',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'it closed the connection',
  ERR_PROXY_TUNNEL: 'the proxy found nobody there',
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code = '' } = error as NodeJS.ErrnoException;
  return explanations[code] ?? (code.startsWith('ERR_SSL') ? `TLS: ${code}` : error.message);
}
