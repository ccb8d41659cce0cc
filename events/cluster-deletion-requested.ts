import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** A deletion request is recorded on the cluster; the record is the authority, not this event. */
export const clusterDeletionRequested = defineEvent({
  name: 'ClusterDeletionRequested',
  sources: ['overcast.serve-api', 'overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type ClusterDeletionRequested = Detail<typeof clusterDeletionRequested>;
