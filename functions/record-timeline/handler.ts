import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validatedEvent } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { onEvent, platformEvent } from './on-event.ts';

/**
 * Rule on the source prefix `overcast.`.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb PutItem on the table.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validatedEvent(platformEvent))
  .handler(onEvent({ store: createTable(settings.tableName, systemClock), log }));
