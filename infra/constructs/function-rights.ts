import { ArnFormat, Stack } from 'aws-cdk-lib';
import type { Table } from 'aws-cdk-lib/aws-dynamodb';
import type { EventBus } from 'aws-cdk-lib/aws-events';
import type { Key } from 'aws-cdk-lib/aws-kms';
import type { Bucket } from 'aws-cdk-lib/aws-s3';
import { accountSecretName } from '../../shared/domain/cloud.ts';
import type { HostedZone } from '../../shared/domain/dns.ts';
import { sealedContextKeys } from '../../shared/domain/sealed-keys.ts';
import { snapshotsFolder } from '../../shared/domain/snapshot.ts';
import { zoneVariables } from '../../shared/runtime/settings.ts';
import type { QueueName, TableAction } from '../functions.ts';
import type { PlatformFunction } from './platform-function.ts';
import { executionArns, machineArns } from './state-machines.ts';
import type { WorkQueue } from './work-queue.ts';

export interface Rights {
  readonly installation: string;
  readonly table: Table;
  readonly bus: EventBus;
  readonly tokenKey: Key;
  readonly pkiKey: Key;
  readonly snapshotBucket: Bucket;
  readonly apiUrl: string;
  readonly hostedZone: HostedZone | undefined;
  readonly functions: readonly PlatformFunction[];
  readonly queueNamed: (name: QueueName) => WorkQueue;
}

const writeActions = new Set<TableAction>(['PutItem', 'UpdateItem', 'DeleteItem']);

/** `RECONCILE_QUEUE_URL`, `OBSERVE_QUEUE_URL_AWS` */
const settingOf = (name: QueueName): string => {
  const [verb = '', cloud] = name.toUpperCase().split('-');
  return `${verb}_QUEUE_URL${cloud === undefined ? '' : `_${cloud}`}`;
};

/** Gives each function the settings and rights that its line in functions.ts names, and no others. */
export function grantRights(rights: Rights): void {
  for (const platformFunction of rights.functions) {
    const { spec } = platformFunction;
    platformFunction.setting('INSTALLATION_ID', rights.installation);
    if (spec.table !== undefined) {
      platformFunction.setting('TABLE_NAME', rights.table.tableName);
      platformFunction.allow(
        spec.table.map((action) => `dynamodb:${action}`),
        [
          rights.table.tableArn,
          ...(spec.table.includes('Query')
            ? [`${rights.table.tableArn}/index/due`, `${rights.table.tableArn}/index/provider`]
            : []),
        ],
      );
    }
    const writes = (spec.table ?? []).filter((action) => writeActions.has(action));
    // Whoever could write an API key could do everything: keys are made by the installation's owner alone.
    if (writes.length > 0)
      platformFunction.deny(
        writes.map((action) => `dynamodb:${action}`),
        [rights.table.tableArn],
        { 'ForAnyValue:StringLike': { 'dynamodb:LeadingKeys': ['KEY#*'] } },
      );
    if (spec.says !== undefined) {
      platformFunction.setting('BUS_NAME', rights.bus.eventBusName);
      // A function can say its own events in its own name, and nobody else's.
      platformFunction.allow(['events:PutEvents'], [rights.bus.eventBusArn], {
        StringEquals: { 'events:source': `overcast.${sourceOf(spec.name)}` },
        'ForAllValues:StringEquals': { 'events:detail-type': spec.says.map((event) => event.name) },
      });
    }
    if (spec.tokenKey !== undefined) {
      platformFunction.setting('TOKEN_KEY_ID', rights.tokenKey.keyArn);
      platformFunction.allow([`kms:${spec.tokenKey}`], [rights.tokenKey.keyArn]);
    }
    for (const { action, purpose } of spec.pkiKey ?? []) {
      platformFunction.setting('PKI_KEY_ID', rights.pkiKey.keyArn);
      // KMS refuses a use without the context, or with another purpose's: the role sees to it, not the code.
      platformFunction.allow([`kms:${action}`], [rights.pkiKey.keyArn], {
        StringEquals: { [`kms:EncryptionContext:${sealedContextKeys.purpose}`]: purpose },
      });
    }
    grantSnapshots(platformFunction, rights.snapshotBucket);
    if (spec.needsApiUrl === true) platformFunction.setting('API_URL', rights.apiUrl);
    for (const name of spec.sendsTo ?? []) {
      const { queue } = rights.queueNamed(name);
      platformFunction.setting(settingOf(name), queue.queueUrl);
      platformFunction.allow(['sqs:SendMessage'], [queue.queueArn]);
    }
    grantZone(platformFunction, rights.hostedZone);
    grantExecutions(platformFunction, rights.installation);
    if (spec.cloud !== undefined)
      platformFunction.allow(
        ['secretsmanager:GetSecretValue'],
        [
          Stack.of(platformFunction).formatArn({
            service: 'secretsmanager',
            resource: 'secret',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            resourceName: accountSecretName(spec.cloud.name, '*', spec.cloud.access),
          }),
        ],
      );
  }
}

/** A presigned URL carries the rights of whoever signed it. */
function grantSnapshots(platformFunction: PlatformFunction, { bucketName, bucketArn }: Bucket): void {
  const { snapshots = [] } = platformFunction.spec;
  if (snapshots.length === 0) return;
  platformFunction.setting('SNAPSHOT_BUCKET', bucketName);
  const onObjects = snapshots.filter((action) => action !== 'ListBucket');
  if (onObjects.length > 0)
    platformFunction.allow(
      onObjects.map((action) => `s3:${action}`),
      [`${bucketArn}/${snapshotsFolder}*`],
    );
  if (snapshots.includes('ListBucket'))
    platformFunction.allow(['s3:ListBucket'], [bucketArn], {
      StringLike: { 's3:prefix': [`${snapshotsFolder}*`] },
    });
}

/**
 * Addresses of names below the zone's own, and nothing else of it: neither its own records nor another type. Health checks have
 * no names that a policy could tell apart; only what carries a cluster's reference is ever deleted.
 */
function grantZone(platformFunction: PlatformFunction, zone: HostedZone | undefined): void {
  const { hostedZone: use } = platformFunction.spec;
  if (use === undefined || zone === undefined) return;
  platformFunction.setting(zoneVariables.id, zone.id);
  platformFunction.setting(zoneVariables.name, zone.name);
  if (use === 'knows') return;
  const arnOf = (resource: string, resourceName: string): string =>
    Stack.of(platformFunction).formatArn({
      service: 'route53',
      region: '',
      account: '',
      resource,
      resourceName,
    });
  const zoneArn = arnOf('hostedzone', zone.id);
  platformFunction.allow(['route53:ListResourceRecordSets'], [zoneArn]);
  platformFunction.allow(['route53:ListHealthChecks'], ['*']);
  if (use === 'reads') return;
  platformFunction.allow(['route53:ChangeResourceRecordSets'], [zoneArn], {
    'ForAllValues:StringEquals': { 'route53:ChangeResourceRecordSetsRecordTypes': ['A'] },
    'ForAllValues:StringLike': {
      'route53:ChangeResourceRecordSetsNormalizedRecordNames': [`*.${zone.name}`],
    },
  });
  platformFunction.allow(['route53:CreateHealthCheck'], ['*']);
  platformFunction.allow(['route53:DeleteHealthCheck'], [arnOf('healthcheck', '*')]);
}

/** The event source of a function: its name without the cloud. */
const sourceOf = (name: string): string => name.replace(/^(drive-cloud|observe-cloud)-.*$/, '$1');

function grantExecutions(platformFunction: PlatformFunction, installation: string): void {
  const stack = Stack.of(platformFunction);
  const onExecutions = (platformFunction.spec.executions ?? []).filter(
    (action) => action !== 'SendTaskSuccess',
  );
  if (onExecutions.length > 0)
    platformFunction.allow(
      onExecutions.map((action) => `states:${action}`),
      executionArns(stack, installation),
    );
  if (platformFunction.spec.executions?.includes('SendTaskSuccess') === true)
    platformFunction.allow(['states:SendTaskSuccess'], machineArns(stack, installation));
}
