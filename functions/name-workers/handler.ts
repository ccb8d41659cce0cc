import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validatedEvent } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient } from '../../shared/runtime/pki.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { nodeIsReady, onNodeReady } from './on-node-ready.ts';

/**
 * Rule on NodeReady.
 *
 * Environment: TABLE_NAME, PKI_KEY_ID; on the local platform CLUSTER_PROXY_URL.
 * Rights: dynamodb GetItem, Query on the table; kms Decrypt of platform credentials.
 */
const settings = settingsFrom(process.env);
const store = createTable(settings.tableName, systemClock);

export const handler = middy()
  .use(observed())
  .use(validatedEvent(nodeIsReady))
  .handler(
    onNodeReady({
      store,
      access: createClusterAccess({
        store,
        dataKeys: createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId }),
        clock: systemClock,
        proxyUrl: settings.clusterProxyUrl,
      }),
      log,
    }),
  );
