import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createDns, createRoute53Client } from '../../shared/runtime/dns.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { createQueue, createQueueClient } from '../../shared/runtime/queue.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { observeDns, observeDnsRequest } from './observe-dns.ts';

/**
 * A schedule, where there is a hosted zone.
 *
 * Environment: TABLE_NAME, RECONCILE_QUEUE_URL; HOSTED_ZONE_ID, HOSTED_ZONE_NAME.
 * Rights: dynamodb Query, BatchGetItem, UpdateItem on the table; route53 ListResourceRecordSets on the zone, ListHealthChecks; sqs
 * SendMessage to the reconcile queue.
 */
const settings = settingsFrom(process.env);
const zone = settings.hostedZone;

export const handler = middy()
  .use(observed())
  .use(validated(observeDnsRequest))
  .handler(
    observeDns({
      store: createTable(settings.tableName, systemClock),
      dns: zone === undefined ? undefined : createDns({ client: createRoute53Client(), zone }),
      reconcileQueue: createQueue({ client: createQueueClient(), queueUrl: settings.reconcileQueueUrl }),
      clock: systemClock,
      log,
    }),
  );
