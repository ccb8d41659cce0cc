import type { ClusterApi } from './api-client.ts';

/** A cluster has at most 256 nodes; a larger page costs nothing. */
const nodesPerPage = 500;
const patchesAtOnce = 8;

const rolePrefix = 'node-role.kubernetes.io/';

/** `kubectl get nodes` shows roles by labels that no kubelet may give itself; kubeadm gives control planes theirs. */
export async function nameWorkers(api: ClusterApi): Promise<void> {
  const nodes = await api.listMetadata(`/api/v1/nodes?limit=${nodesPerPage}`);
  const nameless = nodes.filter(
    ({ labels = {} }) => !Object.keys(labels).some((label) => label.startsWith(rolePrefix)),
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
