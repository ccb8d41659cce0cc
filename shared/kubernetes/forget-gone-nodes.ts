import type { Cluster } from '../domain/cluster.ts';
import { nodeName, type Node } from '../domain/node.ts';
import type { ClusterApi } from './api-client.ts';
import { nodesPerPage } from './name-workers.ts';

const deletionsAtOnce = 8;

/**
 * Removes the Nodes of this cluster that no machine stands behind: until then their pods would be waited for.
 *
 * @param readNodes every node item of the cluster; read after the cluster’s own list, so that whoever registers is known.
 */
export async function forgetGoneNodes(
  api: ClusterApi,
  cluster: Pick<Cluster, 'name'>,
  readNodes: () => Promise<readonly Node[]>,
): Promise<void> {
  const listed = await api.listMetadata(`/api/v1/nodes?limit=${nodesPerPage}`);
  const living = new Set(
    (await readNodes())
      .filter(({ phase }) => phase !== 'deleted')
      .map(({ number }) => nodeName(cluster.name, number)),
  );
  const ours = new RegExp(`^${cluster.name}-[1-9]\\d*$`);
  const gone = listed.map(({ name }) => name).filter((name) => ours.test(name) && !living.has(name));
  for (let index = 0; index < gone.length; index += deletionsAtOnce)
    await Promise.all(
      gone.slice(index, index + deletionsAtOnce).map(async (name) => api.delete(`/api/v1/nodes/${name}`)),
    );
}
