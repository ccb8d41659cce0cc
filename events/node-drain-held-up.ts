import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** A node that is to go has work on it that may not be stopped for now; it goes on working, and is asked again. */
export const nodeDrainHeldUp = defineEvent({
  name: 'NodeDrainHeldUp',
  sources: ['overcast.drain-node'],
  schema: z.strictObject({ clusterId, number: nodeNumber, reason }),
  example: {
    clusterId: exampleClusterId,
    number: 7,
    reason: 'default/web-1: the disruption budget web needs 2 healthy pods and has 2 currently',
  },
});
export type NodeDrainHeldUp = Detail<typeof nodeDrainHeldUp>;
