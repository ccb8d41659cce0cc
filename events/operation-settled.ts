import * as z from 'zod/mini';
import { operationKinds } from '../shared/domain/operation.ts';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** A state machine has given up its ownership, whatever came of it. */
export const operationSettled = defineEvent({
  name: 'OperationSettled',
  sources: ['overcast.settle-operation'],
  schema: z.strictObject({
    clusterId,
    kind: z.enum(operationKinds),
    outcome: z.enum(['succeeded', 'failed', 'superseded', 'blocked']),
  }),
  example: { clusterId: exampleClusterId, kind: 'ProvisionCluster', outcome: 'succeeded' },
});
export type OperationSettled = Detail<typeof operationSettled>;
