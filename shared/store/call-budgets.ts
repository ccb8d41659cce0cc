import type { CallBudget } from '../domain/call-budget.ts';
import { keys } from './keys.ts';
import type { CallBudgetStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

export const callBudgetStore = (table: Table): CallBudgetStore => ({
  async get({ cloud, accountId, scope }) {
    const item = await table.get(keys.callBudget(cloud, accountId, scope));
    return item === undefined ? undefined : entityOf<CallBudget>(item);
  },

  replace: async ({ cloud, accountId, scope }, budget) =>
    table.put(
      keys.callBudget(cloud, accountId, scope),
      { ...budget },
      budget.version === 1
        ? { when: 'attribute_not_exists(#pk)' }
        : { when: '#version = :read', values: { read: budget.version - 1 } },
    ),
});
