import type * as z from 'zod/mini';
import type { CloudName } from '../../shared/domain/cloud.ts';
import { createAccounts, createSecretsClient } from '../../shared/runtime/accounts.ts';
import { eachMessage } from '../../shared/runtime/batch.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Observer } from '../../shared/runtime/cloud.ts';
import { log } from '../../shared/runtime/log.ts';
import { createQueue, createQueueClient } from '../../shared/runtime/queue.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { observe } from './observe.ts';

/**
 * Environment: INSTALLATION_ID, TABLE_NAME, RECONCILE_QUEUE_URL, OBSERVE_QUEUE_URL_<CLOUD>.
 * Rights: dynamodb GetItem, BatchGetItem, Query, PutItem on the table; sqs SendMessage on the reconcile queue and its own, and of
 * that ReceiveMessage, DeleteMessage, GetQueueAttributes; secretsmanager GetSecretValue on `overcast/observers/<cloud>/*` of this cloud alone.
 * The event source mapping reports batch item failures.
 */
export function observeFrom<Schema extends z.ZodMiniType>(
  environment: NodeJS.ProcessEnv,
  driver: {
    readonly cloud: CloudName;
    readonly schema: Schema;
    readonly create: (credentials: z.output<Schema>) => Observer;
  },
): ReturnType<typeof eachMessage> {
  const settings = settingsFrom(environment);
  const client = createQueueClient();
  return eachMessage(
    log,
    observe({
      cloud: driver.cloud,
      connect: createAccounts({
        ...driver,
        access: 'look',
        client: createSecretsClient(),
        clock: systemClock,
      }),
      store: createTable(settings.tableName, systemClock),
      reconcileQueue: createQueue({ client, queueUrl: settings.reconcileQueueUrl }),
      ownQueue: createQueue({ client, queueUrl: settings.observeQueueUrls[driver.cloud] }),
      clock: systemClock,
      log,
      installationId: settings.installationId,
    }),
  );
}
