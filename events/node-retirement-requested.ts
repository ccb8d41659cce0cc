import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** A node's desired state is absent: it may be retired. */
export const nodeRetirementRequested = defineEvent({
  name: 'NodeRetirementRequested',
  sources: ['overcast.serve-api', 'overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, number: nodeNumber, reason: z.optional(reason) }),
  example: { clusterId: exampleClusterId, number: 7 },
});
export type NodeRetirementRequested = Detail<typeof nodeRetirementRequested>;
