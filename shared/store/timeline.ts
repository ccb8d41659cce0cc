import type { TimelineEntry } from '../domain/timeline.ts';
import { decodeCursor, encodeCursor, InvalidCursor } from './cursor.ts';
import { keys, prefixes } from './keys.ts';
import type { TimelineStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

const pageSizeMax = 500;

export const timelineStore = (table: Table): TimelineStore => ({
  async record(entry) {
    await table.put(keys.event(entry.clusterId, entry.at, entry.eventId), { ...entry });
  },

  async list(clusterId, { limit, after }) {
    const [from = prefixes.event] = after === undefined ? [] : decodeCursor(after, 1);
    if (!from.startsWith(prefixes.event)) throw new InvalidCursor();
    const items = await table.query(
      {
        // BETWEEN includes its ends: the character after the cursor's key begins behind it, `$` follows `#`.
        when: '#pk = :pk AND #sk BETWEEN :from AND :to',
        values: {
          pk: keys.cluster(clusterId).pk,
          from: after === undefined ? from : `${from}\u0001`,
          to: 'EVENT$',
        },
      },
      { limit: Math.max(1, Math.min(limit, pageSizeMax)) },
    );
    const last = items.at(-1);
    const cursor = last === undefined ? after : encodeCursor([String(last['sk'])]);
    return {
      items: items.map((item) => entityOf<TimelineEntry>(item)),
      ...(cursor !== undefined && { cursor }),
    };
  },
});
