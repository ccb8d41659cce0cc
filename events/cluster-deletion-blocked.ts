import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** The guard found a stranger: nothing was changed and the cluster lives on. */
export const clusterDeletionBlocked = defineEvent({
  name: 'ClusterDeletionBlocked',
  sources: ['overcast.settle-operation'],
  schema: z.strictObject({ clusterId, reason }),
  example: {
    clusterId: exampleClusterId,
    reason: "aws: machine i-0abc (db-1) in vpc-0def is not this cluster's",
  },
});
export type ClusterDeletionBlocked = Detail<typeof clusterDeletionBlocked>;
