import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { drainNode, drainRequest } from './drain-node.ts';

/**
 * Task of RetireNode.
 *
 * Environment: TABLE_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem on the table.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validated(drainRequest))
  .handler(drainNode({ store: createTable(settings.tableName, systemClock), clock: systemClock, log }));
