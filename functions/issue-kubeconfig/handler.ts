import { randomUUID } from 'node:crypto';
import middy from '@middy/core';
import { handle, type LambdaEvent } from 'hono/aws-lambda';
import { systemClock } from '../../shared/runtime/clock.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient, systemRandomBytes } from '../../shared/runtime/pki.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { createApp } from './app.ts';

/**
 * POST /v1/clusters/{cluster}/kubeconfig.
 *
 * Environment: INSTALLATION_ID, TABLE_NAME, PKI_KEY_ID; on the local platform CLUSTER_PROXY_URL.
 * Rights: dynamodb GetItem, Query, PutItem (the audit log) on the table; kms Decrypt of clusters' authorities.
 */
const settings = settingsFrom(process.env);
const serve = handle(
  createApp({
    store: createTable(settings.tableName, systemClock),
    dataKeys: createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId }),
    randomBytes: systemRandomBytes,
    clock: systemClock,
    proxyUrl: settings.clusterProxyUrl,
    installationId: settings.installationId,
    log,
    newId: randomUUID,
  }),
);

export const handler = middy<LambdaEvent>()
  .use(observed())
  .handler((event, context) => serve(event, context));
