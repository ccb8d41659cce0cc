import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** Something that was asked for is missing; the cluster serves. */
export const clusterDegraded = defineEvent({
  name: 'ClusterDegraded',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, reason }),
  example: { clusterId: exampleClusterId, reason: 'node 5 is missing' },
});
export type ClusterDegraded = Detail<typeof clusterDegraded>;
