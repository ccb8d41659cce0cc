import type { CloudName } from '../domain/cloud.ts';

/**
 * The closed set of ways in which a cloud says no. Step Functions matches `name`, and bundles are minified, so each
 * name is set literally. Whatever a driver cannot map to one of these it throws as it came: a bug should look like one.
 */
export const cloudErrorNames = [
  'CapacityUnavailable',
  'QuotaExceeded',
  'Throttled',
  'CredentialsRejected',
  'InvalidRequest',
  'CloudUnavailable',
] as const;
export type CloudErrorName = (typeof cloudErrorNames)[number];

export class CloudError extends Error {
  override readonly name: CloudErrorName;
  readonly cloud: CloudName;
  /** The cloud's own code (`InsufficientInstanceCapacity`), for people and for the cool-off's reason. */
  readonly code: string;
  /** Only for `Throttled`: how long the cloud asks to be left alone. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    name: CloudErrorName,
    options: { cloud: CloudName; code: string; message: string; retryAfterSeconds?: number; cause?: unknown },
  ) {
    super(`${options.cloud}: ${options.message}`, { cause: options.cause });
    this.name = name;
    this.cloud = options.cloud;
    this.code = options.code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

export const isCloudError = (error: unknown, name?: CloudErrorName): error is CloudError =>
  error instanceof CloudError && (name === undefined || error.name === name);
