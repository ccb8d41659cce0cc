import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validatedEvent } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createStates, createStatesClient } from '../../shared/runtime/states.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { nodeReport, onNodeReported } from './on-node-reported.ts';

/**
 * Rule on NodeJoined and NodeFailed.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb GetItem, UpdateItem, Query on the table; states SendTaskSuccess on the state machines.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validatedEvent(nodeReport))
  .handler(
    onNodeReported({
      store: createTable(settings.tableName, systemClock),
      states: createStates({ client: createStatesClient() }),
      clock: systemClock,
      log,
    }),
  );
