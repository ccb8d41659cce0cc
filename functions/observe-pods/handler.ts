import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent } from 'aws-lambda';
import { eachMessage } from '../../shared/runtime/batch.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient } from '../../shared/runtime/pki.ts';
import { createQueue, createQueueClient } from '../../shared/runtime/queue.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { observePods } from './observe-pods.ts';

/**
 * The queue observe-pods: from tick-clusters, and the rule on PodsUnschedulable and PolicyChanged.
 *
 * Environment: TABLE_NAME, PKI_KEY_ID, RECONCILE_QUEUE_URL; on the local platform CLUSTER_PROXY_URL.
 * Rights: dynamodb GetItem, Query, PutItem on the table; kms Decrypt of platform credentials; sqs SendMessage on the
 * reconcile queue, and ReceiveMessage, DeleteMessage, GetQueueAttributes on its own.
 * The event source mapping gives it one message at a time and reports batch item failures.
 */
const settings = settingsFrom(process.env);
const store = createTable(settings.tableName, systemClock);

export const handler = middy<SQSEvent, SQSBatchResponse>()
  .use(observed())
  .handler(
    eachMessage(
      log,
      observePods({
        store,
        access: createClusterAccess({
          store,
          dataKeys: createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId }),
          clock: systemClock,
          proxyUrl: settings.clusterProxyUrl,
        }),
        reconcileQueue: createQueue({ client: createQueueClient(), queueUrl: settings.reconcileQueueUrl }),
        clock: systemClock,
        log,
      }),
    ),
  );
