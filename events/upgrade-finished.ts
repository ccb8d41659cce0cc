import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** Every node is of the new minor. */
export const upgradeFinished = defineEvent({
  name: 'UpgradeFinished',
  sources: ['overcast.reconcile-cluster'],
  schema: z.strictObject({ clusterId, to: z.string() }),
  example: { clusterId: exampleClusterId, to: '1.37' },
});
export type UpgradeFinished = Detail<typeof upgradeFinished>;
