import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { eachMessage } from '../../shared/runtime/batch.ts';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createStates, createStatesClient } from '../../shared/runtime/states.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { reconcileCluster } from './reconcile-cluster.ts';

/**
 * The reconcile queue: from tick-clusters, observe-cloud, and rules on events about clusters.
 *
 * Environment: TABLE_NAME, BUS_NAME; where there is a hosted zone HOSTED_ZONE_ID, HOSTED_ZONE_NAME.
 * Rights: dynamodb GetItem, Query, PutItem, UpdateItem, DeleteItem on the table; states DescribeExecution on executions of
 * the four state machines; sqs ReceiveMessage, DeleteMessage, GetQueueAttributes on its queue; events PutEvents on the bus
 * as overcast.reconcile-cluster: NodesPlanned, NodeRequested, NodeRetirementRequested, DriftFound,
 * ClusterDeletionRequested, ClusterReady, ClusterDegraded, ClusterFailed, NodeUpgradeBegun, UpgradeFinished.
 * The event source mapping reports batch item failures.
 */
const settings = settingsFrom(process.env);

export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(observed())
  .handler(
    eachMessage(
      log,
      reconcileCluster({
        store: createTable(settings.tableName, systemClock),
        bus: createBus({
          client: createBusClient(),
          busName: settings.busName,
          source: 'overcast.reconcile-cluster',
        }),
        states: createStates({ client: createStatesClient() }),
        zone: settings.hostedZone,
        clock: systemClock,
        random: Math.random,
        newId: randomUUID,
        log,
      }),
    ),
  );
