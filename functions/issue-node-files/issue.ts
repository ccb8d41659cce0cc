import type { Cluster } from '../../shared/domain/cluster.ts';
import { clusterNames, type HostedZone } from '../../shared/domain/dns.ts';
import { nodeName, type Node } from '../../shared/domain/node.ts';
import { snapshotKey } from '../../shared/domain/snapshot.ts';
import type { FilesReply, FilesRequest } from '../../shared/domain/node-protocol.ts';
import { reservedOf } from '../../shared/planning/allocatable.ts';
import { etcdTuning, roundTripMilliseconds } from '../../shared/planning/etcd-tuning.ts';
import { providerIdOf } from '../../shared/planning/kubeadm-config-provider-id.ts';
import type { KubeadmCluster, KubeadmNode } from '../../shared/planning/kubeadm-config.ts';
import { mayHaveFiles } from '../../shared/planning/may-have-files.ts';
import { versionOf } from '../../shared/planning/upgrading.ts';
import { labelsOf, taintsOf } from '../../shared/planning/node-labels.ts';
import { createClusterPki, issueBootstrapCredential } from '../../shared/runtime/certificates.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import {
  filesForControlPlaneJoin,
  filesForInit,
  filesForRestore,
  filesForWorkerJoin,
} from '../../shared/runtime/node-files.ts';
import { isSessionOf, NodeCallRefused, type NodeCall } from '../../shared/runtime/node-http.ts';
import {
  openPki,
  sealPki,
  type ClusterPki,
  type DataKeys,
  type RandomBytes,
} from '../../shared/runtime/pki.ts';
import type { PresignUrl } from '../../shared/runtime/presigned-url.ts';
import type { Store } from '../../shared/runtime/table.ts';

export interface IssueDependencies {
  readonly store: Pick<Store, 'nodes' | 'pki' | 'syncView'>;
  readonly dataKeys: DataKeys;
  readonly randomBytes: RandomBytes;
  readonly clock: Clock;
  readonly log: Log;
  /** Signs for the bucket of etcd snapshots. */
  readonly presign: PresignUrl;
  /** In which the API's name is; undefined where the installation has none. */
  readonly zone?: HostedZone | undefined;
}

/** The cloud has made the machine and its id is about to be written: the next call finds it. */
const recordAfterSeconds = 5;
/** The machine pulls etcd's image first, and asks for its files only once. */
const snapshotUrlSecondsMax = 30 * 60;

/**
 * Gives a machine what kubeadm needs: to the control planes that may begin now with the cluster's authorities, to a worker
 * with a credential of its own. The same machine may ask as often as it likes until it has joined: it gets the same
 * authorities and a bootstrap certificate that begins anew. No other machine can: the session is bound to the first. Whoever
 * restores a cluster has its snapshot besides, by a URL that is a secret and stands in the reply and nowhere else.
 *
 * @throws NodeCallRefused 401: the session is not this node's; 403: the machine may not begin, or not yet; 409: its kubeadm
 *   is of another minor than the cluster; 503: its cloud's record of it is not there yet.
 */
export const issueFiles =
  (dependencies: IssueDependencies) =>
  async (call: NodeCall<FilesRequest>): Promise<FilesReply> => {
    const { store, clock, randomBytes, log, presign } = dependencies;
    const { clusterId, number, body } = call;
    const { cluster, node } = await store.syncView(clusterId, number);
    if (cluster === undefined || !isSessionOf(node, call.bearer))
      throw new NodeCallRefused(401, 'the session is not valid for this node');
    const about = { clusterId, number, attempt: node.attempt, role: node.role };

    const verdict =
      body.attempt === node.attempt
        ? mayHaveFiles({ cluster, node })
        : { refused: `attempt ${body.attempt} is not this machine’s` };
    if ('refused' in verdict) {
      log.warn('files refused', { ...about, reason: verdict.refused });
      throw new NodeCallRefused(403, verdict.refused);
    }
    const version = versionOf(node, cluster);
    if (!body.kubernetes.startsWith(`v${version}.`))
      throw new NodeCallRefused(
        409,
        `kubernetes: the machine has ${body.kubernetes}, and is to be of ${version}`,
      );
    const { providerId } = node;
    if (providerId === undefined)
      throw new NodeCallRefused(503, 'the machine is not recorded yet: ask again', recordAfterSeconds);

    const pki = await pkiOf(dependencies, clusterId, verdict.give === 'init');
    const parts = {
      cluster: await kubeadmCluster(dependencies, cluster, body.kubernetes),
      node: kubeadmNode(cluster, { ...node, providerId }, body.place),
    };
    // Whatever goes wrong with the answer from here on: that it was made out is known.
    log.info('files issued', { ...about, files: verdict.give, kubernetes: body.kubernetes });
    if (verdict.give === 'init') return { files: filesForInit({ ...parts, pki }) };
    if (verdict.give === 'restore') {
      const snapshotUrl = await presign({
        method: 'GET',
        key: snapshotKey(clusterId, verdict.snapshot),
        secondsMax: snapshotUrlSecondsMax,
      });
      return { files: filesForRestore({ ...parts, pki, snapshotUrl }) };
    }
    const bootstrap = await issueBootstrapCredential(
      { authority: pki.cluster, now: clock.now(), randomBytes },
      parts.node.name,
    );
    return verdict.give === 'join-control-plane'
      ? { files: filesForControlPlaneJoin({ ...parts, pki, bootstrap }) }
      : {
          files: filesForWorkerJoin({ ...parts, caCertificatePem: pki.cluster.certificatePem, bootstrap }),
        };
  };

/**
 * The cluster's authorities, made when its first control plane is about to begin. Of two that make them at once the first
 * to write wins, and both go on with that: what is handed out is always what is stored.
 *
 * @throws Error when a cluster is initialised and its authorities are not there: no new ones would ever be trusted.
 */
async function pkiOf(
  { store, dataKeys, randomBytes, clock, log }: IssueDependencies,
  clusterId: string,
  mayCreate: boolean,
): Promise<ClusterPki> {
  let stored = await store.pki.get(clusterId);
  if (stored === undefined) {
    if (!mayCreate) throw new Error(`the authorities of cluster ${clusterId} are lost`);
    const created = await createClusterPki({ clusterId, now: clock.now(), randomBytes });
    stored = await store.pki.create(await sealPki(created, { dataKeys, randomBytes }));
    log.info('the cluster’s authorities are made', { clusterId });
  }
  return openPki(stored, clusterId, { dataKeys });
}

async function kubeadmCluster(
  { store, zone }: IssueDependencies,
  cluster: Cluster,
  kubernetesVersion: string,
): Promise<KubeadmCluster> {
  const { id, name, podRange, pendingPlan } = cluster;
  const nodes = await store.nodes.list(id);
  const wanted = [...nodes.filter(({ desired }) => desired === 'present'), ...(pendingPlan?.nodes ?? [])];
  return {
    id,
    name,
    kubernetesVersion,
    podRange,
    ...(zone !== undefined && { apiName: clusterNames(name, zone.name).api }),
    etcd: etcdTuning(roundTripMilliseconds(cluster.clouds.map(({ cloud }) => cloud))),
    controlPlanesRunWork: wanted.every(({ role }) => role === 'control-plane'),
  };
}

function kubeadmNode(
  cluster: Cluster,
  node: Node & { readonly providerId: string },
  place: FilesRequest['place'],
): KubeadmNode {
  const providerId = providerIdOf(node, place);
  return {
    name: nodeName(cluster.name, node.number),
    role: node.role,
    overlayAddress: node.overlayAddress,
    labels: labelsOf(node.offering),
    taints: taintsOf(node.offering),
    reserved: reservedOf(node.offering),
    ...(providerId !== undefined && { providerId }),
  };
}
