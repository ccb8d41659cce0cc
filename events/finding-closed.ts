import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, reason } from './fields.ts';

/** What was found is so no more: mended by the platform, or it went as it came. */
export const findingClosed = defineEvent({
  name: 'FindingClosed',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({
    clusterId,
    number: z.optional(nodeNumber),
    kind: z.string(),
    message: reason,
    how: z.enum(['mended', 'gone']),
  }),
  example: {
    clusterId: exampleClusterId,
    kind: 'network-changed',
    message: 'aws: worker firewall: tcp 22 from 0.0.0.0/0 was added by hand',
    how: 'mended',
  },
});
export type FindingClosed = Detail<typeof findingClosed>;
