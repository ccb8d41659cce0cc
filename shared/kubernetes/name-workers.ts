import type { Cluster } from '../domain/cluster.ts';
import { nodeName, type Node } from '../domain/node.ts';
import type { ClusterApi } from './api-client.ts';

/** A cluster has at most 256 nodes; a larger page costs nothing. */
export const nodesPerPage = 500;
const patchesAtOnce = 8;

const rolePrefix = 'node-role.kubernetes.io/';

/**
 * `kubectl get nodes` shows roles by labels that no kubelet may give itself; kubeadm gives control planes theirs.
 *
 * @param workers their names. A node without a role may as well be a control plane that kubeadm has not marked yet.
 */
export async function nameWorkers(api: ClusterApi, workers: readonly string[]): Promise<void> {
  const known = new Set(workers);
  const nodes = await api.listMetadata(`/api/v1/nodes?limit=${nodesPerPage}`);
  const nameless = nodes.filter(
    ({ name, labels = {} }) =>
      known.has(name) && !Object.keys(labels).some((label) => label.startsWith(rolePrefix)),
  );
  for (let index = 0; index < nameless.length; index += patchesAtOnce)
    await Promise.all(
      nameless
        .slice(index, index + patchesAtOnce)
        .map(async ({ name }) =>
          api.patch(`/api/v1/nodes/${name}`, { metadata: { labels: { [`${rolePrefix}worker`]: '' } } }),
        ),
    );
}

/** What a cluster's workers are called in it. */
export const workersOf = (cluster: Pick<Cluster, 'name'>, nodes: readonly Node[]): readonly string[] =>
  nodes.filter(({ role }) => role === 'worker').map(({ number }) => nodeName(cluster.name, number));
