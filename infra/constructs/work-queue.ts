import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { receivesMax, visibilitySeconds } from '../event-routes.ts';
import type { Alarms } from './alarms.ts';

/** Where what could not be delivered waits for a person, with the alarm that calls one. */
export class DeadLetters extends Construct {
  readonly queue: Queue;

  constructor(scope: Construct, id: string, options: { readonly what: string; readonly alarms: Alarms }) {
    super(scope, id);
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    const alarm = new Alarm(this, 'Alarm', {
      alarmDescription: `${options.what} could not be delivered; it waits in ${this.queue.queueName}`,
      metric: this.queue.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(1) }),
      threshold: 1,
      evaluationPeriods: 1,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(options.alarms.topic));
  }
}

/** A queue in front of one function, with its dead letters. */
export class WorkQueue extends Construct {
  readonly queue: Queue;

  constructor(
    scope: Construct,
    id: string,
    options: { readonly functionTimeoutSeconds: number; readonly alarms: Alarms },
  ) {
    super(scope, id);
    const dead = new DeadLetters(this, 'Dead', { what: `a message of ${id}`, alarms: options.alarms });
    this.queue = new Queue(this, 'Queue', {
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      visibilityTimeout: Duration.seconds(visibilitySeconds(options.functionTimeoutSeconds)),
      deadLetterQueue: { queue: dead.queue, maxReceiveCount: receivesMax },
    });
  }
}
