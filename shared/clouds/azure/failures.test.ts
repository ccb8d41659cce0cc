import { describe, expect, it } from 'vitest';
import { CloudError } from '../errors.ts';
import { failedLater, found, translated, unlessBusy } from './failures.ts';

const spoken = (message: string, fields: Record<string, unknown> = {}): Error =>
  Object.assign(new Error(message), fields);
const http = (statusCode: number, code: string, message = 'no', retryAfter?: string): Error =>
  spoken(message, { statusCode, code, response: { headers: new Map([['retry-after', retryAfter]]) } });

describe('what Azure says, in the words of the contract', () => {
  it.each([
    ['SkuNotAvailable', http(409, 'SkuNotAvailable'), 'CapacityUnavailable'],
    ['AllocationFailed', http(409, 'AllocationFailed'), 'CapacityUnavailable'],
    ['ZonalAllocationFailed', http(409, 'ZonalAllocationFailed'), 'CapacityUnavailable'],
    [
      'OverconstrainedAllocationRequest',
      http(409, 'OverconstrainedAllocationRequest'),
      'CapacityUnavailable',
    ],
    [
      'an operation that failed, without a code',
      spoken('The long-running operation has failed. SkuNotAvailable. The requested size is not available.'),
      'CapacityUnavailable',
    ],
    [
      'an operation that failed for nothing we know',
      spoken('The long-running operation has failed'),
      'CloudUnavailable',
    ],
    ['QuotaExceeded', http(409, 'QuotaExceeded'), 'QuotaExceeded'],
    [
      'a quota of cores',
      http(409, 'OperationNotAllowed', 'it results in exceeding approved Total Regional Cores quota'),
      'QuotaExceeded',
    ],
    ['a limit of addresses', http(400, 'PublicIPCountLimitReached'), 'QuotaExceeded'],
    [
      'something else that is not allowed',
      http(409, 'OperationNotAllowed', 'the machine is generalized'),
      'InvalidRequest',
    ],
    ['a throttle', http(429, 'SubscriptionRequestsThrottled', 'slow', '17'), 'Throttled'],
    ['a token that is not known', http(401, 'InvalidAuthenticationToken'), 'CredentialsRejected'],
    ['a right that is missing', http(403, 'AuthorizationFailed'), 'CredentialsRejected'],
    ['a subscription that is not seen', http(404, 'SubscriptionNotFound'), 'CredentialsRejected'],
    [
      'a client secret that is wrong',
      spoken('invalid_client', { name: 'AuthenticationError', statusCode: 401 }),
      'CredentialsRejected',
    ],
    [
      'a token endpoint that is down',
      spoken('down', { name: 'AuthenticationError', statusCode: 503 }),
      'CloudUnavailable',
    ],
    ['an outage', http(503, 'ServiceUnavailable'), 'CloudUnavailable'],
    ['a connection that was cut', spoken('reset', { code: 'ECONNRESET' }), 'CloudUnavailable'],
    ['a name that is not found', spoken('dns', { code: 'EAI_AGAIN' }), 'CloudUnavailable'],
    ['no answer in time', spoken('aborted', { name: 'AbortError' }), 'CloudUnavailable'],
    ['a body that is not understood', http(400, 'InvalidRequestFormat'), 'InvalidRequest'],
  ])('%s', (_, error, name) => {
    expect(translated(error)).toMatchObject({ name, cloud: 'azure' });
  });

  it('keeps how long Azure wants to be left alone', () => {
    expect(translated(http(429, 'TooManyRequests', 'slow', '17'))).toMatchObject({ retryAfterSeconds: 17 });
    expect(translated(http(429, 'TooManyRequests', 'slow'))).toMatchObject({ retryAfterSeconds: 10 });
  });

  it('leaves a bug as it came', () => {
    const bug = new TypeError('undefined is not a function');
    expect(translated(bug)).toBe(bug);
  });

  it.each([
    ['AllocationFailed', 'CapacityUnavailable'],
    ['QuotaExceeded', 'QuotaExceeded'],
    ['OSProvisioningTimedOut', 'CloudUnavailable'],
    ['', 'CloudUnavailable'],
  ])('a machine that failed later with "%s" is %s', (code, name) => {
    expect(failedLater(code, 'because')).toMatchObject({ name });
    expect(failedLater(code, 'because')).toBeInstanceOf(CloudError);
  });
});

describe('found', () => {
  it('is nothing for what is not there, and fails for a subscription that is not', async () => {
    expect(await found(Promise.reject(http(404, 'ResourceNotFound')))).toBeUndefined();
    await expect(found(Promise.reject(http(404, 'SubscriptionNotFound')))).rejects.toThrow('no');
  });
});

async function outcomeOf(failure: Error): Promise<'waits' | 'fails'> {
  const [outcome] = await Promise.allSettled([unlessBusy(Promise.reject(failure))]);
  return outcome.status === 'fulfilled' ? 'waits' : 'fails';
}

describe('unlessBusy', () => {
  it.each([
    [http(409, 'AnotherOperationInProgress'), 'waits'],
    [http(429, 'ReferencedResourceNotProvisioned'), 'waits'],
    [http(429, 'SubscriptionRequestsThrottled', 'slow', '5'), 'fails'],
    [http(409, 'SkuNotAvailable'), 'fails'],
    [http(404, 'ResourceGroupNotFound'), 'fails'],
  ])('%s %s', async (error, outcome) => {
    expect(await outcomeOf(error)).toBe(outcome);
  });
});
