import * as z from 'zod/mini';
import { operationKinds } from '../shared/domain/operation.ts';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** A state machine has given up its ownership, whatever came of it. */
export const operationSettled = defineEvent({
  name: 'OperationSettled',
  sources: ['overcast.settle-operation'],
  schema: z.strictObject({
    clusterId,
    kind: z.enum(operationKinds),
    outcome: z.enum(['succeeded', 'failed', 'superseded', 'blocked']),
    /** The node's, for operations on one node. */
    number: z.optional(nodeNumber),
    /** Why, unless it succeeded. */
    reason: z.optional(reason),
  }),
  example: { clusterId: exampleClusterId, kind: 'ProvisionCluster', outcome: 'succeeded' },
});
export type OperationSettled = Detail<typeof operationSettled>;
