import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** A control plane is of the new minor. */
export const nodeUpgraded = defineEvent({
  name: 'NodeUpgraded',
  sources: ['overcast.answer-node-sync'],
  schema: z.strictObject({ clusterId, number: nodeNumber, to: z.string() }),
  example: { clusterId: exampleClusterId, number: 2, to: '1.37' },
});
export type NodeUpgraded = Detail<typeof nodeUpgraded>;
