import middy from '@middy/core';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { requestNodes, requestNodesRequest } from './request-nodes.ts';

/**
 * Task of ProvisionCluster, and the rule on NodesPlanned.
 *
 * Environment: TABLE_NAME, BUS_NAME.
 * Rights: dynamodb GetItem, Query, PutItem, UpdateItem on the table; events PutEvents on the bus as
 * overcast.request-nodes: NodeRequested.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validated(requestNodesRequest))
  .handler(
    requestNodes({
      store: createTable(settings.tableName, systemClock),
      bus: createBus({
        client: createBusClient(),
        busName: settings.busName,
        source: 'overcast.request-nodes',
      }),
      clock: systemClock,
      log,
    }),
  );
