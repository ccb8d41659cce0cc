import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** A cluster was asked for and is stored, its plan pending. */
export const clusterRequested = defineEvent({
  name: 'ClusterRequested',
  sources: ['overcast.serve-api'],
  schema: z.strictObject({ clusterId }),
  example: { clusterId: exampleClusterId },
});
export type ClusterRequested = Detail<typeof clusterRequested>;
