import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** A control plane saw pods that fit on no node. */
export const podsUnschedulable = defineEvent({
  name: 'PodsUnschedulable',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type PodsUnschedulable = Detail<typeof podsUnschedulable>;
