import type { Stack } from '../template/stack.ts';
import { lastPart } from '../addresses.ts';
import type { Rule } from './events.ts';

/** EventBridge's own: a day, and 185 tries. */
const ageSecondsDefault = 86_400;
const retriesDefault = 185;

export const readBuses = (stack: Stack): string[] =>
  stack.all('AWS::Events::EventBus').map(({ properties }) => properties.Name);

export const readRules = (stack: Stack): Rule[] =>
  stack.all('AWS::Events::Rule').flatMap(({ logicalId, attribute, properties }) => {
    if (properties.State === 'DISABLED') return [];
    return {
      logicalId,
      name: lastPart(attribute('Arn')),
      arn: attribute('Arn'),
      bus: (properties.EventBusName ?? 'default').replace(/^.*event-bus\//, ''),
      ...(properties.EventPattern === undefined ? {} : { pattern: properties.EventPattern }),
      ...(properties.ScheduleExpression === undefined ? {} : { schedule: properties.ScheduleExpression }),
      targets: (properties.Targets ?? []).map((target) => ({
        arn: target.Arn,
        Input: target.Input,
        InputPath: target.InputPath,
        InputTransformer: target.InputTransformer,
        ...(target.RoleArn === undefined ? {} : { roleArn: target.RoleArn }),
        retriesMax: target.RetryPolicy?.MaximumRetryAttempts ?? retriesDefault,
        ageSecondsMax: target.RetryPolicy?.MaximumEventAgeInSeconds ?? ageSecondsDefault,
        ...(target.DeadLetterConfig === undefined ? {} : { deadLetterArn: target.DeadLetterConfig.Arn }),
        ...(target.SqsParameters === undefined
          ? {}
          : { messageGroupId: target.SqsParameters.MessageGroupId }),
      })),
    };
  });
