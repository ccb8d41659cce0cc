import middy from '@middy/core';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient, systemRandomBytes } from '../../shared/runtime/pki.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { configureCluster, configureRequest } from './configure-cluster.ts';

/**
 * Task of ProvisionCluster; the only one that makes and renews the platform's credentials.
 *
 * Environment: TABLE_NAME, PKI_KEY_ID; on the local platform CLUSTER_PROXY_URL.
 * Rights: dynamodb GetItem, Query, PutItem on the table; kms Decrypt of clusters' authorities, GenerateDataKey and Decrypt
 * for platform credentials.
 */
const settings = settingsFrom(process.env);
const store = createTable(settings.tableName, systemClock);
const dataKeys = createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId });

export const handler = middy()
  .use(observed())
  .use(validated(configureRequest))
  .handler(
    configureCluster({
      store,
      dataKeys,
      access: createClusterAccess({
        store,
        dataKeys,
        clock: systemClock,
        proxyUrl: settings.clusterProxyUrl,
      }),
      randomBytes: systemRandomBytes,
      clock: systemClock,
      log,
    }),
  );
