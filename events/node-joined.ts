import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** kubeadm is done on the machine and its Node object exists. */
export const nodeJoined = defineEvent({
  name: 'NodeJoined',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, number: nodeNumber, attempt: z.int() }),
  example: { clusterId: exampleClusterId, number: 7, attempt: 1 },
});
export type NodeJoined = Detail<typeof nodeJoined>;
