import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createStates, createStatesClient } from '../../shared/runtime/states.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { awaitNode, awaitRequest } from './await-node.ts';

/**
 * Task with a token of ProvisionNode and ProvisionCluster.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb UpdateItem, Query on the table; states SendTaskSuccess on the state machines.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validated(awaitRequest))
  .handler(
    awaitNode({
      store: createTable(settings.tableName, systemClock),
      states: createStates({ client: createStatesClient() }),
      log,
    }),
  );
