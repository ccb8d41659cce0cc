import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber, snapshot } from './fields.ts';

/** A new control plane serves what the snapshot held; the others are yet to come. */
export const clusterRestored = defineEvent({
  name: 'ClusterRestored',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, snapshot, number: nodeNumber }),
  example: { clusterId: exampleClusterId, snapshot: '20261123T080000Z', number: 7 },
});
export type ClusterRestored = Detail<typeof clusterRestored>;
