import { describe, expect, it } from 'vitest';
import { CloudError, isCloudError } from '../errors.ts';
import { translated } from './errors.ts';

const failure = (name: string, status?: number, more: object = {}): Error =>
  Object.assign(new Error('as EC2 puts it'), {
    name,
    ...(status === undefined ? {} : { $metadata: { httpStatusCode: status } }),
    ...more,
  });

describe('EC2’s ways to say no, in the contract’s words', () => {
  it.each([
    ['RequestLimitExceeded', 503, 'Throttled'],
    ['Throttling', 400, 'Throttled'],
    ['ThrottlingException', 400, 'Throttled'],
    ['UnknownError', 429, 'Throttled'],
    ['InsufficientInstanceCapacity', 500, 'CapacityUnavailable'],
    ['UnfulfillableCapacity', 500, 'CapacityUnavailable'],
    ['SpotMaxPriceTooLow', 400, 'CapacityUnavailable'],
    ['Unsupported', 400, 'CapacityUnavailable'],
    ['IdempotentInstanceTerminated', 400, 'CapacityUnavailable'],
    ['MaxSpotInstanceCountExceeded', 400, 'QuotaExceeded'],
    ['VcpuLimitExceeded', 400, 'QuotaExceeded'],
    ['InstanceLimitExceeded', 400, 'QuotaExceeded'],
    ['VpcLimitExceeded', 400, 'QuotaExceeded'],
    ['RulesPerSecurityGroupLimitExceeded', 400, 'QuotaExceeded'],
    ['InsufficientFreeAddressesInSubnet', 400, 'QuotaExceeded'],
    ['TooManyLoadBalancersException', 400, 'QuotaExceeded'],
    ['TooManyTargetGroups', 400, 'QuotaExceeded'],
    ['TargetGroupAssociationLimitException', 400, 'QuotaExceeded'],
    ['TooManyRequestsException', 400, 'Throttled'],
    ['LoadBalancerNotFoundException', 400, 'InvalidRequest'],
    ['AuthFailure', 401, 'CredentialsRejected'],
    ['UnauthorizedOperation', 403, 'CredentialsRejected'],
    ['AuthFailure.ServiceLinkedRoleCreationNotPermitted', 400, 'CredentialsRejected'],
    ['SomethingForbidden', 403, 'CredentialsRejected'],
    ['InvalidClientTokenId', 403, 'CredentialsRejected'],
    ['RequestExpired', 400, 'CredentialsRejected'],
    ['InvalidParameterValue', 400, 'InvalidRequest'],
    ['InvalidSubnetID.NotFound', 400, 'InvalidRequest'],
    ['IdempotentParameterMismatch', 400, 'InvalidRequest'],
    ['InternalError', 500, 'CloudUnavailable'],
    ['Unavailable', 503, 'CloudUnavailable'],
    ['SomethingNew', 502, 'CloudUnavailable'],
    ['TimeoutError', undefined, 'CloudUnavailable'],
  ] as const)('%s (%s) is %s', (code, status, name) => {
    const error = translated(failure(code, status));
    expect(error).toBeInstanceOf(CloudError);
    expect(error).toMatchObject({ name, cloud: 'aws', code });
  });

  it('a connection that broke is CloudUnavailable', () => {
    expect(translated(failure('Error', undefined, { code: 'ECONNRESET' }))).toMatchObject({
      name: 'CloudUnavailable',
      code: 'ECONNRESET',
    });
  });

  it('a throttle says how long to wait, in the cloud’s words where it has any', () => {
    expect(translated(failure('RequestLimitExceeded', 503))).toMatchObject({ retryAfterSeconds: 5 });
    expect(
      translated(failure('RequestLimitExceeded', 503, { $response: { headers: { 'retry-after': '17' } } })),
    ).toMatchObject({ retryAfterSeconds: 17 });
  });

  it('a bug stays what it is', () => {
    const bug = new TypeError('undefined is not a function');
    expect(translated(bug)).toBe(bug);
    expect(isCloudError(translated(bug))).toBe(false);
  });
});
