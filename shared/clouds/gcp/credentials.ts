// Deep imports: the library's index brings its clients for every way to prove oneself, most of them for Google's machines.
import {
  ExternalAccountClient,
  type ExternalAccountClientOptions,
} from 'google-auth-library/build/src/auth/externalclient.js';
import { JWT } from 'google-auth-library/build/src/auth/jwtclient.js';
import * as z from 'zod/mini';
import { HttpFailure } from './failures.ts';

/**
 * The secret of a Google Cloud account. `serviceAccountKey` is the JSON that Google gives: a service account's key or,
 * better, a workload identity federation file, which holds no secret at all. A `token` is sent as it is. With `endpoint`
 * the driver talks to a simulator there, and any token will do.
 *
 * Its IAM permissions, in the project: compute.projects.get; compute.instances.{create,delete,get,list,setMetadata,
 * setLabels,setTags}; compute.disks.{create,delete,get,list,setLabels}; compute.networks.{create,delete,get,list,
 * update,updatePolicy}; compute.subnetworks.{create,delete,get,list,use,useExternalIp}; compute.firewalls.{create,delete,list,
 * update}; compute.routes.{create,delete,list}; compute.{zone,region,global}Operations.{get,list}. Images are public. Where it only looks, those that end in get and list
 * (Compute Viewer).
 */
export const gcpCredentials = z
  .strictObject({
    projectId: z.string().check(z.regex(/^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/)),
    serviceAccountKey: z.optional(z.record(z.string(), z.unknown())),
    token: z.optional(z.string().check(z.minLength(1))),
    endpoint: z.optional(z.url()),
  })
  .check(
    z.refine(
      (secret) =>
        secret.endpoint !== undefined || secret.token !== undefined || secret.serviceAccountKey !== undefined,
      'serviceAccountKey is needed',
    ),
  );
export type GcpCredentials = z.infer<typeof gcpCredentials>;

const auth = 'https://www.googleapis.com/auth';
export const scopes = {
  machines: [`${auth}/compute`],
  prices: [`${auth}/compute.readonly`, `${auth}/cloud-billing.readonly`],
} as const;

/**
 * What proves who calls: one header. Tokens are fetched when needed and kept until shortly before they expire.
 *
 * @param scopesAsked what the token is good for.
 */
export function authorization(
  credentials: GcpCredentials,
  scopesAsked: readonly string[] = scopes.machines,
): (url: string) => Promise<Headers> {
  const { serviceAccountKey, token } = credentials;
  if (serviceAccountKey === undefined || token !== undefined) {
    const headers = new Headers({ authorization: `Bearer ${token ?? 'local'}` });
    return () => Promise.resolve(headers);
  }
  let client: ReturnType<typeof authOf> | undefined;
  return async (url) => {
    client ??= authOf(serviceAccountKey, scopesAsked);
    try {
      return await client.getRequestHeaders(url);
    } catch (error) {
      throw tokenFailure(error);
    }
  };
}

const unusable = (message: string): HttpFailure =>
  new HttpFailure({ status: 401, reason: 'unusableKey', message });

function authOf(
  key: Readonly<Record<string, unknown>>,
  scopesAsked: readonly string[],
): {
  getRequestHeaders(url: string): Promise<Headers>;
} {
  if (key['type'] === 'external_account') {
    const client = ExternalAccountClient.fromJSON({
      ...key,
      scopes: [...scopesAsked],
    } as unknown as ExternalAccountClientOptions);
    if (client === null) throw unusable('serviceAccountKey is no workload identity federation file');
    return client;
  }
  const { client_email: email, private_key: privateKey } = key;
  if (typeof email !== 'string' || typeof privateKey !== 'string')
    throw unusable('serviceAccountKey has no client_email and private_key');
  return new JWT({ email, key: privateKey, scopes: [...scopesAsked] });
}

/** The token endpoint refuses a key with 400 invalid_grant, which is no fault of the request. */
function tokenFailure(error: unknown): HttpFailure {
  const status = (error as { response?: { status?: number } }).response?.status;
  const message = error instanceof Error ? error.message : String(error);
  const unreachable = status === undefined ? (error as { code?: unknown }).code !== undefined : status >= 500;
  return new HttpFailure({
    status: unreachable ? 503 : 401,
    reason: unreachable ? 'tokenEndpointUnavailable' : 'tokenRefused',
    message: `no access token: ${message}`,
    cause: error,
  });
}
