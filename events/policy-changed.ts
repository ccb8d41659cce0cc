import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** A cluster's policies were changed. */
export const policyChanged = defineEvent({
  name: 'PolicyChanged',
  sources: ['overcast.serve-api'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type PolicyChanged = Detail<typeof policyChanged>;
