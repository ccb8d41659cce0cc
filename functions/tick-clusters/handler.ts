import middy from '@middy/core';
import { reconcileTick } from '../../events/reconcile-tick.ts';
import { cloudNames, type CloudName } from '../../shared/domain/cloud.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { createQueue, createQueueClient, type Queue } from '../../shared/runtime/queue.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { onReconcileTick } from './on-reconcile-tick.ts';

/**
 * The schedule ReconcileTick, every minute.
 *
 * Environment: TABLE_NAME, RECONCILE_QUEUE_URL, OBSERVE_QUEUE_URL_AWS, _GCP, _AZURE, _DIGITALOCEAN, _PODS.
 * Rights: dynamodb GetItem, UpdateItem on the table and Query on its index `due`; sqs SendMessage on the six queues.
 */
const settings = settingsFrom(process.env);
const client = createQueueClient();
const observeQueueUrls = settings.observeQueueUrls;

export const handler = middy()
  .use(observed())
  .use(validated(reconcileTick.schema))
  .handler(
    onReconcileTick({
      store: createTable(settings.tableName, systemClock),
      observeQueues: Object.fromEntries(
        cloudNames.map((cloud) => [cloud, createQueue({ client, queueUrl: observeQueueUrls[cloud] })]),
      ) as Record<CloudName, Queue>,
      observePodsQueue: createQueue({ client, queueUrl: settings.observePodsQueueUrl }),
      reconcileQueue: createQueue({ client, queueUrl: settings.reconcileQueueUrl }),
      clock: systemClock,
      log,
    }),
  );
