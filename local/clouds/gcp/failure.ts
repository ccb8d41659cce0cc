import type { SimulatedResponse } from '../server.ts';

/** A refusal in the words of Google's JSON APIs. */
export class Failure extends Error {
  readonly status: number;
  /** `errors[0].reason`: what programs look at. */
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

export const invalid = (message: string): Failure => new Failure(400, 'invalid', message);

export const invalidField = (field: string, value: unknown, why: string): Failure =>
  invalid(`Invalid value for field '${field}': '${text(value)}'. ${why}`);

export const missing = (field: string): Failure =>
  new Failure(400, 'required', `Required field '${field}' not specified`);

export const notFound = (path: string): Failure =>
  new Failure(404, 'notFound', `The resource '${path}' was not found`);

export const alreadyExists = (path: string): Failure =>
  new Failure(409, 'alreadyExists', `The resource '${path}' already exists`);

export const inUse = (path: string, kind: string, by: string): Failure =>
  new Failure(
    400,
    'resourceInUseByAnotherResource',
    `The ${kind} resource '${path}' is already being used by '${by}'`,
  );

export const notReady = (path: string): Failure =>
  new Failure(400, 'resourceNotReady', `The resource '${path}' is not ready`);

/** A JSON value as messages show it. */
export const text = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** google.rpc.Code names by HTTP status, as the `status` member spells them. */
const statusNames: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'ALREADY_EXISTS',
  412: 'FAILED_PRECONDITION',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
};

const usageReasons = new Set(['rateLimitExceeded', 'userRateLimitExceeded', 'quotaExceeded']);

export const json = (status: number, value: unknown): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'application/json; charset=UTF-8', vary: 'Origin, X-Origin, Referer' },
  body: JSON.stringify(value, null, 2),
});

export function failed({ status, reason, message }: Failure): SimulatedResponse {
  const domain = usageReasons.has(reason) ? 'usageLimits' : 'global';
  return json(status, {
    error: {
      code: status,
      message,
      errors: [
        {
          message,
          domain,
          reason,
          ...(reason === 'authError' ? { location: 'Authorization', locationType: 'header' } : {}),
        },
      ],
      ...(statusNames[status] === undefined ? {} : { status: statusNames[status] }),
    },
  });
}
