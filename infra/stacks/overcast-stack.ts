import { CfnOutput, Duration, RemovalPolicy, Stack, type StackProps } from 'aws-cdk-lib';
import { EventBus } from 'aws-cdk-lib/aws-events';
import { Key, KeySpec, KeyUsage } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';
import { cloudNames } from '../../shared/domain/cloud.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import { Alarms } from '../constructs/alarms.ts';
import { Api } from '../constructs/api.ts';
import { EventRules } from '../constructs/event-rules.ts';
import { grantRights } from '../constructs/function-rights.ts';
import { PlatformFunction } from '../constructs/platform-function.ts';
import { PlatformTable } from '../constructs/platform-table.ts';
import { SnapshotBucket } from '../constructs/snapshot-bucket.ts';
import { StateMachines } from '../constructs/state-machines.ts';
import { WorkQueue } from '../constructs/work-queue.ts';
import { functionSpec, functionSpecs, type QueueName } from '../functions.ts';
import { acknowledgeFindings } from './acknowledged-findings.ts';

export interface OvercastStackProps extends StackProps {
  /** Tagged on everything this installation makes; other installations are strangers. */
  readonly installation: string;
  /** Where clusters have their names; none unless the owner names one. */
  readonly hostedZone?: HostedZone;
}

/** The whole control plane: one stack, so that one deploy moves functions, rules and machines together. */
export class OvercastStack extends Stack {
  constructor(scope: Construct, id: string, props: OvercastStackProps) {
    super(scope, id, props);
    const { installation, hostedZone } = props;

    const { table } = new PlatformTable(this, 'Table');
    const bus = new EventBus(this, 'Bus', { eventBusName: installation });
    const tokenKey = new Key(this, 'TokenKey', {
      description: 'Overcast: signs the bootstrap tokens of machines',
      keySpec: KeySpec.HMAC_256,
      keyUsage: KeyUsage.GENERATE_VERIFY_MAC,
      removalPolicy: RemovalPolicy.DESTROY,
      pendingWindow: Duration.days(7),
    });

    // Retained like the table: without it the authorities of running clusters could not be opened again.
    const pkiKey = new Key(this, 'PkiKey', {
      description: 'Overcast: seals the authorities of clusters and the credentials for them',
      enableKeyRotation: true,
      removalPolicy: RemovalPolicy.RETAIN,
    });

    const snapshots = new SnapshotBucket(this, 'Snapshots');

    const alarms = new Alarms(this, 'Alarms');
    const functions = new Map(functionSpecs.map((spec) => [spec.name, new PlatformFunction(this, spec)]));
    const functionNamed = (name: string): PlatformFunction => {
      const found = functions.get(name);
      if (found === undefined) throw new Error(`no function ${name}`);
      return found;
    };

    const queueOf = (name: QueueName, consumer: string): WorkQueue =>
      new WorkQueue(this, `${name.replaceAll('-', '')}Queue`, {
        functionTimeoutSeconds: functionSpec(consumer).timeoutSeconds,
        alarms,
      });
    const queues = new Map<QueueName, WorkQueue>([
      ['reconcile', queueOf('reconcile', 'reconcile-cluster')],
      ['observe-pods', queueOf('observe-pods', 'observe-pods')],
      ...cloudNames.map((cloud): [QueueName, WorkQueue] => [
        `observe-${cloud}`,
        queueOf(`observe-${cloud}`, `observe-cloud-${cloud}`),
      ]),
    ]);
    const queueNamed = (name: QueueName): WorkQueue => {
      const found = queues.get(name);
      if (found === undefined) throw new Error(`no queue ${name}`);
      return found;
    };

    const machines = new StateMachines(this, 'StateMachines', { installation, functionNamed });
    const api = new Api(this, 'Api', { functionNamed });
    new EventRules(this, 'Rules', {
      bus,
      machines,
      alarms,
      hasHostedZone: hostedZone !== undefined,
      functionNamed,
      queueNamed,
    });

    grantRights({
      installation,
      table,
      bus,
      tokenKey,
      pkiKey,
      snapshotBucket: snapshots.bucket,
      apiUrl: api.url,
      hostedZone,
      functions: [...functions.values()],
      queueNamed,
    });
    acknowledgeFindings(this, { installation, snapshotBucketId: snapshots.logicalId });

    new CfnOutput(this, 'ApiUrl', { value: api.url });
    new CfnOutput(this, 'TableName', { value: table.tableName });
    new CfnOutput(this, 'BusName', { value: bus.eventBusName });
    new CfnOutput(this, 'AlarmTopicArn', { value: alarms.topic.topicArn });
    new CfnOutput(this, 'InstallationId', { value: installation });
    if (hostedZone !== undefined) {
      new CfnOutput(this, 'HostedZoneId', { value: hostedZone.id });
      new CfnOutput(this, 'HostedZoneName', { value: hostedZone.name });
    }
  }
}
