import { accountId } from './vpcs.ts';
import { ApiError } from './wire.ts';

/** What this simulator has an endpoint of, by the names that IAM has for them. */
export type Service = 'ec2' | 'sts' | 'elasticloadbalancing' | 'pricing';

/** The policy of the read-only key, action by action: all that observing and reading prices take, and no more. */
export const readers: Readonly<Record<Service, readonly string[]>> = {
  ec2: [
    'DescribeVpcs',
    'DescribeVpcAttribute',
    'DescribeSubnets',
    'DescribeInternetGateways',
    'DescribeRouteTables',
    'DescribeSecurityGroups',
    'DescribeInstances',
    'DescribeVolumes',
    'DescribeNetworkInterfaces',
    'DescribeInstanceTypes',
    'DescribeInstanceTypeOfferings',
    'DescribeSpotPriceHistory',
  ],
  elasticloadbalancing: [
    'DescribeLoadBalancers',
    'DescribeTargetGroups',
    'DescribeListeners',
    'DescribeTargetHealth',
    'DescribeTags',
  ],
  pricing: ['GetProducts'],
  // Every key may ask who it is, whatever its policy says.
  sts: ['GetCallerIdentity'],
};

/** As IAM has each service say it: EC2 in its own code, the others with `AccessDenied`, the price list as an exception. */
export function refusalOf(service: Service, action: string): ApiError {
  const user = `arn:aws:iam::${accountId}:user/overcast-observer`;
  const why = `User: ${user} is not authorized to perform: ${service}:${action} because no identity-based policy allows the ${service}:${action} action`;
  if (service === 'ec2')
    return new ApiError(
      'UnauthorizedOperation',
      `You are not authorized to perform this operation. ${why}`,
      403,
    );
  return service === 'pricing'
    ? new ApiError('AccessDeniedException', why, 400)
    : new ApiError('AccessDenied', why, 403);
}
