import * as z from 'zod/mini';
import { accessBindings } from '../../shared/planning/kubeadm-config-security.ts';
import { isRestoring } from '../../shared/planning/restoring.ts';
import {
  forgetGoneNodes,
  mayPass,
  nameWorkers,
  workersOf,
  type ClusterAccess,
} from '../../shared/runtime/cluster-access.ts';
import { ownedCluster } from '../../shared/runtime/ownership.ts';
import { pending, type Pending } from '../../shared/runtime/progress.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { keepPlatformCredential } from './platform-credential.ts';

export const configureRequest = z.strictObject({
  clusterId: z.uuid(),
  executionArn: z.string().check(z.minLength(1)),
});
export type ConfigureRequest = z.infer<typeof configureRequest>;

const tryEverySeconds = 10;

/**
 * What a cluster needs from inside once its first API server answers: the platform's own credential, the groups that may act,
 * workers that are called so, and no node that is gone. Each step makes it be so, so that all of it is right when done again.
 */
export const configureCluster =
  (
    parts: {
      readonly store: Pick<Store, 'clusters' | 'nodes' | 'pki'>;
      readonly access: ClusterAccess;
    } & Parameters<typeof keepPlatformCredential>[0],
  ) =>
  async ({ clusterId, executionArn }: ConfigureRequest): Promise<{ done: true } | Pending> => {
    const { store, access, log } = parts;
    const cluster = await ownedCluster(store, clusterId, executionArn);
    if (cluster.initialisedAt === undefined)
      return pending('the first control plane to be initialised', tryEverySeconds);
    if (isRestoring(cluster)) return pending('the cluster to be restored', tryEverySeconds);
    try {
      await keepPlatformCredential(parts, cluster);
      const api = await access(cluster);
      for (const binding of accessBindings()) await api.apply(pathOf(binding.metadata), binding);
      await nameWorkers(api, workersOf(cluster, await store.nodes.list(clusterId)));
      // A snapshot brings back nodes that went after it was taken.
      if (cluster.restore !== undefined)
        await forgetGoneNodes(api, cluster, () => store.nodes.list(clusterId));
    } catch (error) {
      if (!mayPass(error)) throw error;
      return pending(`the API of cluster ${cluster.name}: ${error.message}`, tryEverySeconds);
    }
    log.info('cluster configured', { clusterId, executionArn });
    return { done: true };
  };

const pathOf = (metadata: unknown): string =>
  `/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/${(metadata as { readonly name: string }).name}`;
