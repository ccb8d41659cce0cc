import type { Action } from './describe.ts';
import { accountId } from './vpcs.ts';

/** Who am I: answered by STS, with the same credentials. */
export const stsActions: Record<string, Action> = {
  GetCallerIdentity: {
    parameters: [],
    operation: 'verifyAccount',
    run: () => ({
      Arn: `arn:aws:iam::${accountId}:user/overcast`,
      UserId: 'AIDACKCEVSQ6C2EXAMPLE',
      Account: accountId,
    }),
  },
};

export const accountActions = (): Record<string, Action> => ({
  DescribeAccountAttributes: {
    parameters: ['AttributeName.N', 'DryRun'],
    operation: 'verifyAccount',
    run: () => ({
      accountAttributeSet: [
        { attributeName: 'supported-platforms', attributeValueSet: [{ attributeValue: 'VPC' }] },
        { attributeName: 'default-vpc', attributeValueSet: [{ attributeValue: 'none' }] },
        {
          attributeName: 'vpc-max-security-groups-per-interface',
          attributeValueSet: [{ attributeValue: '5' }],
        },
      ],
    }),
  },
});
