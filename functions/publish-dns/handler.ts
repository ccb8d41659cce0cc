import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createDns, createRoute53Client } from '../../shared/runtime/dns.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { publishDns, publishRequest } from './publish-dns.ts';

/**
 * Task of all four state machines.
 *
 * Environment: TABLE_NAME; where there is a hosted zone HOSTED_ZONE_ID, HOSTED_ZONE_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem, DeleteItem on the table; with a zone route53 ListResourceRecordSets and
 * ChangeResourceRecordSets on it, ListHealthChecks, CreateHealthCheck and DeleteHealthCheck.
 */
const settings = settingsFrom(process.env);
const zone = settings.hostedZone;

export const handler = middy()
  .use(observed())
  .use(validated(publishRequest))
  .handler(
    publishDns({
      store: createTable(settings.tableName, systemClock),
      dns: zone === undefined ? undefined : createDns({ client: createRoute53Client(), zone }),
      clock: systemClock,
      newNonce: () => randomUUID().replaceAll('-', ''),
      log,
    }),
  );
