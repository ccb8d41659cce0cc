import middy from '@middy/core';
import * as z from 'zod/mini';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { createPresigner } from '../../shared/runtime/presigned-url.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createSnapshotObjects } from '../../shared/runtime/snapshot-objects.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { executionEnded, onExecutionEnded } from './on-execution-ended.ts';
import { settleOperation } from './settle-operation.ts';
import { settleRequest } from './settlement.ts';

/**
 * Last task of all four state machines, and the rule on Step Functions' own "Step Functions Execution Status Change".
 *
 * Environment: TABLE_NAME, BUS_NAME, SNAPSHOT_BUCKET.
 * Rights: dynamodb GetItem, Query, PutItem, UpdateItem, DeleteItem on the table; s3 ListBucket, DeleteObject of the
 * clusters' snapshots; events PutEvents on the bus as
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
  snapshotObjects: createSnapshotObjects(
    createPresigner({ bucket: settings.snapshotBucket, environment: process.env }),
  ),
};
const settle = settleOperation(parts);
const release = onExecutionEnded(parts);

export const handler = middy()
  .use(observed())
  .use(validated(z.union([settleRequest, executionEnded])))
  .handler(async (request) => ('kind' in request ? settle(request) : release(request)));
