import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** Everything that was asked for is there. */
export const clusterReady = defineEvent({
  name: 'ClusterReady',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type ClusterReady = Detail<typeof clusterReady>;
