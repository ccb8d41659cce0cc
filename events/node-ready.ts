import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** The node's kubelet says Ready for the first time. */
export const nodeReady = defineEvent({
  name: 'NodeReady',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, number: nodeNumber }),
  example: { clusterId: exampleClusterId, number: 7 },
});
export type NodeReady = Detail<typeof nodeReady>;
