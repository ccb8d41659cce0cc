import type { CloudAccount } from '../domain/cloud.ts';
import { keys } from './keys.ts';
import type { AccountStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

export const accountStore = (table: Table): AccountStore => ({
  async put(account) {
    await table.put(keys.account(account.cloud, account.id), { ...account });
  },

  async get(cloud, id) {
    const item = await table.get(keys.account(cloud, id));
    return item === undefined ? undefined : entityOf<CloudAccount>(item);
  },

  list: async () =>
    (await table.query({ when: '#pk = :pk', values: { pk: 'ACCOUNTS' } })).map((item) =>
      entityOf<CloudAccount>(item),
    ),
});
