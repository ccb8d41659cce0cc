import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createStates, createStatesClient } from '../../shared/runtime/states.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { claimOperation, claimRequest } from './claim-operation.ts';

/**
 * First task of all four state machines.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem on the table; states DescribeExecution, StopExecution on executions of the
 * four state machines.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validated(claimRequest))
  .handler(
    claimOperation({
      store: createTable(settings.tableName, systemClock),
      states: createStates({ client: createStatesClient() }),
      clock: systemClock,
      log,
    }),
  );
