import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { createApp } from './app.ts';

/**
 * POST /v1/clusters/{cluster}/upgrade, …/upgrade/pause, …/upgrade/resume. Beside serve-api, whose bundle is as large as it may be.
 *
 * Environment: TABLE_NAME, BUS_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem, PutItem (the audit log) on the table; events PutEvents on the bus as
 * overcast.upgrade-cluster: UpgradeRequested, UpgradePaused, UpgradeResumed.
 */
const settings = settingsFrom(process.env);
const serve = handle(
  createApp({
    store: createTable(settings.tableName, systemClock),
    bus: createBus({
      client: createBusClient(),
      busName: settings.busName,
      source: 'overcast.upgrade-cluster',
    }),
    clock: systemClock,
    log,
    newId: randomUUID,
  }),
);

export const handler = middy<LambdaEvent>()
  .use(observed())
  .handler((event, context) => serve(event, context));
