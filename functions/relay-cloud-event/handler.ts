import middy from '@middy/core';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validatedEvent } from '../../shared/runtime/observability.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { ec2Event, onCloudEvent } from './on-cloud-event.ts';

/**
 * Rule on the account's own bus: what EC2 says of instances.
 *
 * Environment: TABLE_NAME, BUS_NAME.
 * Rights: dynamodb Query on the table and its index `provider`, UpdateItem; events PutEvents on the bus as
 * overcast.relay-cloud-event: SpotInterruption.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validatedEvent(ec2Event))
  .handler(
    onCloudEvent({
      store: createTable(settings.tableName, systemClock),
      bus: createBus({
        client: createBusClient(),
        busName: settings.busName,
        source: 'overcast.relay-cloud-event',
      }),
      clock: systemClock,
      log,
    }),
  );
