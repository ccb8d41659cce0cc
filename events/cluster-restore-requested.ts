import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, snapshot } from './fields.ts';

/** A cluster that lost its quorum is to be made anew from this snapshot, on this new control plane. */
export const clusterRestoreRequested = defineEvent({
  name: 'ClusterRestoreRequested',
  sources: ['overcast.serve-api'],
  schema: z.strictObject({ clusterId, snapshot, number: nodeNumber }),
  example: { clusterId: exampleClusterId, snapshot: '20261123T080000Z', number: 7 },
});
export type ClusterRestoreRequested = Detail<typeof clusterRestoreRequested>;
