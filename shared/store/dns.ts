import type { PublishedDns } from '../domain/dns.ts';
import { livingIds } from './cluster-lists.ts';
import { keys } from './keys.ts';
import type { DnsStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

const batchKeysMax = 100;
const always = { when: 'attribute_exists(#pk) OR attribute_not_exists(#pk)' };

export const dnsStore = (table: Table): DnsStore => ({
  async get(clusterId) {
    const item = await table.get(keys.dns(clusterId));
    return item === undefined ? undefined : entityOf<PublishedDns>(item);
  },

  async list() {
    const ids = await livingIds(table);
    const found: PublishedDns[] = [];
    for (let first = 0; first < ids.length; first += batchKeysMax) {
      const items = await table.getMany(ids.slice(first, first + batchKeysMax).map((id) => keys.dns(id)));
      found.push(...items.filter((item) => item !== undefined).map((item) => entityOf<PublishedDns>(item)));
    }
    return found;
  },

  async recordPublished(clusterId, { clusterName, records, flaws, at }) {
    await table.update(
      keys.dns(clusterId),
      { set: { clusterId, clusterName, records, flaws, publishedAt: at }, remove: ['failure'] },
      always,
    );
  },

  async recordFailure(clusterId, failure) {
    await table.update(
      keys.dns(clusterId),
      { set: { clusterId, failure }, setOnce: { records: [], flaws: [] } },
      always,
    );
  },

  async recordFlaws(clusterId, { flaws, publishedAt }) {
    const updated = await table.update(
      keys.dns(clusterId),
      { set: { flaws } },
      { when: '#publishedAt = :publishedAt', values: { publishedAt } },
    );
    return updated !== undefined;
  },

  async forget(clusterId) {
    await table.remove(keys.dns(clusterId));
  },
});
