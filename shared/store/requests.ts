import { plusSeconds } from '../domain/ids.ts';
import { keys } from './keys.ts';
import type { RequestStore, StoredRequest } from './store.ts';
import { entityOf, epochSeconds, type Table } from './table.ts';

const keptSeconds = 24 * 60 * 60;
/** An earlier request may expire between the refused write and the read. */
const triesMax = 3;

export const requestStore = (table: Table): RequestStore => ({
  async remember(principal, requestKey, request) {
    const key = keys.request(principal, requestKey);
    for (let tries = 0; tries < triesMax; tries += 1) {
      const written = await table.put(
        key,
        { ...request, expiresAt: epochSeconds(plusSeconds(request.createdAt, keptSeconds)) },
        {
          when: 'attribute_not_exists(#pk) OR #expiresAt <= :now',
          values: { now: epochSeconds(table.now()) },
        },
      );
      if (written) return request;
      const item = await table.get(key);
      if (item !== undefined) return entityOf<StoredRequest>(item);
    }
    throw new Error('a request under this idempotency key came and went');
  },
});
