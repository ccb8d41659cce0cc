import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** Another Kubernetes version was asked for. */
export const upgradeRequested = defineEvent({
  name: 'UpgradeRequested',
  sources: ['overcast.upgrade-cluster'],
  schema: z.strictObject({ clusterId, to: z.string() }),
  example: { clusterId: exampleClusterId, to: '1.37' },
});
export type UpgradeRequested = Detail<typeof upgradeRequested>;
