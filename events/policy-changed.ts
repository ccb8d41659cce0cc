import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, reason } from './fields.ts';

/** A cluster's policies were changed: what, in words for people. Deciders read the policies themselves. */
export const policyChanged = defineEvent({
  name: 'PolicyChanged',
  sources: ['overcast.serve-api'],
  schema: z.strictObject({ clusterId, changes: reason }),
  example: {
    clusterId: exampleClusterId,
    changes: 'clusterLimits.maxVcpus is 32 instead of 16; spot is off',
  },
});
export type PolicyChanged = Detail<typeof policyChanged>;
