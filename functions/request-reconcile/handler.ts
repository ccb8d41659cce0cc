import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { createApp } from './app.ts';

/**
 * POST /v1/clusters/{cluster}/reconcile, GET …/pods/{namespace}/{name}/explanation. Beside serve-api, because it brings along all that decides for a cluster.
 *
 * Environment: TABLE_NAME; where there is a hosted zone HOSTED_ZONE_ID, HOSTED_ZONE_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem, PutItem (the audit log) on the table.
 */
const settings = settingsFrom(process.env);
const serve = handle(
  createApp({
    store: createTable(settings.tableName, systemClock),
    clock: systemClock,
    log,
    newId: randomUUID,
    zone: settings.hostedZone,
  }),
);

export const handler = middy<LambdaEvent>()
  .use(observed())
  .handler((event, context) => serve(event, context));
