import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** Nothing of the cluster is left in any cloud. */
export const clusterDeleted = defineEvent({
  name: 'ClusterDeleted',
  sources: ['overcast.settle-operation'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type ClusterDeleted = Detail<typeof clusterDeleted>;
