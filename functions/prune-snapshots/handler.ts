import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validatedEvent } from '../../shared/runtime/observability.ts';
import { createPresigner } from '../../shared/runtime/presigned-url.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createSnapshotObjects } from '../../shared/runtime/snapshot-objects.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { onSnapshotTaken, snapshotIsTaken } from './on-snapshot-taken.ts';

/**
 * Rule on EtcdSnapshotTaken.
 *
 * Environment: TABLE_NAME, SNAPSHOT_BUCKET.
 * Rights: dynamodb GetItem, Query, UpdateItem, DeleteItem on the table; s3 ListBucket, DeleteObject of the clusters' snapshots.
 */
const settings = settingsFrom(process.env);

export const handler = middy()
  .use(observed())
  .use(validatedEvent(snapshotIsTaken))
  .handler(
    onSnapshotTaken({
      store: createTable(settings.tableName, systemClock),
      objects: createSnapshotObjects(
        createPresigner({ bucket: settings.snapshotBucket, environment: process.env }),
      ),
      clock: systemClock,
      log,
    }),
  );
