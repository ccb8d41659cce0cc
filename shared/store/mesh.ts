import type { ClusterId } from '../domain/ids.ts';
import type { Mesh } from '../domain/mesh.ts';
import { keys } from './keys.ts';
import type { MeshStore } from './store.ts';
import { entityOf, type Attributes, type Table } from './table.ts';

/** No item yet is version 0 without members. */
export const meshOf = (clusterId: ClusterId, item: Attributes | undefined): Mesh =>
  item === undefined ? { clusterId, version: 0, members: [] } : entityOf<Mesh>(item);

export const meshStore = (table: Table): MeshStore => ({
  get: async (clusterId) => meshOf(clusterId, await table.get(keys.mesh(clusterId))),

  async replace(clusterId, { versionRead, members, now }) {
    const mesh: Mesh = { clusterId, version: versionRead + 1, members, changedAt: now };
    const written = await table.put(
      keys.mesh(clusterId),
      { ...mesh },
      versionRead === 0
        ? { when: 'attribute_not_exists(#pk)' }
        : { when: '#version = :read', values: { read: versionRead } },
    );
    return written ? mesh : undefined;
  },
});
