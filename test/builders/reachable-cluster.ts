import { randomBytes } from 'node:crypto';
import type { Cluster } from '../../shared/domain/cluster.ts';
import type { Instant } from '../../shared/domain/ids.ts';
import type { Node } from '../../shared/domain/node.ts';
import type { Operation } from '../../shared/domain/operation.ts';
import { createClusterPki, type ClusterPki } from '../../shared/kubernetes/pki/cluster-pki.ts';
import { issueServingCredential } from '../../shared/kubernetes/pki/issue-credentials.ts';
import { sealPki, type DataKeys } from '../../shared/runtime/pki.ts';
import type { Store } from '../../shared/runtime/table.ts';
import { aCluster } from './cluster.ts';
import { ControlPlanes } from './kubernetes-api.ts';
import { aNode } from './node.ts';

export interface ReachableCluster {
  readonly cluster: Cluster;
  readonly pki: ClusterPki;
  readonly there: ControlPlanes;
}

/**
 * A cluster with its authorities in the store, and one control plane, node 1 at 203.0.113.1, that answers by a proxy with a
 * certificate of those authorities.
 *
 * @param now the true time: TLS knows no other.
 */
export async function aReachableCluster(
  { store, dataKeys, now }: { store: Store; dataKeys: DataKeys; now: Instant },
  given: Partial<Cluster> = {},
): Promise<ReachableCluster> {
  const cluster = aCluster({ initialisedAt: now, initNode: 1, ...given });
  const there = new ControlPlanes();
  const pki = await createClusterPki({ clusterId: cluster.id, now, randomBytes });
  const serving = await issueServingCredential(
    { authority: pki.cluster, now, randomBytes },
    { clusterId: cluster.id, addresses: [], validSeconds: 3600 },
  );
  await Promise.all([
    store.clusters.create(cluster),
    store.pki.create(await sealPki(pki, { dataKeys, randomBytes })),
    store.nodes.materialise(aControlPlane(cluster, now)),
    there.start('203.0.113.1', { pki, serving }),
    there.startProxy(),
  ]);
  return { cluster, pki, there };
}

export const aControlPlane = (cluster: Cluster, now: Instant, given: Partial<Node> = {}): Node =>
  aNode({
    clusterId: cluster.id,
    number: 1,
    role: 'control-plane',
    phase: 'ready',
    joinedAt: now,
    readyAt: now,
    publicAddress: '203.0.113.1',
    ...given,
  });

export const ownedBy = (executionArn: string, kind: Operation['kind'], startedAt: Instant): Operation => ({
  executionArn,
  kind,
  startedAt,
});
