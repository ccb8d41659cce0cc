import { Token, Validations, type Stack } from 'aws-cdk-lib';
import { accountSecretName, cloudNames } from '../../shared/domain/cloud.ts';
import { operationKinds } from '../../shared/domain/operation.ts';

/** What cdk-nag finds and we mean, each with its reason. */
export function acknowledgeFindings(
  stack: Stack,
  { installation, snapshotBucketId }: { readonly installation: string; readonly snapshotBucketId: string },
): void {
  const region = Token.isUnresolved(stack.region) ? '<AWS::Region>' : stack.region;
  const account = Token.isUnresolved(stack.account) ? '<AWS::AccountId>' : stack.account;
  const findings = [
    ...operationKinds.map((kind) => ({
      id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:${region}:${account}:execution:${installation}-${kind}:*]`,
      reason: 'Executions have names of their own; the right ends at this installation’s own machine',
    })),
    ...cloudNames.flatMap((cloud) =>
      (['drive', 'look'] as const).map((access) => ({
        id: `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:secretsmanager:${region}:${account}:secret:${accountSecretName(cloud, '*', access)}]`,
        reason:
          'Accounts are added while the platform runs; each cloud’s functions reach that cloud’s accounts alone',
      })),
    ),
    {
      id: `AwsSolutions-IAM5[Resource::<${snapshotBucketId}.Arn>/clusters/*]`,
      reason: 'Clusters come and go; the right ends at their folder of the one bucket',
    },
    {
      id: 'AwsSolutions-S1',
      reason:
        'Each upload is by an instruction that the table and the timeline record; access logs would need a second bucket of their own',
    },
    {
      id: 'AwsSolutions-IAM5[Resource::*]',
      reason:
        'Step Functions’ log delivery and tracing, and listing and creating health checks, cannot be limited to a resource',
    },
    {
      id: 'AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:route53:::healthcheck/*]',
      reason:
        'Health checks come and go with clusters, and AWS names them; only what carries a cluster’s reference is deleted',
    },
    {
      id: 'AwsSolutions-APIG4',
      reason:
        'API keys and node secrets are checked by the functions themselves, against hashes in the table',
    },
    { id: 'AwsSolutions-SQS3', reason: 'The queue of undelivered events is itself a dead-letter queue' },
  ];
  for (const finding of findings) Validations.of(stack).acknowledge(finding);
}
