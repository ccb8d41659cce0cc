import { Duration } from 'aws-cdk-lib';
import {
  EventField,
  Rule,
  RuleTargetInput,
  Schedule,
  type EventBus,
  type IRuleTarget,
} from 'aws-cdk-lib/aws-events';
import { LambdaFunction, SfnStateMachine, SqsQueue } from 'aws-cdk-lib/aws-events-targets';
import { SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { Construct } from 'constructs';
import { reconcileTick } from '../../events/reconcile-tick.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { operationKinds, type OperationKind } from '../../shared/domain/operation.ts';
import {
  cloudEvents,
  consumption,
  deadExecutions,
  eventRoutes,
  nameReading,
  priceReading,
  queueConsumer,
  tick,
  timelineFunction,
  type EventRoute,
  type EventTarget,
} from '../event-routes.ts';
import type { QueueName } from '../functions.ts';
import { pascalCase, type PlatformFunction } from './platform-function.ts';
import { FailsForHours, type Alarms } from './alarms.ts';
import type { StateMachines } from './state-machines.ts';
import { DeadLetters, type WorkQueue } from './work-queue.ts';

export interface EventRulesProps {
  readonly bus: EventBus;
  readonly machines: StateMachines;
  readonly alarms: Alarms;
  /** Whether there is a hosted zone to look at. */
  readonly hasHostedZone: boolean;
  readonly functionNamed: (name: string) => PlatformFunction;
  readonly queueNamed: (name: QueueName) => WorkQueue;
}

/** An event is a hint: after an hour the tick has long found what it hinted at. */
const eventAge = Duration.hours(1);

/** Who acts on what: the table of the design, as rules. No rule per cluster, ever. */
export class EventRules extends Construct {
  readonly #props: EventRulesProps;
  readonly #dead: DeadLetters;

  constructor(scope: Construct, id: string, props: EventRulesProps) {
    super(scope, id);
    this.#props = props;
    this.#dead = new DeadLetters(this, 'Undelivered', { what: 'an event', alarms: props.alarms });

    for (const { id, events, to } of eventRoutes) this.#on(id, events, this.#target(to));

    new Rule(this, 'Timeline', {
      description: 'Everything that happens is written down',
      eventBus: props.bus,
      eventPattern: { source: [{ prefix: 'overcast.' }] as unknown as string[] },
      targets: [this.#function(timelineFunction)],
    });
    new Rule(this, 'CloudEvents', {
      description: 'Whatever EC2 says of instances reaches those whose nodes they are',
      eventPattern: { source: [cloudEvents.source], detailType: [...cloudEvents.detailTypes] },
      targets: [this.#function(cloudEvents.function)],
    });
    new Rule(this, 'DeadExecutions', {
      description: 'Executions that ended without settling give up what they own',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          status: [...deadExecutions.statuses],
          stateMachineArn: operationKinds.map((kind) => props.machines.byKind[kind].stateMachineArn),
        },
      },
      targets: [this.#function(deadExecutions.function)],
    });
    new Rule(this, 'Tick', {
      description: 'Whatever events did not do, the tick finds',
      schedule: Schedule.rate(Duration.minutes(tick.everyMinutes)),
      targets: [
        new LambdaFunction(props.functionNamed(tick.function).function, {
          ...this.#delivery(),
          event: RuleTargetInput.fromObject({
            id: EventField.eventId,
            time: EventField.time,
            source: reconcileTick.sources[0],
            'detail-type': reconcileTick.name,
            detail: {},
          }),
        }),
      ],
    });

    new Rule(this, 'Prices', {
      description: 'What the clouds sell, wherever clusters live',
      schedule: Schedule.rate(Duration.hours(priceReading.everyHours)),
      targets: priceReading.functions.map(
        (name) =>
          new LambdaFunction(props.functionNamed(name).function, {
            ...this.#delivery(),
            event: RuleTargetInput.fromObject({}),
          }),
      ),
    });

    for (const name of priceReading.functions)
      new FailsForHours(this, `${pascalCase(name)}Fails`, {
        of: props.functionNamed(name).function,
        hours: priceReading.failingHoursMax,
        so: 'nodes are chosen by what was sold before, or by the built-in table',
        alarms: props.alarms,
      });

    if (props.hasHostedZone)
      new Rule(this, 'Names', {
        description: 'What is in the hosted zone, whoever changed it',
        schedule: Schedule.rate(Duration.minutes(nameReading.everyMinutes)),
        targets: [
          new LambdaFunction(props.functionNamed(nameReading.function).function, {
            ...this.#delivery(),
            event: RuleTargetInput.fromObject({}),
          }),
        ],
      });

    this.#consume('reconcile');
    this.#consume('observe-pods');
    for (const cloud of cloudNames) this.#consume(`observe-${cloud}`);
  }

  #delivery(): { deadLetterQueue: DeadLetters['queue']; maxEventAge: Duration; retryAttempts: number } {
    return { deadLetterQueue: this.#dead.queue, maxEventAge: eventAge, retryAttempts: 20 };
  }

  #target(to: EventTarget): IRuleTarget {
    if ('machine' in to) return this.#machine(to.machine);
    if ('function' in to) return this.#function(to.function);
    return new SqsQueue(this.#props.queueNamed(to.queue).queue, this.#delivery());
  }

  #machine(kind: OperationKind): IRuleTarget {
    return new SfnStateMachine(this.#props.machines.byKind[kind], {
      ...this.#delivery(),
      input: RuleTargetInput.fromEventPath('$.detail'),
    });
  }

  #function(name: string): IRuleTarget {
    return new LambdaFunction(this.#props.functionNamed(name).function, this.#delivery());
  }

  #on(id: string, events: EventRoute['events'], target: IRuleTarget): void {
    new Rule(this, id, {
      eventBus: this.#props.bus,
      eventPattern: {
        source: [...new Set(events.flatMap((event) => [...event.sources]))],
        detailType: events.map((event) => event.name),
      },
      targets: [target],
    });
  }

  #consume(queue: QueueName): void {
    this.#props.functionNamed(queueConsumer(queue)).function.addEventSource(
      new SqsEventSource(this.#props.queueNamed(queue).queue, {
        batchSize: consumption(queue).batchSize,
        reportBatchItemFailures: true,
        maxConcurrency: consumption(queue).concurrencyMax,
      }),
    );
  }
}
