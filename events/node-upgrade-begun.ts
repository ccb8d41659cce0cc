import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId, nodeNumber } from './fields.ts';

/** A control plane was told to upgrade itself. */
export const nodeUpgradeBegun = defineEvent({
  name: 'NodeUpgradeBegun',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, number: nodeNumber, to: z.string() }),
  example: { clusterId: exampleClusterId, number: 2, to: '1.37' },
});
export type NodeUpgradeBegun = Detail<typeof nodeUpgradeBegun>;
