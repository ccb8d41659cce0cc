import * as z from 'zod/mini';
import type { Log } from '../../shared/runtime/log.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { describeEvent } from './describe-event.ts';

/** Any event of the platform, as the bus delivers it. */
export const platformEvent = z.object({
  id: z.string(),
  source: z.string(),
  time: z.string(),
  'detail-type': z.string(),
  detail: z.unknown(),
});
export type PlatformEvent = z.infer<typeof platformEvent>;

/** What happens to a cluster is written into its timeline; the same event twice is one entry. */
export const onEvent =
  ({ store, log }: { readonly store: Pick<Store, 'timeline'>; readonly log: Log }) =>
  async (event: PlatformEvent): Promise<void> => {
    const name = event['detail-type'];
    const description = describeEvent(name, event.detail);
    if (description === undefined) {
      log.info('not for a timeline', { event: name });
      return;
    }
    await store.timeline.record({
      ...description,
      eventId: event.id,
      // The bus writes whole seconds; instants sort as text only when all have one form.
      at: new Date(event.time).toISOString(),
      event: name,
      who: event.source,
    });
  };
