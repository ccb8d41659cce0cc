import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** Something of a cluster is seen not to be as it should be, for the first time. */
export const findingOpened = defineEvent({
  name: 'FindingOpened',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({
    clusterId,
    number: z.optional(nodeNumber),
    kind: z.string(),
    message: reason,
    remedy: reason,
  }),
  example: {
    clusterId: exampleClusterId,
    kind: 'network-changed',
    message: 'aws: worker firewall: tcp 22 from 0.0.0.0/0 was added by hand',
    remedy: 'it is put right',
  },
});
export type FindingOpened = Detail<typeof findingOpened>;
