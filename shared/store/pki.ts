import type { StoredCredential, StoredPki } from '../domain/sealed-keys.ts';
import { keys } from './keys.ts';
import type { PkiStore } from './store.ts';
import { entityOf, type Table } from './table.ts';

/** All of it sealed: nobody who reads the table alone learns a key from it. */
export function pkiStore(table: Table): PkiStore {
  const get: PkiStore['get'] = async (clusterId) => {
    const item = await table.get(keys.pki(clusterId));
    return item === undefined ? undefined : entityOf<StoredPki>(item);
  };

  return {
    get,

    async create(pki) {
      const isFirst = await table.put(
        keys.pki(pki.clusterId),
        { ...pki },
        { when: 'attribute_not_exists(#pk)' },
      );
      return isFirst ? pki : ((await get(pki.clusterId)) ?? pki);
    },

    async credential(clusterId) {
      const item = await table.get(keys.credential(clusterId));
      return item === undefined ? undefined : entityOf<StoredCredential>(item);
    },

    replaceCredential: async (credential, { notAfterRead }) =>
      table.put(
        keys.credential(credential.clusterId),
        { ...credential },
        notAfterRead === undefined
          ? { when: 'attribute_not_exists(#pk)' }
          : { when: '#notAfter = :read', values: { read: notAfterRead } },
      ),

    async forget(clusterId) {
      await table.remove(keys.credential(clusterId));
      await table.remove(keys.pki(clusterId));
    },
  };
}
