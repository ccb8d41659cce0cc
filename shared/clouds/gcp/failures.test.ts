import { describe, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import { HttpFailure, isForLater, OperationFailure, translated } from './failures.ts';
import { freshFailure } from './operations.ts';

const throttle = (retryAfterSeconds?: number) =>
  translated(new HttpFailure({ status: 429, reason: 'rateLimitExceeded', message: 'no', retryAfterSeconds }));

const at = (endedAt: number, code: string, type = 'insert') => ({
  type,
  done: true,
  requestId: '',
  endedAt,
  failure: new OperationFailure(code, code),
});

describe('a refusal of Google Cloud in the words of the contract', () => {
  it.each([
    [401, 'authError', 'CredentialsRejected'],
    [403, 'forbidden', 'CredentialsRejected'],
    [403, 'accessNotConfigured', 'CredentialsRejected'],
    [403, 'rateLimitExceeded', 'Throttled'],
    [403, 'userRateLimitExceeded', 'Throttled'],
    [429, 'RESOURCE_EXHAUSTED', 'Throttled'],
    [403, 'quotaExceeded', 'QuotaExceeded'],
    [503, 'ZONE_RESOURCE_POOL_EXHAUSTED', 'CapacityUnavailable'],
    [503, 'backendError', 'CloudUnavailable'],
    [500, 'internalError', 'CloudUnavailable'],
    [0, 'noAnswer', 'CloudUnavailable'],
    [400, 'invalid', 'InvalidRequest'],
    [404, 'notFound', 'InvalidRequest'],
    [412, 'conditionNotMet', 'InvalidRequest'],
  ])('%d %s is %s', (status, reason, name) => {
    const error = translated(new HttpFailure({ status, reason, message: 'no' }));
    expect(error).toBeInstanceOf(CloudError);
    expect(error).toMatchObject({ name, cloud: 'gcp', code: reason });
  });

  it.each([
    ['ZONE_RESOURCE_POOL_EXHAUSTED', 'CapacityUnavailable'],
    ['ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS', 'CapacityUnavailable'],
    ['STOCKOUT', 'CapacityUnavailable'],
    ['QUOTA_EXCEEDED', 'QuotaExceeded'],
    ['RATE_LIMIT_EXCEEDED', 'Throttled'],
    ['PERMISSIONS_ERROR', 'CredentialsRejected'],
    ['INTERNAL_ERROR', 'CloudUnavailable'],
    ['RESOURCE_NOT_FOUND', 'InvalidRequest'],
  ])('an operation that ends with %s is %s', (code, name) => {
    expect(translated(new OperationFailure(code, 'no'))).toMatchObject({ name, code });
  });

  it('says how long to wait: what the cloud says, else a few seconds', () => {
    expect(throttle(17)).toMatchObject({ retryAfterSeconds: 17 });
    expect(throttle()).toMatchObject({ retryAfterSeconds: 5 });
  });

  it('leaves a bug what it is', () => {
    const bug = new TypeError('x is not a function');
    expect(translated(bug)).toBe(bug);
  });
});

describe('an insert that was accepted and failed', () => {
  it.each([
    ['the newest of those that ended just now', [at(90_000, 'OLD'), at(95_000, 'NEW')], 'NEW'],
    ['none that ended long ago: it is tried again', [at(60_000, 'OLD')], undefined],
    ['none but inserts', [at(95_000, 'DELETE', 'delete')], undefined],
    ['nothing when nothing failed', [{ ...at(95_000, ''), failure: undefined }], undefined],
  ])('reports %s', (_name, operations, code) => {
    expect(freshFailure(operations, 100_000)?.code).toBe(code);
  });
});

it.each([
  [new HttpFailure({ status: 400, reason: 'resourceInUseByAnotherResource', message: 'no' }), true],
  [new OperationFailure('RESOURCE_IN_USE_BY_ANOTHER_RESOURCE', 'no'), true],
  [new OperationFailure('RESOURCE_NOT_READY', 'no'), true],
  [new OperationFailure('QUOTA_EXCEEDED', 'no'), false],
  [new HttpFailure({ status: 403, reason: 'quotaExceeded', message: 'no' }), false],
])('%s is only for later: %s', (error, later) => {
  expect(isForLater(error)).toBe(later);
});
