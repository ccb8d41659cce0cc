import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** A node is stored and its cloud's network stands: it may be provisioned. */
export const nodeRequested = defineEvent({
  name: 'NodeRequested',
  sources: ['overcast.request-nodes', 'overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, number: nodeNumber }),
  example: { clusterId: exampleClusterId, number: 7 },
});
export type NodeRequested = Detail<typeof nodeRequested>;
