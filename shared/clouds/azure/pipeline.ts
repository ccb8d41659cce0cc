import type { TokenCredential } from '@azure/core-auth';
import {
  bearerTokenAuthenticationPolicyName,
  retryPolicy,
  type Pipeline,
  type PipelinePolicy,
  type RetryStrategy,
} from '@azure/core-rest-pipeline';
import { ClientSecretCredential } from '@azure/identity';
import type { AzureCredentials } from './credentials.ts';

/** A hanging connection must not hold a function. */
const requestMillisecondsMax = 30_000;
export const retriesMax = 2;
const retryDelayMillisecondsMin = 250;
/** A throttle that asks for more than this is the caller's to wait for, not this function's. */
const retryAfterSecondsMax = 3;
/** What @azure/core-rest-pipeline calls its own; not exported. */
const sdkRetryPolicyName = 'defaultRetryPolicy';

/** Safe for whatever the driver sends: it PUTs by name, so every request of it may be repeated. */
export const briefly: RetryStrategy = {
  name: 'overcastBriefly',
  retry: ({ retryCount, response, responseError }) => {
    const retryAfterInMs = retryDelayMillisecondsMin * 2 ** retryCount;
    if (response === undefined)
      return responseError?.code === undefined ? { skipStrategy: true } : { retryAfterInMs };
    if (response.status === 429) {
      const seconds = Number(response.headers.get('retry-after') ?? 'never');
      return seconds <= retryAfterSecondsMax ? { retryAfterInMs: seconds * 1000 } : { skipStrategy: true };
    }
    return response.status >= 500 ? { retryAfterInMs } : { skipStrategy: true };
  },
};

export const impatient: PipelinePolicy = {
  name: 'overcastTimeout',
  sendRequest: (request, next) => {
    if (request.timeout === 0) request.timeout = requestMillisecondsMax;
    return next(request);
  },
};

/** The SDK's bearer policy refuses plain HTTP whatever it is told, so simulators get their token from here. */
const plainHttp = (token: string): PipelinePolicy => ({
  name: 'overcastPlainHttp',
  sendRequest: (request, next) => {
    request.allowInsecureConnection = true;
    request.headers.set('authorization', `Bearer ${token}`);
    return next(request);
  },
});

const simulatedCredential: TokenCredential = {
  getToken: () => Promise.resolve({ token: 'simulated', expiresOnTimestamp: Number.MAX_SAFE_INTEGER }),
};

export function credentialFrom(secret: AzureCredentials): TokenCredential {
  if (secret.endpoint !== undefined) return simulatedCredential;
  const { tenantId, clientId, clientSecret } = secret;
  if (tenantId === undefined || clientId === undefined || clientSecret === undefined)
    throw new Error('azure credentials without tenantId, clientId or clientSecret');
  return new ClientSecretCredential(tenantId, clientId, clientSecret);
}

/**
 * How every client of ours asks. The SDK's own retries are replaced: they sleep for as long as `retry-after` says, and no
 * call of the contract may hold its function; beyond a few seconds callers wait and repeat.
 */
export function prepare(pipeline: Pipeline, secret: AzureCredentials): void {
  pipeline.removePolicy({ name: sdkRetryPolicyName });
  pipeline.addPolicy(retryPolicy([briefly], { maxRetries: retriesMax }), { phase: 'Retry' });
  pipeline.addPolicy(impatient);
  if (secret.endpoint === undefined) return;
  pipeline.removePolicy({ name: bearerTokenAuthenticationPolicyName });
  pipeline.addPolicy(plainHttp(secret.clientId ?? 'simulated'));
}
