import type { Cluster } from '../../shared/domain/cluster.ts';
import { needsRotation } from '../../shared/planning/needs-rotation.ts';
import { issuePlatformCredential } from '../../shared/runtime/certificates.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { ClusterUnreachable } from '../../shared/runtime/cluster-access.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { openPki, sealCredential, type DataKeys, type RandomBytes } from '../../shared/runtime/pki.ts';
import type { Store } from '../../shared/runtime/table.ts';

/**
 * Sees to it that the platform has a credential for the cluster with enough of its life left. Of two who make one at once
 * the second is dropped: whoever needs it reads the stored one.
 *
 * @throws ClusterUnreachable while the cluster has no authorities yet.
 */
export async function keepPlatformCredential(
  parts: {
    readonly store: Pick<Store, 'pki'>;
    readonly dataKeys: DataKeys;
    readonly randomBytes: RandomBytes;
    readonly clock: Clock;
    readonly log: Log;
  },
  cluster: Pick<Cluster, 'id' | 'name'>,
): Promise<void> {
  const { store, dataKeys, randomBytes, clock, log } = parts;
  const now = clock.now();
  const stored = await store.pki.credential(cluster.id);
  if (stored !== undefined && needsRotation(stored, now) === 'no') return;
  const item = await store.pki.get(cluster.id);
  if (item === undefined)
    throw new ClusterUnreachable(`cluster ${cluster.name} has no authorities that could let the platform in`);
  const pki = await openPki(item, cluster.id, { dataKeys });
  const credential = await issuePlatformCredential({ authority: pki.cluster, now, randomBytes });
  const isOurs = await store.pki.replaceCredential(
    await sealCredential(cluster.id, credential, { dataKeys, randomBytes }),
    stored === undefined ? {} : { notAfterRead: stored.notAfter },
  );
  if (isOurs) log.info('platform credential issued', { clusterId: cluster.id, until: credential.notAfter });
}
