import middy from '@middy/core';
import * as z from 'zod/mini';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { executionEnded, onExecutionEnded } from './on-execution-ended.ts';
import { settleOperation } from './settle-operation.ts';
import { settleRequest } from './settlement.ts';

/**
 * Last task of all four state machines, and the rule on Step Functions' own "Step Functions Execution Status Change".
 *
 * Environment: TABLE_NAME, BUS_NAME.
 * Rights: dynamodb GetItem, Query, PutItem, UpdateItem, DeleteItem on the table; events PutEvents on the bus as
 * overcast.settle-operation: OperationSettled, NodeFailed, NodeRetired, ClusterDeleted, ClusterDeletionBlocked.
 */
const settings = settingsFrom(process.env);
const parts = {
  store: createTable(settings.tableName, systemClock),
  bus: createBus({
    client: createBusClient(),
    busName: settings.busName,
    source: 'overcast.settle-operation',
  }),
  clock: systemClock,
  log,
};
const settle = settleOperation(parts);
const release = onExecutionEnded(parts);

export const handler = middy()
  .use(observed())
  .use(validated(z.union([settleRequest, executionEnded])))
  .handler(async (request) => ('kind' in request ? settle(request) : release(request)));
