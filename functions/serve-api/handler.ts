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

// Everything under /v1 that is not a machine's call. The table's actions and events:PutEvents as overcast.serve-api.
const settings = settingsFrom(process.env);
const serve = handle(
  createApp({
    store: createTable(settings.tableName, systemClock),
    bus: createBus({ client: createBusClient(), busName: settings.busName, source: 'overcast.serve-api' }),
    clock: systemClock,
    log,
    newId: randomUUID,
    zone: settings.hostedZone,
  }),
);

export const handler = middy<LambdaEvent>()
  .use(observed())
  .handler((event, context) => serve(event, context));
