import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Cluster } from '../domain/cluster.ts';
import type { Instant } from '../domain/ids.ts';
import type { Node } from '../domain/node.ts';
import { accountStore } from './accounts.ts';
import { apiKeyStore } from './api-keys.ts';
import { auditStore } from './audit.ts';
import { callBudgetStore } from './call-budgets.ts';
import { clusterStore } from './clusters.ts';
import { coolOffStore } from './cool-offs.ts';
import { dnsStore } from './dns.ts';
import { keys } from './keys.ts';
import { meshOf, meshStore } from './mesh.ts';
import { nameStore } from './names.ts';
import { nodeStore } from './nodes.ts';
import { observationStore } from './observations.ts';
import { offeringStore } from './offerings.ts';
import { partsStore } from './parts.ts';
import { pkiStore } from './pki.ts';
import { requestStore } from './requests.ts';
import { snapshotStore } from './snapshots.ts';
import type { Store } from './store.ts';
import { entityOf, openTable, type Table } from './table.ts';
import { timelineStore } from './timeline.ts';
import { workloadStore } from './workloads.ts';

export { decodeCursor, encodeCursor, InvalidCursor } from './cursor.ts';
export { tableDefinition } from './definition.ts';
export { shardCount, shardOf } from './keys.ts';
export type * from './store.ts';
export { WorkloadTooLarge } from './workloads.ts';

/** The store over one table. `now` is only for what has expired; every time that is written comes from the caller. */
export function createStore(options: {
  client: DynamoDBClient;
  tableName: string;
  now?: () => Instant;
}): Store {
  return storeOver(openTable(options));
}

/** The entities over any table that keeps its contract. */
export function storeOver(table: Table): Store {
  return {
    clusters: clusterStore(table),
    nodes: nodeStore(table),
    mesh: meshStore(table),
    parts: partsStore(table),
    dns: dnsStore(table),
    pki: pkiStore(table),
    observations: observationStore(table),
    workloads: workloadStore(table),
    snapshots: snapshotStore(table),
    timeline: timelineStore(table),
    names: nameStore(table),
    requests: requestStore(table),
    apiKeys: apiKeyStore(table),
    accounts: accountStore(table),
    coolOffs: coolOffStore(table),
    offerings: offeringStore(table),
    callBudgets: callBudgetStore(table),
    audit: auditStore(table),

    async syncView(clusterId, number) {
      const [cluster, node, mesh] = await table.getMany([
        keys.cluster(clusterId),
        keys.node(clusterId, number),
        keys.mesh(clusterId),
      ]);
      return {
        cluster: cluster === undefined ? undefined : entityOf<Cluster>(cluster),
        node: node === undefined ? undefined : entityOf<Node>(node),
        mesh: meshOf(clusterId, mesh),
      };
    },
  };
}
