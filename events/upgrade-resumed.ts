import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** The upgrade goes on where it was paused, or had stopped. */
export const upgradeResumed = defineEvent({
  name: 'UpgradeResumed',
  sources: ['overcast.upgrade-cluster'],
  schema: z.strictObject({ clusterId, to: z.string() }),
  example: { clusterId: exampleClusterId, to: '1.37' },
});
export type UpgradeResumed = Detail<typeof upgradeResumed>;
