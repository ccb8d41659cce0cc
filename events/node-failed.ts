import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** A machine reported that it cannot become a node, or the last attempt at one failed. */
export const nodeFailed = defineEvent({
  name: 'NodeFailed',
  sources: ['overcast.answer-node-sync', 'overcast.settle-operation'],
  schema: z.strictObject({ clusterId, number: nodeNumber, attempt: z.int(), reason }),
  example: { clusterId: exampleClusterId, number: 7, attempt: 1, reason: 'kubeadm join failed' },
});
export type NodeFailed = Detail<typeof nodeFailed>;
