import type { PipelineResponse } from '@azure/core-rest-pipeline';
import { CloudError, type CloudErrorName } from '../errors.ts';

/** "There is no room for this size here now": another size, zone or lifecycle may be had. */
const capacityCodes = [
  'SkuNotAvailable',
  'AllocationFailed',
  'ZonalAllocationFailed',
  'OverconstrainedAllocationRequest',
  'OverconstrainedZonalAllocationRequest',
  'NotAvailableForSubscription',
];
const quotaCodes = ['QuotaExceeded', 'ResourceQuotaExceeded'];
const credentialCodes = [
  'AuthenticationFailed',
  'AuthorizationFailed',
  'ExpiredAuthenticationToken',
  'InvalidAuthenticationToken',
  'InvalidAuthenticationTokenTenant',
  'LinkedAuthorizationFailed',
  // Azure says this to credentials that hold no role in the subscription, too.
  'SubscriptionNotFound',
];
/** Another operation holds the resource: to be looked at again, not an answer. */
const busyCodes = new Set([
  'AnotherOperationInProgress',
  'OperationPreempted',
  'ReferencedResourceNotProvisioned',
  'RetryableError',
  'ResourceGroupBeingDeleted',
  'Conflict',
]);

const throttleSecondsDefault = 10;

/** What the SDK's errors of all generations have in common; any part may be missing. */
interface Spoken {
  readonly status: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly retryAfter: string | undefined;
}

function listen(error: Error): Spoken {
  const { statusCode, code, response } = error as {
    statusCode?: number | string;
    code?: string;
    response?: { headers?: { get?: (name: string) => string | undefined } };
  };
  return {
    status: statusCode === undefined ? undefined : Number(statusCode),
    code: code ?? codeIn(error.message),
    message: error.message,
    retryAfter: response?.headers?.get?.('retry-after'),
  };
}

/** A long-running operation's failure comes as a plain Error whose message holds the code somewhere. */
const codeIn = (message: string): string =>
  [...capacityCodes, ...quotaCodes, ...credentialCodes, 'OperationNotAllowed'].find((code) =>
    new RegExp(`\\b${code}\\b`).test(message),
  ) ?? '';

const networkFailure = /^(?:REQUEST_SEND_ERROR|PARSE_ERROR|E[A-Z_]{4,})$/;

/** What @azure/core-lro says of an accepted operation that failed for no reason that we know. */
const operationFailure = /long-running operation has (?:failed|been canceled)/i;

/** Which member of the closed set this is; `undefined`: a bug, or something new. */
function nameOf({ status, code, message }: Spoken): CloudErrorName | undefined {
  if (status === 429 || code === 'TooManyRequests') return 'Throttled';
  if (capacityCodes.includes(code)) return 'CapacityUnavailable';
  // Azure says "OperationNotAllowed … exceeding approved Total Regional Cores quota".
  if (quotaCodes.includes(code) || code.endsWith('CountLimitReached')) return 'QuotaExceeded';
  if (code === 'OperationNotAllowed' && /quota|cores/i.test(message)) return 'QuotaExceeded';
  if (status === 401 || status === 403 || credentialCodes.includes(code)) return 'CredentialsRejected';
  if (status === undefined)
    return networkFailure.test(code) || operationFailure.test(message) ? 'CloudUnavailable' : undefined;
  if (status >= 500 || status === 408) return 'CloudUnavailable';
  return status >= 400 ? 'InvalidRequest' : undefined;
}

/** Failures of @azure/identity: what the token endpoint said. Their `name` is set literally by the library. */
function identityFailure(error: Error): CloudErrorName | undefined {
  if (error.name === 'AggregateAuthenticationError' || error.name === 'CredentialUnavailableError')
    return 'CredentialsRejected';
  if (error.name !== 'AuthenticationError' && error.name !== 'AuthenticationRequiredError') return undefined;
  const { statusCode } = error as { statusCode?: number };
  return statusCode !== undefined && (statusCode >= 500 || statusCode === 429)
    ? 'CloudUnavailable'
    : 'CredentialsRejected';
}

const retryAfterSeconds = (header: string | undefined): number => {
  const seconds = Number(header);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : throttleSecondsDefault;
};

const cloudError = (name: CloudErrorName, spoken: Spoken, cause?: unknown): CloudError =>
  new CloudError(name, {
    cloud: 'azure',
    code: spoken.code === '' ? name : spoken.code,
    message: spoken.message,
    cause,
    ...(name === 'Throttled' ? { retryAfterSeconds: retryAfterSeconds(spoken.retryAfter) } : {}),
  });

/** Whatever a driver's method threw, as a member of the closed set where it is one. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof CloudError) return error;
  const spoken = listen(error);
  const name =
    identityFailure(error) ??
    (error.name === 'AbortError' ? 'CloudUnavailable' : undefined) ??
    nameOf(spoken);
  return name === undefined ? error : cloudError(name, spoken, error);
}

/** What the cloud said no to, in the contract's words. */
export const speaking = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw translated(error);
  }
};

/** A reply that was asked for without a typed client. */
export function fromReply(reply: PipelineResponse): CloudError {
  const { code = '', message = '' } = errorIn(reply.bodyAsText ?? '');
  const spoken = { status: reply.status, code, message, retryAfter: reply.headers.get('retry-after') };
  return cloudError(nameOf(spoken) ?? 'CloudUnavailable', spoken);
}

function errorIn(body: string): { code?: string; message?: string } {
  try {
    return (JSON.parse(body) as { error?: { code?: string; message?: string } }).error ?? {};
  } catch {
    return { message: body.slice(0, 500) };
  }
}

/**
 * A provisioning that was accepted and failed later, as the resource's instance view tells it:
 * `ProvisioningState/failed/AllocationFailed`. Anything that is neither capacity nor quota is Azure's fault, and may
 * work elsewhere or later.
 */
export function failedLater(code: string, message: string): CloudError {
  const spoken = {
    status: undefined,
    code: code === '' ? codeIn(message) : code,
    message,
    retryAfter: undefined,
  };
  const name = nameOf(spoken);
  return cloudError(
    name === 'QuotaExceeded' || name === 'CapacityUnavailable' ? name : 'CloudUnavailable',
    spoken,
  );
}

export const invalidRequest = (code: string, message: string): CloudError =>
  new CloudError('InvalidRequest', { cloud: 'azure', code, message });

/** The value, or `undefined` when Azure says that there is no such thing. */
export async function found<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (
      error instanceof Error &&
      listen(error).status === 404 &&
      listen(error).code !== 'SubscriptionNotFound'
    )
      return undefined;
    throw error;
  }
}

/**
 * Runs a write; when another operation holds the resource, that is no failure: the next look will tell.
 *
 * @param alsoBusy another code that says so of this very write
 */
export async function unlessBusy(writing: Promise<unknown>, alsoBusy?: string): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { status, code, retryAfter } = listen(error);
    // Somebody changed it since it was read.
    if (status === 412) return;
    // Azure uses 429 for "another operation runs here", too; a true throttle names when to come back.
    if (
      (status === 409 || (status === 429 && retryAfter === undefined)) &&
      (busyCodes.has(code) || code === alsoBusy)
    )
      return;
    throw error;
  }
}

/** The same for a deletion, or a change to what may just have gone. */
export async function unlessGone(writing: Promise<unknown>): Promise<void> {
  await found(unlessBusy(writing));
}
