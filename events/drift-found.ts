import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** A cluster is not as it was asked for and nothing is mending it. */
export const driftFound = defineEvent({
  name: 'DriftFound',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, fingerprint: z.string(), reason }),
  example: {
    clusterId: exampleClusterId,
    fingerprint: 'aws:network-missing',
    reason: 'aws: the network is missing',
  },
});
export type DriftFound = Detail<typeof driftFound>;
