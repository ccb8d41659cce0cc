import { keys } from './keys.ts';
import type { AuditStore } from './store.ts';
import type { Table } from './table.ts';

export const auditStore = (table: Table): AuditStore => ({
  async record(entry) {
    await table.put(keys.audit(entry.at, entry.id), { ...entry });
  },
});
