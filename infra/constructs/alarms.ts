import { Duration } from 'aws-cdk-lib';
import { Alarm, ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import type { Function } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { Construct } from 'constructs';

/** Where alarms go: subscribe to it whoever is on call. One topic, so that a new alarm needs no new subscription. */
export class Alarms extends Construct {
  readonly topic: Topic;

  constructor(scope: Construct, id: string) {
    super(scope, id);
    this.topic = new Topic(this, 'Topic', { displayName: 'Overcast alarms', enforceSSL: true });
  }
}

/**
 * Calls for somebody when a function has failed in each of so many hours. What runs every hour mends by itself what one bad
 * hour left; what goes on failing leaves decisions to what is known from before.
 */
export class FailsForHours extends Construct {
  constructor(
    scope: Construct,
    id: string,
    options: { readonly of: Function; readonly hours: number; readonly so: string; readonly alarms: Alarms },
  ) {
    super(scope, id);
    const { of, hours, so, alarms } = options;
    const alarm = new Alarm(this, 'Alarm', {
      alarmDescription: `${of.functionName} has failed in each of ${hours} hours: ${so}`,
      metric: of.metricErrors({ period: Duration.hours(1), statistic: 'Sum' }),
      threshold: 1,
      evaluationPeriods: hours,
      datapointsToAlarm: hours,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      treatMissingData: TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(alarms.topic));
  }
}
