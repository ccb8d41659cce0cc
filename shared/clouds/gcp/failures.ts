import { CloudError, type CloudErrorName } from '../errors.ts';

/** The API's answer to a request that it refused, or `status: 0` when there was no answer. */
export class HttpFailure extends Error {
  readonly status: number;
  /** `errors[0].reason`, which the SDK's own error leaves out: it tells a throttle from a quota from a lack of rights. */
  readonly reason: string;
  readonly retryAfterSeconds: number | undefined;

  constructor(options: {
    status: number;
    reason: string;
    message: string;
    retryAfterSeconds?: number | undefined;
    cause?: unknown;
  }) {
    super(options.message, { cause: options.cause });
    this.name = 'HttpFailure';
    this.status = options.status;
    this.reason = options.reason;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** An operation that was accepted and failed later. */
export class OperationFailure extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = 'OperationFailure';
    this.code = code;
  }
}

/** GCE's limits are per minute and it does not say when the minute is over. */
const throttleSecondsDefault = 5;

const throttleReasons = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'RATE_LIMIT_EXCEEDED']);

export const isThrottle = (failure: HttpFailure): boolean =>
  failure.status === 429 || throttleReasons.has(failure.reason);

/** The request itself was found wrong: nothing was begun by it. */
export const isRefused = (error: unknown): boolean =>
  error instanceof HttpFailure && [400, 409, 412].includes(error.status);

export const isNotFound = (error: unknown): boolean => error instanceof HttpFailure && error.status === 404;

const reasonsForLater = new Set([
  'alreadyExists',
  'resourceNotReady',
  'resourceInUseByAnotherResource',
  // What was read just now, and sent along as its fingerprint, is not so any more.
  'conditionNotMet',
  // Of an instance group.
  'memberAlreadyExists',
  'memberNotFound',
]);

/** Somebody, most likely ourselves a moment ago, has made or changed it, is still at it, or is still using it: look again. */
export const isForLater = (error: unknown): boolean =>
  (error instanceof HttpFailure && reasonsForLater.has(error.reason)) ||
  // The same, found only by the operation: a network's deletion says it either way.
  (error instanceof OperationFailure &&
    ['RESOURCE_NOT_READY', 'RESOURCE_IN_USE_BY_ANOTHER_RESOURCE'].includes(error.code));

const codes: readonly (readonly [RegExp, CloudErrorName])[] = [
  // https://cloud.google.com/compute/docs/troubleshooting/troubleshooting-vm-creation
  [/RESOURCE_POOL_EXHAUSTED|STOCKOUT|INSUFFICIENT_CAPACITY|VM_MIN_COUNT_NOT_REACHED/, 'CapacityUnavailable'],
  [/RATE_LIMIT_EXCEEDED/, 'Throttled'],
  [/^quotaExceeded$|QUOTA_EXCEEDED|LIMIT_EXCEEDED|IP_SPACE_EXHAUSTED/, 'QuotaExceeded'],
  [/PERMISSIONS?_(?:ERROR|DENIED)/, 'CredentialsRejected'],
  [/INTERNAL_ERROR|SERVICE_UNAVAILABLE|BACKEND_ERROR|TIMEOUT/, 'CloudUnavailable'],
];

const nameOf = (code: string): CloudErrorName | undefined =>
  codes.find(([pattern]) => pattern.test(code))?.[1];

function nameOfHttp(failure: HttpFailure): CloudErrorName {
  if (isThrottle(failure)) return 'Throttled';
  const named = nameOf(failure.reason);
  if (named !== undefined) return named;
  if (failure.status === 401 || failure.status === 403) return 'CredentialsRejected';
  return failure.status === 0 || failure.status >= 500 ? 'CloudUnavailable' : 'InvalidRequest';
}

/** To the closed set of errors.ts; what is none of the cloud's answers stays as it came. */
export function translated(error: unknown): unknown {
  if (error instanceof HttpFailure) {
    const name = nameOfHttp(error);
    return new CloudError(name, {
      cloud: 'gcp',
      code: error.reason,
      message: error.message,
      cause: error,
      ...(name === 'Throttled'
        ? { retryAfterSeconds: error.retryAfterSeconds ?? throttleSecondsDefault }
        : {}),
    });
  }
  if (error instanceof OperationFailure) {
    const name = nameOf(error.code) ?? 'InvalidRequest';
    return new CloudError(name, {
      cloud: 'gcp',
      code: error.code,
      message: error.message,
      cause: error,
      ...(name === 'Throttled' ? { retryAfterSeconds: throttleSecondsDefault } : {}),
    });
  }
  return error;
}

/** What the cloud said no to, in the contract's words. */
export const speaking = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    throw translated(error);
  }
};

export const refusal = (code: string, message: string): CloudError =>
  new CloudError('InvalidRequest', { cloud: 'gcp', code, message });
