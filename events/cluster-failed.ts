import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** The platform gave up, for this reason. */
export const clusterFailed = defineEvent({
  name: 'ClusterFailed',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, reason }),
  example: { clusterId: exampleClusterId, reason: 'node 1: QuotaExceeded in aws' },
});
export type ClusterFailed = Detail<typeof clusterFailed>;
