import { keys } from './keys.ts';
import type { ApiKey, ApiKeyStore } from './store.ts';
import { entityOf, epochSeconds, type Table } from './table.ts';

export const apiKeyStore = (table: Table): ApiKeyStore => ({
  async put({ expiresAt, ...key }) {
    await table.put(keys.apiKey(key.hash), {
      ...key,
      // `expiresAt` is the table's own attribute, in epoch seconds.
      ...(expiresAt !== undefined && { validUntil: expiresAt, expiresAt: epochSeconds(expiresAt) }),
    });
  },

  async find(hash, now) {
    const item = await table.get(keys.apiKey(hash));
    if (item === undefined) return undefined;
    const { validUntil, ...key } = entityOf<Omit<ApiKey, 'expiresAt'> & { validUntil?: string }>(item);
    if (validUntil === undefined) return key;
    return validUntil > now ? { ...key, expiresAt: validUntil } : undefined;
  },
});
