import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** A cloud has said that it will take this machine back. */
export const spotInterruption = defineEvent({
  name: 'SpotInterruption',
  sources: ['overcast.relay-cloud-event', 'overcast.answer-node-sync'],
  schema: z.strictObject({
    clusterId,
    number: nodeNumber,
    /** Which of the node's machines: the next one is not meant. */
    attempt: z.int().check(z.minimum(1)),
    kind: z.enum(['terminate', 'rebalance']),
  }),
  example: { clusterId: exampleClusterId, number: 7, attempt: 1, kind: 'terminate' },
});
export type SpotInterruption = Detail<typeof spotInterruption>;
