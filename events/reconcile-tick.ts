import * as z from 'zod/mini';
import { defineEvent, type Detail } from './event.ts';

/** A minute has passed. */
export const reconcileTick = defineEvent({
  name: 'ReconcileTick',
  sources: ['overcast.schedule'],
  schema: z.strictObject({}),
  example: {},
});
export type ReconcileTick = Detail<typeof reconcileTick>;
