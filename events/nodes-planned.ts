import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** A plan for nodes is pending on the cluster. */
export const nodesPlanned = defineEvent({
  name: 'NodesPlanned',
  sources: ['overcast.serve-api', 'overcast.reconcile-cluster', 'overcast.replace-interrupted-node'],
  schema: z.strictObject({ clusterId, reason: z.optional(reason) }),
  example: { clusterId: exampleClusterId },
});
export type NodesPlanned = Detail<typeof nodesPlanned>;
