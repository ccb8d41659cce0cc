import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';
import { clusterId, exampleClusterId } from './fields.ts';

/** Nobody is to be upgraded for now. */
export const upgradePaused = defineEvent({
  name: 'UpgradePaused',
  sources: ['overcast.upgrade-cluster'],
  schema: z.strictObject({ clusterId, to: z.string() }),
  example: { clusterId: exampleClusterId, to: '1.37' },
});
export type UpgradePaused = Detail<typeof upgradePaused>;
