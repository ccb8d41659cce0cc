import { keys } from './keys.ts';
import type { NameStore } from './store.ts';
import type { Table } from './table.ts';

export const nameStore = (table: Table): NameStore => ({
  claim: async (name, clusterId) =>
    table.put(
      keys.name(name),
      { name, clusterId },
      { when: 'attribute_not_exists(#pk) OR #clusterId = :me', values: { me: clusterId } },
    ),

  async lookUp(name) {
    const item = await table.get(keys.name(name));
    return item === undefined ? undefined : String(item['clusterId']);
  },

  release: async (name, clusterId) =>
    table.remove(keys.name(name), { when: '#clusterId = :me', values: { me: clusterId } }),
});
