import { CloudError, type CloudErrorName } from '../errors.ts';

/** What an SDK error carries besides its name, which is EC2's error code and survives minification. */
interface Failure extends Error {
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

/** The driver's own refusal, on what a look has shown. */
export const refused = (code: string, message: string): CloudError =>
  new CloudError('InvalidRequest', { cloud: 'aws', code, message });

/** EC2 never says how long; its buckets refill within seconds. */
const throttleSecondsDefault = 5;

/**
 * EC2's codes, most specific first; a code that ends in `LimitExceeded` is a quota but for the first line's.
 * Elastic Load Balancing's begin with `TooMany` instead, and the SDK puts `Exception` behind those that it knows.
 * Source: Amazon EC2 API Reference, "Error codes for the Amazon EC2 API"; STS and Elastic Load Balancing likewise.
 */
const codes: readonly (readonly [CloudErrorName, RegExp])[] = [
  [
    'Throttled',
    /^(RequestLimitExceeded|BandwidthLimitExceeded|Throttl.*|RequestThrottled.*|TooManyRequests.*|SlowDown|EC2ThrottledException|PriorRequestNotComplete)$/,
  ],
  [
    'CapacityUnavailable',
    /^(Insufficient(Instance|Host|ReservedInstance|Address|Volume)?Capacity|UnfulfillableCapacity|SpotMaxPriceTooLow|Unsupported|IdempotentInstanceTerminated)$/,
  ],
  [
    'QuotaExceeded',
    /(LimitExceeded|CountExceeded)$|^(InsufficientFreeAddressesInSubnet|PendingSnapshotLimitExceeded)$|^TooMany(?!Requests)\w+$|AssociationLimit(Exception)?$/,
  ],
  [
    'CredentialsRejected',
    /^(AuthFailure(\..+)?|UnauthorizedOperation|AccessDenied(Exception)?|Blocked|OptInRequired|PendingVerification|InvalidClientTokenId|UnrecognizedClient(Exception)?|SignatureDoesNotMatch|IncompleteSignature|MissingAuthenticationToken|ExpiredToken(Exception)?|RequestExpired|InvalidAccessKeyId|CredentialsProviderError)$/,
  ],
  [
    'CloudUnavailable',
    /^(InternalError|InternalFailure|ServerInternal|Unavailable|ServiceUnavailable|RequestTimeout)$/,
  ],
];

/** Nobody answered: Node's own codes, and the names the SDK's transport gives them. */
const unreachable =
  /^(ECONNRESET|ECONNREFUSED|ECONNABORTED|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|TimeoutError|NetworkingError|AbortError)$/;

const isFailure = (error: unknown): error is Failure => error instanceof Error;

/** EC2's error code, or a transport's; empty for what is no error of theirs. */
export const codeOf = (error: unknown): string => (isFailure(error) ? error.name : '');

/** The error that the contract knows by this code, if it is one of EC2's or STS's. */
export const nameOfCode = (code: string): CloudErrorName | undefined =>
  codes.find(([, pattern]) => pattern.test(code))?.[0];

function retryAfter(error: Failure): number {
  const seconds = Number(error.$response?.headers?.['retry-after']);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : throttleSecondsDefault;
}

/** As the contract wants errors; what is not the cloud's doing comes back as it was. */
export function translated(error: unknown): unknown {
  if (!isFailure(error) || error instanceof CloudError) return error;
  const status = error.$metadata?.httpStatusCode;
  const transport = [error.code, error.name].find((c) => typeof c === 'string' && unreachable.test(c));
  const as = (name: CloudErrorName, code: string): CloudError =>
    new CloudError(name, {
      cloud: 'aws',
      code,
      message: `${code}: ${error.message}`,
      cause: error,
      ...(name === 'Throttled' ? { retryAfterSeconds: retryAfter(error) } : {}),
    });
  const name = nameOfCode(error.name);
  if (name !== undefined) return as(name, error.name);
  if (typeof transport === 'string') return as('CloudUnavailable', transport);
  if (status === undefined) return error;
  if (status === 429) return as('Throttled', error.name);
  if (status === 401 || status === 403) return as('CredentialsRejected', error.name);
  return as(status >= 500 ? 'CloudUnavailable' : 'InvalidRequest', error.name);
}

/** What the cloud said no to, in the contract's words. */
export const speaking = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw translated(error);
  }
};

/** Runs something whose failure with one of these codes only means: look again. @returns the code, or undefined when it went well */
export async function tolerating(codes: RegExp, work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (codes.test(codeOf(error))) return codeOf(error);
    throw error;
  }
}

/** All at once, and none is left running when the first error is thrown. */
export async function together<T>(work: readonly (() => Promise<T>)[]): Promise<T[]> {
  const outcomes = await Promise.allSettled(work.map((run) => run()));
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}
