import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** A node's machine is gone and the node is forgotten. */
export const nodeRetired = defineEvent({
  name: 'NodeRetired',
  sources: ['overcast.settle-operation'],
  schema: z.strictObject({ clusterId, number: nodeNumber }),
  example: { clusterId: exampleClusterId, number: 7 },
});
export type NodeRetired = Detail<typeof nodeRetired>;
