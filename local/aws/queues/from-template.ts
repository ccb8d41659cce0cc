import type { Guard } from '../iam/guard.ts';
import { functionNamed } from '../lambda/from-template.ts';
import type { FunctionConfiguration } from '../lambda/function.ts';
import type { Stack } from '../template/stack.ts';
import type { EventSource } from './event-source.ts';

/** Lambda's own default; and enough at a time for one machine, where AWS begins with five. */
const batchSizeDefault = 10;
const concurrencyDefault = 5;

/** @throws as a deployment would, when a function's role may not read its queue */
export const readEventSources = (
  stack: Stack,
  functions: readonly FunctionConfiguration[],
  guard: Guard,
): EventSource[] =>
  stack.all('AWS::Lambda::EventSourceMapping').flatMap(({ logicalId, properties }) => {
    if (properties.Enabled === false) return [];
    const configuration = functionNamed(functions, properties.FunctionName, logicalId);
    const queueArn = properties.EventSourceArn;
    const isQueue = stack.all('AWS::SQS::Queue').some(({ attribute }) => attribute('Arn') === queueArn);
    if (!isQueue)
      throw new Error(
        `${logicalId} (AWS::Lambda::EventSourceMapping): ${queueArn} is no queue of this template`,
      );
    for (const action of ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'])
      if (
        !guard.allows(configuration.roleArn, {
          action,
          resources: [queueArn],
          context: { 'aws:SecureTransport': ['true'] },
        })
      )
        throw new Error(
          `${logicalId} (AWS::Lambda::EventSourceMapping): the role of ${configuration.name} does not allow ${action} on ${queueArn}`,
        );
    return {
      queueArn,
      function: configuration,
      batchSize: properties.BatchSize ?? batchSizeDefault,
      batchingWindowSeconds: properties.MaximumBatchingWindowInSeconds ?? 0,
      concurrencyMax: properties.ScalingConfig?.MaximumConcurrency ?? concurrencyDefault,
      reportsItemFailures: properties.FunctionResponseTypes?.includes('ReportBatchItemFailures') ?? false,
    };
  });
