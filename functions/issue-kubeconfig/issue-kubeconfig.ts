import { X509Certificate } from 'node:crypto';
import type { IssuedKubeconfig } from '../../shared/domain/api-types.ts';
import type { Cluster } from '../../shared/domain/cluster.ts';
import { issueAdminCredential, objectionToUser } from '../../shared/runtime/certificates.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { buildKubeconfig, controlPlanesOf, renderKubeconfig } from '../../shared/runtime/kubeconfig.ts';
import { mustLive } from '../../shared/runtime/people-http/find-cluster.ts';
import { Problem } from '../../shared/runtime/people-http/problem.ts';
import { openPki, type DataKeys, type RandomBytes } from '../../shared/runtime/pki.ts';
import type { Store } from '../../shared/runtime/table.ts';

export interface IssueParts {
  readonly store: Pick<Store, 'nodes' | 'pki'>;
  readonly dataKeys: Pick<DataKeys, 'decrypt'>;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  /** Where control planes can be reached by a proxy alone. */
  readonly proxyUrl: string | undefined;
  readonly installationId: string;
}

/**
 * One person's access to one cluster for one day, with a key that is made here and kept nowhere.
 *
 * @param user the API key's name: what the cluster's own audit log will say.
 * @throws Problem 409 while nobody could use it; 422 when nobody may be called that.
 */
export async function issueKubeconfig(
  { store, dataKeys, randomBytes, clock, proxyUrl, installationId }: IssueParts,
  cluster: Cluster,
  user: string,
): Promise<{ readonly issued: IssuedKubeconfig; readonly serialNumber: string }> {
  mustLive(cluster);
  const objection = objectionToUser(user);
  if (objection !== undefined)
    throw new Problem(
      422,
      `X-API-Key: the key's name is the user's name in the cluster, and such a name ${objection}: use another key`,
    );
  if (cluster.initialisedAt === undefined)
    throw new Problem(
      409,
      `the cluster ${cluster.name} has no Kubernetes API yet: its first control plane is still being made`,
    );
  const [item, nodes] = await Promise.all([store.pki.get(cluster.id), store.nodes.list(cluster.id)]);
  const controlPlanes = controlPlanesOf(cluster, nodes);
  if (item === undefined || controlPlanes.length === 0)
    throw new Problem(
      409,
      item === undefined
        ? `the cluster ${cluster.name} has no authority here that could sign for anybody`
        : `the cluster ${cluster.name} has no control plane at a public address now`,
    );
  const pki = await openPki(item, cluster.id, { dataKeys });
  const credential = await issueAdminCredential(
    { authority: pki.cluster, now: clock.now(), randomBytes },
    user,
  );
  const kubeconfig = renderKubeconfig(
    buildKubeconfig({
      installation: installationId,
      clusterId: cluster.id,
      clusterName: cluster.name,
      caCertificatePem: pki.cluster.certificatePem,
      controlPlanes,
      credential,
      user,
      proxyUrl,
    }),
  );
  return {
    issued: { kubeconfig, user, expiresAt: credential.notAfter },
    serialNumber: new X509Certificate(credential.certificatePem).serialNumber,
  };
}
