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
import { clusterDeletionRequested } from '../../events/cluster-deletion-requested.ts';
import { clusterRequested } from '../../events/cluster-requested.ts';
import { driftFound } from '../../events/drift-found.ts';
import { nodeFailed } from '../../events/node-failed.ts';
import { nodeJoined } from '../../events/node-joined.ts';
import { nodeReady } from '../../events/node-ready.ts';
import { nodeRequested } from '../../events/node-requested.ts';
import { nodeRetirementRequested } from '../../events/node-retirement-requested.ts';
import { nodesPlanned } from '../../events/nodes-planned.ts';
import { operationSettled } from '../../events/operation-settled.ts';
import { podsUnschedulable } from '../../events/pods-unschedulable.ts';
import { policyChanged } from '../../events/policy-changed.ts';
import { reconcileTick } from '../../events/reconcile-tick.ts';
import { upgradeRequested } from '../../events/upgrade-requested.ts';
import { cloudNames } from '../../shared/domain/cloud.ts';
import { operationKinds, type OperationKind } from '../../shared/domain/operation.ts';
import type { QueueName } from '../functions.ts';
import type { PlatformFunction } from './platform-function.ts';
import type { Alarms } from './alarms.ts';
import type { StateMachines } from './state-machines.ts';
import { DeadLetters, type WorkQueue } from './work-queue.ts';

interface Said {
  readonly name: string;
  readonly sources: readonly string[];
}

export interface EventRulesProps {
  readonly bus: EventBus;
  readonly machines: StateMachines;
  readonly alarms: Alarms;
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

    this.#on('ProvisionCluster', [clusterRequested, driftFound], this.#machine('ProvisionCluster'));
    this.#on('CleanupCluster', [clusterDeletionRequested], this.#machine('CleanupCluster'));
    this.#on('ProvisionNode', [nodeRequested], this.#machine('ProvisionNode'));
    this.#on('RetireNode', [nodeRetirementRequested], this.#machine('RetireNode'));
    this.#on('RequestNodes', [nodesPlanned], this.#function('request-nodes'));
    this.#on('RecordNodeJoined', [nodeJoined, nodeFailed], this.#function('record-node-joined'));
    this.#on(
      'Reconcile',
      [nodeReady, operationSettled, podsUnschedulable, policyChanged, upgradeRequested],
      new SqsQueue(props.queueNamed('reconcile').queue, this.#delivery()),
    );

    new Rule(this, 'Timeline', {
      description: 'Everything that happens is written down',
      eventBus: props.bus,
      eventPattern: { source: [{ prefix: 'overcast.' }] as unknown as string[] },
      targets: [this.#function('record-timeline')],
    });
    new Rule(this, 'DeadExecutions', {
      description: 'Executions that ended without settling give up what they own',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          status: ['FAILED', 'TIMED_OUT', 'ABORTED'],
          stateMachineArn: operationKinds.map((kind) => props.machines.byKind[kind].stateMachineArn),
        },
      },
      targets: [this.#function('settle-operation')],
    });
    new Rule(this, 'Tick', {
      description: 'Whatever events did not do, the tick finds',
      schedule: Schedule.rate(Duration.minutes(1)),
      targets: [
        new LambdaFunction(props.functionNamed('tick-clusters').function, {
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

    this.#consume('reconcile', 'reconcile-cluster', 5);
    for (const cloud of cloudNames) this.#consume(`observe-${cloud}`, `observe-cloud-${cloud}`, 5);
  }

  #delivery(): { deadLetterQueue: DeadLetters['queue']; maxEventAge: Duration; retryAttempts: number } {
    return { deadLetterQueue: this.#dead.queue, maxEventAge: eventAge, retryAttempts: 20 };
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

  #on(id: string, events: readonly Said[], target: IRuleTarget): void {
    new Rule(this, id, {
      eventBus: this.#props.bus,
      eventPattern: {
        source: [...new Set(events.flatMap((event) => [...event.sources]))],
        detailType: events.map((event) => event.name),
      },
      targets: [target],
    });
  }

  #consume(queue: QueueName, name: string, concurrencyMax: number): void {
    this.#props.functionNamed(name).function.addEventSource(
      new SqsEventSource(this.#props.queueNamed(queue).queue, {
        batchSize: 10,
        reportBatchItemFailures: true,
        maxConcurrency: concurrencyMax,
      }),
    );
  }
}
