import middy from '@middy/core';
import { createBus, createBusClient } from '../../shared/runtime/bus.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import { createClusterAccess } from '../../shared/runtime/cluster-access.ts';
import { log } from '../../shared/runtime/log.ts';
import { observed, validated } from '../../shared/runtime/observability.ts';
import { createDataKeys, createKmsClient } from '../../shared/runtime/pki.ts';
import { settingsFrom } from '../../shared/runtime/settings.ts';
import { createTable } from '../../shared/runtime/table.ts';
import { drainNode, drainRequest } from './drain-node.ts';

/**
 * Task of RetireNode.
 *
 * Environment: TABLE_NAME, PKI_KEY_ID, BUS_NAME; on the local platform CLUSTER_PROXY_URL.
 * Rights: dynamodb GetItem, Query, UpdateItem on the table; kms Decrypt of platform credentials; events PutEvents on the bus
 * as overcast.drain-node: NodeDrainHeldUp.
 */
const settings = settingsFrom(process.env);
const store = createTable(settings.tableName, systemClock);

export const handler = middy()
  .use(observed())
  .use(validated(drainRequest))
  .handler(
    drainNode({
      store,
      access: createClusterAccess({
        store,
        dataKeys: createDataKeys({ client: createKmsClient(), keyId: settings.pkiKeyId }),
        clock: systemClock,
        proxyUrl: settings.clusterProxyUrl,
      }),
      bus: createBus({ client: createBusClient(), busName: settings.busName, source: 'overcast.drain-node' }),
      clock: systemClock,
      log,
    }),
  );
