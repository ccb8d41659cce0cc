import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { spotInterruption } from '../../events/spot-interruption.ts';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { onSpotInterruption } from './on-spot-interruption.ts';

/**
 * Rule on SpotInterruption, with concurrency of its own.
 *
 * Environment: TABLE_NAME, BUS_NAME.
 * Rights: dynamodb GetItem, Query, UpdateItem on the table, PutItem for cool-offs; events PutEvents on the bus as
 * overcast.replace-interrupted-node: NodesPlanned.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validated(spotInterruption.schema))
  .handler(
    onSpotInterruption({
      store: createTable(settings.tableName, systemClock),
      bus: createBus({
        client: createBusClient(),
        busName: settings.busName,
        source: 'overcast.replace-interrupted-node',
      }),
      clock: systemClock,
      newId: randomUUID,
      log,
    }),
  );
