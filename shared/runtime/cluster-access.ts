import type { Cluster } from '../domain/cluster.ts';
import { ApiFailure, createClusterApi, type ClusterApi } from '../kubernetes/api-client.ts';
import { controlPlanesOf } from '../kubernetes/control-planes.ts';
import type { Clock } from './clock.ts';
import { openCredential, type DataKeys } from './pki.ts';
import type { Store } from './table.ts';

export type { ClusterApi } from '../kubernetes/api-client.ts';
export { forgetGoneNodes } from '../kubernetes/forget-gone-nodes.ts';
export { cordon, evict, podsOn } from '../kubernetes/drain.ts';
export { nameWorkers, workersOf } from '../kubernetes/name-workers.ts';
export { readWorkload } from '../kubernetes/workload/read-workload.ts';

/** There is nothing to call the cluster's API with, or nobody to call: it may be there later. */
export class ClusterUnreachable extends Error {
  override readonly name = 'ClusterUnreachable';
}

/** Opens the way to one cluster's API. @throws ClusterUnreachable; what KMS throws. */
export type ClusterAccess = (cluster: Cluster) => Promise<ClusterApi>;

/**
 * The platform's way to its clusters: the credential that `configure-cluster` keeps, opened and never made here, at the public
 * addresses of the control planes that joined.
 */
export const createClusterAccess =
  (options: {
    readonly store: Pick<Store, 'nodes' | 'pki'>;
    readonly dataKeys: Pick<DataKeys, 'decrypt'>;
    readonly clock: Clock;
    readonly proxyUrl: string | undefined;
  }): ClusterAccess =>
  async (cluster) => {
    const { store, dataKeys, clock, proxyUrl } = options;
    const [stored, pki, nodes] = await Promise.all([
      store.pki.credential(cluster.id),
      store.pki.get(cluster.id),
      store.nodes.list(cluster.id),
    ]);
    if (stored === undefined || pki === undefined)
      throw new ClusterUnreachable(`the platform has no credential for cluster ${cluster.name} yet`);
    if (stored.notAfter <= clock.now())
      throw new ClusterUnreachable(
        `the platform's credential for cluster ${cluster.name} ran out at ${stored.notAfter}`,
      );
    const controlPlanes = controlPlanesOf(cluster, nodes);
    if (controlPlanes.length === 0)
      throw new ClusterUnreachable(
        `cluster ${cluster.name} has no control plane with a public address that joined`,
      );
    return createClusterApi({
      clusterId: cluster.id,
      addresses: controlPlanes.map(({ address }) => address),
      caCertificatePem: pki.caCertificatePem,
      credential: await openCredential(stored, cluster.id, { dataKeys }),
      proxyUrl,
    });
  };

/** It is the cluster's API that failed, or the way there, and not the platform. */
export const isClusterFailure = (error: unknown): error is ClusterUnreachable | ApiFailure =>
  error instanceof ClusterUnreachable || error instanceof ApiFailure;

/**
 * What is worth asking again: nobody answered, the API server is on its way up or busy, or does not know the platform yet
 * (right after `kubeadm init` its roles are still being bound). What the request itself got wrong is not.
 */
export const mayPass = (error: unknown): error is ClusterUnreachable | ApiFailure =>
  error instanceof ClusterUnreachable ||
  (error instanceof ApiFailure &&
    (error.status === undefined || error.status >= 500 || [401, 403, 429].includes(error.status)));
